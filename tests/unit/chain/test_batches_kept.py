"""Rows kept as at a period's end: they go once the batch is sealed, a bounded number a block (P8)."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tfchain.base.units import FarmId
from tfchain.ledger import tables
from tfchain.ledger.minting import APPROVED, DISPUTED
from tfchain.tx.kinds.create_farm import CreateFarm
from tfchain.tx.kinds.set_stellar_address import SetStellarAddress

if TYPE_CHECKING:
    from tests.unit.chain.conftest import Chain, MakeChain

FARMER = 1
AddSchedule = Callable[..., tuple[str, str]]


def _kept(chain: "Chain") -> int:
    """Rows in the store, not what the batch says of them."""
    marks = (tables.KEPT.stored_at(b""), tables.KEPT_KEYS.stored_at(b""))
    return sum(1 for place in chain.rows if place.startswith(marks))


def _change_five_farms(chain: "Chain") -> None:
    stellar = chain.tx(FARMER, SetStellarAddress(farm_id=FarmId(1), address="GABC"))
    farms = [chain.tx(FARMER, CreateFarm(name=f"farm_{n}")) for n in range(4)]
    assert chain.run(stellar, *farms) == ("ok",) * 5


def test_kept_rows_go_in_bounded_slices_once_the_batch_is_sealed(make_chain: "MakeChain") -> None:
    chain: Chain = make_chain(("settle_nodes = 500", "settle_nodes = 2"))
    chain.found()
    chain.until(79)
    _change_five_farms(chain)
    assert (chain.batch().kept, _kept(chain)) == (5, 10)
    chain.until(96)
    assert chain.batch().kept == 5
    seen = []
    for second in (97, 98, 99, 100):
        chain.at(second)
        seen.append((chain.batch().kept, _kept(chain)))
    assert seen == [(3, 6), (1, 2), (0, 0), (0, 0)]


def test_two_batches_share_the_slice(make_chain: "MakeChain", second_schedule: AddSchedule) -> None:
    edits = ("settle_nodes = 500", "settle_nodes = 2"), second_schedule()
    chain: Chain = make_chain(*edits)
    chain.found()
    chain.until(79)
    _change_five_farms(chain)
    assert [chain.batch(0, schedule).kept for schedule in (0, 1)] == [5, 5]
    seen = []
    chain.until(96)
    for second in range(97, 103):
        before = _kept(chain)
        chain.at(second)
        kept = [chain.batch(0, schedule).kept for schedule in (0, 1)]
        seen.append((kept, (before - _kept(chain)) // 2))
    assert [kept for kept, _ in seen] == [[3, 5], [1, 5], [0, 4], [0, 2], [0, 0], [0, 0]]
    assert [dropped for _, dropped in seen] == [2, 2, 2, 2, 2, 0]


def test_a_disputed_batch_stays_listed_until_it_has_dropped_what_it_kept(
    make_chain: "MakeChain",
) -> None:
    chain: Chain = make_chain(("settle_nodes = 500", "settle_nodes = 2"))
    chain.found()
    chain.until(79)
    _change_five_farms(chain)
    chain.until(97)
    chain.at(300)
    assert (chain.batch().state, chain.batch().kept) == (DISPUTED, 1)
    assert 0 in chain.live()
    chain.run()
    assert chain.batch().kept == 0
    assert 0 not in chain.live()
    chain.run(*chain.attestations())
    assert chain.batch().state == APPROVED
    assert 0 in chain.live()
