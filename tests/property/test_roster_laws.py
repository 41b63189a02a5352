"""Sets that change at every height, against a model of the reference's own words (scenario 43)."""

from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tfchain.base import crypto
from tfchain.base.address import to_text
from tfchain.base.units import Address, Height, Millis, Power, Round, Seconds, Utft
from tfchain.chain.faults import judge
from tfchain.chain.genesis import genesis_outcome, read_genesis
from tfchain.chain.succession import finish
from tfchain.errors import Rejected
from tfchain.ledger import roster, tables
from tfchain.ledger.commit import PREVOTE, vote_message
from tfchain.ledger.evidence import DoubleVote
from tfchain.ledger.state import State
from tfchain.ledger.validators import Validator, ValidatorSet, genesis_set, validator_address
from tfchain.tx.kind import Context, Kind
from tfchain.tx.kinds.propose_power import ProposePower
from tfchain.tx.kinds.propose_validator import ProposeValidator

ROOT = Path(__file__).resolve().parents[2]
GENESIS = 1_700_000_000
RULER = 1
"""A validator with more than two thirds of the power in every set: what it proposes is carried."""
RULING = 1_000
CROWD = tuple(range(2, 9))

SEEDS = {number: bytes([number]) * 32 for number in (RULER, *CROWD)}
KEYS = {number: Address(crypto.public_key(seed)) for number, seed in SEEDS.items()}
AT = {number: validator_address(key) for number, key in KEYS.items()}
NAMES = {address: number for number, address in AT.items()}

Powers = dict[int, int]


