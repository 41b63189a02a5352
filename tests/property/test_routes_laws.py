"""Where a report goes in the second program: the short way is the long way, for any times."""

from collections.abc import Sequence
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tfchain.base.address import to_text
from tfchain.base.crypto import public_key
from tfchain.base.units import Address, Seconds
from tfchain.chain.columns.blocks import FarmMade, NodeMade, Reported, TargetSet, TwinMade
from tfchain.chain.columns.roster import Roster
from tfchain.chain.columns.routes import Routes
from tfchain.chain.genesis import Genesis, read_genesis
from tfchain.ledger.records import Resources

GENESIS_S = 1_700_000_000
NODES = 3
FIRST_S, PERIOD_S, WINDOW_S = 15, 60, 12
"""The devnet's schedule: its first period, how long each is, how long one takes reports after its end."""
OWNER = Address(public_key(b"o" * 32))
GIB = 1 << 30


def _genesis() -> Genesis:
    template = Path(__file__).parents[2] / "genesis" / "devnet.toml"
    text = template.read_text(encoding="utf-8").replace("time = 0", f"time = {GENESIS_S}")
    text += f'[[account]]\naddress = "{to_text(OWNER)}"\nbalance = 1000000000000\n'
    text += f'[[validator]]\nkey = "{to_text(OWNER)}"\npower = 1\n'
    text += f'reward_account = "{to_text(OWNER)}"\n'
    text += f'[[guardian]]\naccount = "{to_text(OWNER)}"\n'
    return read_genesis(text)


GENESIS = _genesis()


def _unlearned(routes: Routes) -> Routes:
    """The same streams with somebody who has not learned yet where reports fall."""
    fresh = Routes(GENESIS.params)
    fresh.streams = routes.streams
    return fresh


def _routed(steps: Sequence[tuple[int, int, int, bool]], *, learning: bool) -> object:
    """Streams and machines after `steps`: node, seconds from genesis to the block and to the report's
    own time, and whether it is a wish to wake instead; by the blocks' time."""
    routes = Routes(GENESIS.params)
    roster, now = Roster(GENESIS.params, GENESIS.policies), Seconds(GENESIS_S)
    roster.add_twin(TwinMade(OWNER, "", b""))
    roster.add_farm(FarmMade(OWNER, "farm"), now)
    size = Resources(cru=8, mru=16 * GIB, hru=0, sru=500 * GIB)
    for _ in range(NODES):
        roster.add_node(NodeMade(OWNER, 1, size, "BE", "Ghent", virtualized=False), now)
    for node, block, told, wake in sorted(steps, key=lambda step: step[1]):
        now = Seconds(GENESIS_S + block)
        routes = routes if learning else _unlearned(routes)
        if wake:
            routes.target(roster, TargetSet(node, up=True), now)
        else:
            routes.report(roster, Reported(node, GENESIS_S + told, told), now)
    streams = {place: stream.encode() for place, stream in sorted(routes.streams.items())}
    return streams, roster.machines


def _around(*seconds: int) -> st.SearchStrategy[int]:
    return st.sampled_from([each + beside for each in seconds for beside in (-1, 0, 1)])


STARTS = [FIRST_S + PERIOD_S * period for period in range(4)]
STEPS = st.lists(
    st.tuples(
        st.integers(1, NODES),
        _around(*STARTS, *(start + WINDOW_S for start in STARTS)),
        _around(*STARTS),
        st.integers(0, 9).map(lambda one_in_ten: one_in_ten == 0),
    ),
    max_size=30,
)


@settings(max_examples=1_000)  # seconds, and one of them matters
@given(STEPS)
def test_a_report_goes_where_the_long_way_takes_it(
    steps: list[tuple[int, int, int, bool]],
) -> None:
    assert _routed(steps, learning=True) == _routed(steps, learning=False)