@dataclass(slots=True)
class Model:
    """The reference's set: a priority each, and the total taken from whoever proposes at once."""

    powers: Powers
    priorities: dict[int, int] = field(default_factory=dict)
    proposer: int = 0

    def __post_init__(self) -> None:
        self.priorities = dict.fromkeys(self.powers, 0)
        self.turn()

    def change(self, after: Powers) -> None:
        """Joiners start at -1.125 of the total before removals (1.3.3)."""
        gone = sum(power for number, power in self.powers.items() if number not in after)
        full = sum(after.values()) + gone
        start = -(full + full // 8)
        self.priorities = {number: self.priorities.get(number, start) for number in after}
        self.powers = dict(after)
        self.settle()

    def settle(self) -> None:
        """Within two totals of each other, around 0 (1.3.2); divisions as 1.3.4 has them."""
        total, values = sum(self.powers.values()), list(self.priorities.values())
        spread = max(values) - min(values)
        if spread > 2 * total:
            ratio = (spread + 2 * total - 1) // (2 * total)
            self.priorities = {
                n: int(abs(p) // ratio) * (1 if p > 0 else -1) for n, p in self.priorities.items()
            }
        mean = sum(self.priorities.values()) // len(self.priorities)
        self.priorities = {number: value - mean for number, value in self.priorities.items()}

    def turn(self) -> None:
        """One height on (1.3.1): the greatest proposes, of equals the smallest address."""
        self.settle()
        for number, power in self.powers.items():
            self.priorities[number] += power
        self.proposer = min(self.powers, key=lambda n: (-self.priorities[n], AT[n]))
        self.priorities[self.proposer] -= sum(self.powers.values())


def _members(powers: Powers) -> tuple[Validator, ...]:
    rows = [
        Validator(
            address=AT[number], key=KEYS[number], power=Power(power), reward_account=KEYS[number]
        )
        for number, power in powers.items()
    ]
    return tuple(sorted(rows, key=lambda row: row.address))


def _check_same(found: ValidatorSet, model: Model) -> None:
    assert {NAMES[row.address]: row.power for row in found.validators} == model.powers
    assert NAMES[found.proposer(Round(0)).address] == model.proposer
    values = dict(
        zip((NAMES[row.address] for row in found.validators), found.priorities, strict=True)
    )
    values[model.proposer] -= sum(model.powers.values())
    assert values == model.priorities


SETS = st.dictionaries(st.sampled_from((RULER, *CROWD)), st.integers(1, 10**6), min_size=1)


@settings(max_examples=60, deadline=None)
@given(first=SETS, later=st.lists(st.one_of(st.none(), SETS), max_size=25))
def test_sets_priorities_and_proposers_are_those_of_the_model(
    first: Powers, later: list[Powers | None]
) -> None:
    """Scenario 43."""
    ours, model = genesis_set(_members(first)), Model(first)
    _check_same(ours, model)
    for powers in later:
        if powers is None:
            ours = ours.stepped()
        else:
            ours = ours.followed(_members(powers))
            model.change(powers)
        model.turn()
        _check_same(ours, model)


@settings(max_examples=40, deadline=None)
@given(first=SETS.filter(lambda powers: len(powers) > 1), turns=st.integers(0, 20))
def test_leaving_and_coming_again_jumps_no_queue(first: Powers, turns: int) -> None:
    """1.3.3: whoever comes back stands behind everybody who stayed."""
    members = _members(first)
    ours = genesis_set(members)
    for _ in range(turns):
        ours = ours.stepped()
    back = ours.proposer(Round(0))
    rest = tuple(row for row in members if row != back)
    ours = ours.followed(rest).followed(members)
    index = ours.index_of(back.address)
    assert index is not None
    others = [
        p - m.power for p, m in zip(ours.priorities, ours.validators, strict=True) if m != back
    ]
    assert ours.priorities[index] - back.power <= min(others)


def _text() -> str:
    text = (ROOT / "genesis" / "devnet.toml").read_text(encoding="utf-8")
    rows = [text.replace("time = 0", f"time = {GENESIS}").replace("blocks = 600", "blocks = 64")]
    rows[0] = rows[0].replace("seconds = 600", "seconds = 70")
    name = to_text(KEYS[RULER])
    rows.append(f'[[account]]\naddress = "{name}"\nbalance = 1000000')
    rows.append(f'[[guardian]]\naccount = "{name}"')
    rows.append(f'[[validator]]\nkey = "{name}"\npower = {RULING}\nreward_account = "{name}"')
    return "\n".join(rows) + "\n"


GENESIS_READ = read_genesis(_text())
PARAMS = GENESIS_READ.params
FIRST_ROWS = dict(genesis_outcome(GENESIS_READ).rows)


def _text_of(height: int, block_id: bytes) -> bytes:
    return vote_message(PARAMS.chain_id, PREVOTE, Height(height), Round(0), block_id)


def _double_vote(number: int, height: int) -> DoubleVote:
    return DoubleVote(
        validator=AT[number],
        kind=PREVOTE,
        height=Height(height),
        round=Round(0),
        first_id=b"",
        first_signature=crypto.sign(SEEDS[number], _text_of(height, b"")),
        second_id=bytes(32),
        second_signature=crypto.sign(SEEDS[number], _text_of(height, bytes(32))),
    )


@dataclass(slots=True)
class Ledger:
    """A ledger without transactions' envelopes: kinds, and the end of each block."""

    state: State
    height: int = 0
    wanted: Powers = field(default_factory=lambda: {RULER: RULING})
    sets: dict[int, Powers] = field(default_factory=dict)
    """What the model says of each height."""

    def act(self, kind: Kind) -> str:
        context = Context(
            height=Height(self.height + 1),
            time=Seconds(GENESIS + self.height + 1),
            params=PARAMS,
            sender=KEYS[RULER],
            nonce=0,
        )
        branch = self.state.branch()
        try:
            kind.apply(branch, context)
        except Rejected as refusal:
            return refusal.code
        branch.keep()
        return "ok"

    def change(self, number: int, power: int) -> None:
        """Give a power, by the kind that fits; the model knows whether that can be."""
        known = tables.SEATS.get(self.state, AT[number]) is not None
        kind: Kind = ProposePower(validator=AT[number], power=Power(power), force=True)
        if not known:
            kind = ProposeValidator(
                validator_key=KEYS[number],
                power=Power(max(1, power)),
                bond=Utft(1),
                reward_account=KEYS[number],
                force=True,
            )
        before = self.wanted.get(number, 0)
        power = power if known else max(1, power)
        code = self.act(kind)
        assert code == ("no_change" if known and power == before else "ok")
        self.wanted = {name: old for name, old in self.wanted.items() if name != number}
        if power:
            self.wanted[number] = power

    def end(self) -> None:
        self.height += 1
        self.sets[self.height + 2] = dict(self.wanted)
        finish(self.state, PARAMS, Height(self.height), Millis((GENESIS + self.height) * 1_000))


STEPS = st.lists(
    st.dictionaries(st.sampled_from(CROWD), st.integers(0, 40), max_size=3),
    min_size=1,
    max_size=90,
)


@settings(max_examples=25, deadline=None)
@given(steps=STEPS, asked=st.lists(st.tuples(st.integers(0, 95), st.sampled_from(CROWD))))
def test_every_height_has_its_set_and_old_evidence_is_judged_by_it(
    steps: list[Powers], asked: list[tuple[int, int]]
) -> None:
    """1.10.1, 1.10.5: two heights after the block, and for as long as evidence counts."""
    ledger = Ledger(State(FIRST_ROWS))
    ledger.sets = {1: {RULER: RULING}, 2: {RULER: RULING}}
    tip = genesis_set(GENESIS_READ.validators)
    for step in steps:
        for number, power in sorted(step.items()):
            ledger.change(number, power)
        ledger.end()
        changed = roster.changed(ledger.state, Height(ledger.height))
        if changed is not None:
            tip = tip.followed(changed)
            assert {NAMES[row.address]: row.power for row in changed} == ledger.wanted
        assert {NAMES[row.address]: row.power for row in tip.validators} == ledger.wanted
    at = Height(ledger.height + 1), Millis((GENESIS + ledger.height + 1) * 1_000)
    for height, number in asked:
        _check_judged(ledger, height, number, at)


def _check_judged(ledger: Ledger, height: int, number: int, at: tuple[Height, Millis]) -> None:
    piece = _double_vote(number, height)
    try:
        checks = judge(ledger.state, PARAMS, *at, piece)
    except Rejected as refusal:
        code = refusal.code
        member = number in ledger.sets.get(height, {})
        if code == "unknown_height":
            assert height > ledger.height
        elif code == "expired":
            assert at[0] - height > 70
        elif code == "not_a_validator":
            assert not member
        else:
            assert code == "settled", code
            seat = tables.SEATS.get(ledger.state, AT[number])
            assert seat is not None, "a bond is not released while evidence counts"
            assert height < seat.answers_from
    else:
        assert number in ledger.sets[height]
        assert all(crypto.verify(*check) for check in checks)
        assert at[0] - height <= 70
