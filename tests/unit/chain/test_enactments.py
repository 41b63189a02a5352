"""What was voted comes into force in plain sight, for both programs, and never for what is agreed."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tfchain.base.crypto import public_key
from tfchain.base.limits import GUARDIANS_MAX
from tfchain.base.shapes import layout
from tfchain.base.units import (
    Address,
    FarmId,
    Height,
    MilliUsd,
    NodeId,
    PolicyId,
    Power,
    ScheduleId,
    Seconds,
    Utft,
)
from tfchain.chain.execute import OK, check_txs
from tfchain.errors import InvalidBlock
from tfchain.ledger import tables
from tfchain.ledger.changes import SetConstant, SetPower, Upgrade
from tfchain.ledger.measures import (
    AddRegime,
    AttachPolicy,
    CertifyFarm,
    CertifyNode,
    FlagFraud,
    Halt,
    LowerCap,
    Measure,
    PolicyOffer,
    SeatGuardian,
    SetDefaultPolicy,
    SetPrice,
    SetRule,
)
from tfchain.ledger.proposals import (
    ENACTED,
    FAILED,
    OPEN,
    PASSED,
    POLICIES_MAX,
    PolicyBook,
    PolicyTerms,
)
from tfchain.ledger.records import Guardians
from tfchain.ledger.state import State
from tfchain.ledger.validators import validator_address
from tfchain.rules.regime import names_of, numbers_of
from tfchain.rules.schedule import REGIMES
from tfchain.tx.kinds.create_farm import CreateFarm
from tfchain.tx.kinds.enact import Enact
from tfchain.tx.kinds.propose import Propose
from tfchain.tx.kinds.set_power_state import SetPowerState
from tfchain.tx.kinds.transfer import Transfer
from tfchain.tx.kinds.vote_as_guardian import VoteAsGuardian
from tfchain.tx.transaction import decode_transaction, encode_transaction

if TYPE_CHECKING:
    from tests.unit.chain.conftest import MakeChain, Watched

FARMER, REPORTER = 1, 5
ELECTORS = (2, 3, 4)
GENESIS = 1_700_000_000


def key(number: int) -> Address:
    return Address(public_key(bytes([number]) * 32))


OFFER = PolicyOffer(
    name="new",
    price_cu=9_000,
    price_su=500,
    price_nu=1,
    price_ipv4=2,
    minimal_uptime=900,
    immutable=True,
    default=True,
    node_certified=False,
    gold=False,
    until=Seconds(0),
    allow_low_uptime=False,
)


# --- in plain sight -------------------------------------------------------------------------------


def test_guardians_propose_vote_and_the_next_block_does_it(watched: "Watched") -> None:
    chain = watched.chain
    body = Propose(
        farm_id=FarmId(0),
        measure=CertifyNode(node_id=NodeId(1), certified=True),
        text_hash=bytes(32),
        link="",
        threshold=0,
        seconds=Seconds(0),
    )
    votes = [chain.tx(who, VoteAsGuardian(proposal=1, yes=True)) for who in ELECTORS]
    assert watched.run(chain.tx(20, body)) == ("not_a_guardian",)
    assert watched.run(chain.tx(2, body)) == (OK,)
    assert watched.proposal().state == OPEN
    votes = [chain.tx(who, VoteAsGuardian(proposal=1, yes=True)) for who in ELECTORS]
    assert watched.run(*votes) == (OK, OK, OK)
    assert watched.proposal().state == PASSED
    assert not tables.NODES.need(chain.state(), tables.id_key(1)).certified
    watched.run()
    assert chain.outcome.codes == (OK,)
    found = watched.proposal()
    assert (found.state, found.enacted) == (ENACTED, chain.height)
    assert tables.NODES.need(chain.state(), tables.id_key(1)).certified
    watched.run()
    assert not chain.outcome.codes, "it is done once"


def test_a_block_without_it_or_with_another_is_invalid(watched: "Watched") -> None:
    chain = watched.chain
    watched.passed(SetPrice(price=MilliUsd(90)))
    (due,) = chain.due(chain.second + 1)
    plain = decode_transaction(due)
    other = Enact(proposal=1, measure=SetPrice(price=MilliUsd(91)))
    packed = layout(Enact).pack(other)
    forged = encode_transaction(plain.envelope, packed, b"")
    for txs in ((), (forged,), (due, due), (forged, due)):
        with pytest.raises(InvalidBlock):
            check_txs(chain, chain.raw_block(chain.second + 1, *txs))
    assert check_txs(chain, chain.raw_block(chain.second + 1, due)).mints == 1


def test_nobody_submits_an_enactment(watched: "Watched") -> None:
    chain = watched.chain
    raw = watched.chain.due(9)
    assert raw == []
    watched.passed(SetPrice(price=MilliUsd(90)))
    (due,) = chain.due(chain.second + 1)
    watched.run()
    with pytest.raises(InvalidBlock, match="unsigned"):
        check_txs(chain, chain.raw_block(chain.second + 1, due))


def test_what_cannot_be_done_any_more_has_failed_and_says_so(watched: "Watched") -> None:
    assert watched.enacted(SetPrice(price=MilliUsd(90))) == OK
    assert watched.enacted(SetPrice(price=MilliUsd(90))) == "no_change"
    assert [watched.proposal(n).state for n in (1, 2)] == [ENACTED, FAILED]
    watched.run()
    assert watched.chain.outcome.codes == ()


@pytest.mark.parametrize(
    ("measure", "code"),
    [
        pytest.param(SetDefaultPolicy(policy_id=PolicyId(9)), "unknown_policy", id="no policy"),
        pytest.param(LowerCap(cap=Utft(4 * 10**16)), "no_change", id="the cap it is"),
        pytest.param(LowerCap(cap=Utft(4 * 10**16 + 1)), "cap_rises", id="a cap that rises"),
        pytest.param(LowerCap(cap=Utft(1)), "cap_passed", id="a cap below what there is"),
        pytest.param(
            FlagFraud(node_id=NodeId(7), evidence=bytes(32)), "unknown_node", id="no node"
        ),
        pytest.param(CertifyNode(node_id=NodeId(1), certified=False), "no_change", id="a DIY node"),
        pytest.param(CertifyFarm(farm_id=FarmId(8), gold=True), "unknown_farm", id="no farm"),
        pytest.param(Halt(halted=False), "no_change", id="no halt to lift"),
        pytest.param(
            replace(OFFER, minimal_uptime=95), "policy_uptime", id="per cent for per mille"
        ),
        pytest.param(replace(OFFER, until=Seconds(9)), "policy_expired", id="an ended policy"),
    ],
)
def test_a_measure_that_cannot_be_done(watched: "Watched", measure: Measure, code: str) -> None:
    assert watched.enacted(measure) == code


# --- price and policies ---------------------------------------------------------------------------


def test_no_vote_changes_an_existing_contract_and_the_next_block_has_the_new_price(
    watched: "Watched",
) -> None:
    before = watched.contract(1)
    watched.passed(SetPrice(price=MilliUsd(90)))
    assert watched.run(*watched.join(20)) == (OK, OK)
    assert watched.run(*watched.join(21)) == (OK, OK)
    prices = [watched.contract(node).connection_price for node in (1, 2, 3)]
    assert prices == [80, 80, 90], "a block is judged by what it began with"
    assert watched.contract(1) == before


def test_a_new_default_policy_is_for_new_nodes(watched: "Watched") -> None:
    assert watched.enacted(OFFER) == OK
    watched.run(*watched.join(20))
    assert [watched.contract(node).policy_id for node in (1, 2)] == [1, 3]
    assert (watched.contract(2).price_cu, watched.contract(2).minimal_uptime) == (9_000, 900)


def test_editing_a_policy_lets_a_later_one_overwrite_it(watched: "Watched") -> None:
    """On the real chain an edit moves the id counter; here ids only rise, and rows never change."""
    before = [tables.POLICIES.need(watched.chain.state(), tables.id_key(n)) for n in (1, 2)]
    for _ in range(2):
        assert watched.enacted(replace(OFFER, name=f"p{_}")) == OK
    rows = [tables.POLICIES.need(watched.chain.state(), tables.id_key(n)) for n in (1, 2, 3, 4)]
    assert rows[:2] == before
    assert [(row.id, row.name) for row in rows[2:]] == [(3, "p0"), (4, "p1")]


@pytest.mark.parametrize(
    "offer",
    [
        pytest.param(replace(OFFER, gold=True), id="gold"),
        pytest.param(replace(OFFER, node_certified=True), id="certified"),
        pytest.param(replace(OFFER, default=False), id="no default"),
        pytest.param(replace(OFFER, until=Seconds(GENESIS + 3)), id="an ended one"),
    ],
)
def test_a_diy_node_in_an_uncertified_farm_receives_a_gold_default(
    watched: "Watched", offer: PolicyOffer
) -> None:
    assert watched.enacted(offer) == OK
    watched.run(*watched.join(20))
    assert watched.contract(2).policy_id == 1


def test_a_gold_farm_gets_the_gold_default_before_the_plain_one(watched: "Watched") -> None:
    for measure in (
        replace(OFFER, gold=True, name="gold"),
        OFFER,
        CertifyFarm(farm_id=FarmId(1), gold=True),
    ):
        assert watched.enacted(measure) == OK
    watched.run(*watched.join(20))
    assert watched.contract(2).policy_id == 3


def _attach(
    policy: int = 2, *, nodes: int = 0, cu: int = 0, certified: bool = False
) -> AttachPolicy:
    return AttachPolicy(
        farm_id=FarmId(1),
        policy_id=PolicyId(policy),
        cu=cu,
        su=0,
        nodes=nodes,
        until=Seconds(0),
        node_certified=certified,
    )


def test_an_attached_policy_goes_first_until_its_limit_is_used_up(watched: "Watched") -> None:
    assert watched.enacted(_attach(nodes=1)) == OK
    for who in (20, 21):
        watched.run(*watched.join(who))
    assert [watched.contract(node).policy_id for node in (1, 2, 3)] == [1, 2, 1]


@pytest.mark.parametrize(
    ("cu", "policies"), [(10, [2, 1]), (14, [2, 1]), (16, [2, 2]), (3, [1, 1])]
)
def test_a_limit_in_compute_units(watched: "Watched", cu: int, policies: list[int]) -> None:
    """A node of the tests has 7.75 CU."""
    assert watched.enacted(_attach(cu=cu)) == OK
    for who in (20, 21):
        watched.run(*watched.join(who))
    assert [watched.contract(node).policy_id for node in (2, 3)] == policies


def test_node_certification_of_a_limit_is_never_looked_at(watched: "Watched") -> None:
    assert watched.enacted(_attach(certified=True)) == OK
    watched.run(*watched.join(20))
    assert watched.contract(2).policy_id == 1


def test_a_policy_is_attached_that_nobody_made(watched: "Watched") -> None:
    assert watched.enacted(_attach(9)) == "unknown_policy"
    assert watched.enacted(_attach(0)) == "no_change"
    assert watched.enacted(replace(OFFER, gold=True)) == OK
    assert watched.enacted(_attach(3)) == "not_gold"
    assert watched.enacted(CertifyFarm(farm_id=FarmId(1), gold=True)) == OK
    assert watched.enacted(_attach(3)) == OK
    assert watched.enacted(CertifyFarm(farm_id=FarmId(1), gold=False)) == OK
    watched.run(*watched.join(20))
    assert watched.contract(2).policy_id == 1, "a farm that lost its gold gets none"
    assert watched.enacted(_attach(0)) == OK


def test_a_limit_and_a_policy_that_ended_are_given_to_nobody(watched: "Watched") -> None:
    ending = replace(OFFER, default=False, until=Seconds(GENESIS + 5))
    assert watched.enacted(ending) == OK
    assert watched.enacted(_attach(3)) == OK
    watched.until(6)
    watched.run(*watched.join(20))
    assert watched.contract(2).policy_id == 1
    assert watched.enacted(replace(_attach(3), nodes=4)) == "policy_expired"


def test_the_default_of_the_chain_moves_a_block_later(watched: "Watched") -> None:
    watched.passed(SetDefaultPolicy(policy_id=PolicyId(2)))
    watched.run(*watched.join(20))
    watched.run(*watched.join(21))
    assert [watched.contract(node).policy_id for node in (2, 3)] == [1, 2]


def _regime(start: int, regime: int = 3, schedule: int = 0) -> AddRegime:
    return AddRegime(start=Seconds(GENESIS + start), regime=regime, schedule=ScheduleId(schedule))


@pytest.mark.parametrize(
    ("measure", "code"),
    [
        pytest.param(_regime(9), OK, id="in the future"),
        pytest.param(_regime(9, regime=77), "unknown_regime", id="a regime nobody knows"),
        pytest.param(_regime(9, schedule=7), "unknown_regime", id="a schedule nobody knows"),
        pytest.param(_regime(2), "regime_order", id="in the past"),
    ],
)
def test_a_regime_begins_in_the_future(watched: "Watched", measure: Measure, code: str) -> None:
    assert watched.enacted(measure) == code
    rows = tables.PARAMS.need(watched.chain.state(), tables.SINGLE).regimes
    assert len(rows) == (2 if code == OK else 1)
    watched.until(10)
    watched.run(*watched.join(20))
    assert watched.contract(2).regime == 3
    assert watched.enacted(_regime(9)) == "regime_order", "nor before another"


LOCKUP = (1_000, 250, 4)
"""An offer of `farming_v3_lockup`: age, use, periods of it."""


def _own(watched: "Watched", node: int) -> dict[str, int]:
    """What the regime froze of its own for a node, by name."""
    terms = tables.OWN_TERMS.need(watched.chain.state(), tables.id_key(node))
    return dict(zip(names_of(REGIMES[terms.regime].terms), terms.numbers, strict=True))


@pytest.mark.parametrize(
    ("offer", "ages"),
    [
        pytest.param(LOCKUP, (1_000, 250, 4), id="as it was voted"),
        pytest.param((), numbers_of(REGIMES[5].offer), id="of its time"),
    ],
)
def test_a_regime_that_is_voted_comes_with_its_offer(
    watched: "Watched", offer: tuple[int, ...], ages: tuple[int, ...]
) -> None:
    assert watched.enacted(replace(_regime(9, regime=5), offer=offer)) == OK
    watched.until(10)
    watched.run(*watched.join(20))
    own = _own(watched, 2)
    assert (own["age"], own["utilisation"], own["used_periods"]) == ages


@pytest.mark.parametrize("offer", [(1,), (1, 2, 3, 4)], ids=["too few", "too many"])
def test_an_offer_has_all_numbers_of_its_regime_or_none(
    watched: "Watched", offer: tuple[int, ...]
) -> None:
    assert watched.enacted(replace(_regime(9, regime=5), offer=offer)) == "regime_offer"


def test_a_rule_that_is_voted_holds_for_nodes_that_register_from_then_on(
    make_chain: "MakeChain", watch: "type[Watched]"
) -> None:
    """A number by name goes before every offer, also one that comes later; others are untouched."""
    watched = watch(make_chain(('regime = "farming_v3"', 'regime = "farming_2018"')))
    watched.run(*watched.join(20))
    assert watched.enacted(SetRule(name="farming_2018.difficulty", value=6)) == OK
    assert watched.enacted(SetRule(name="farming_2018.cu_flash", value=70)) == OK
    assert watched.enacted(SetRule(name="farming_2018.difficulty", value=7)) == OK
    watched.run(*watched.join(21))
    before, after = (_own(watched, node) for node in (2, 3))
    assert (before["difficulty"], after["difficulty"]) == (8, 7)
    assert after["cu"] != before["cu"]
    changed = {name for name in before if before[name] != after[name]}
    assert changed <= {"difficulty", "cu_flash", "cu", "tokens"}
    assert _own(watched, 2) == before, "who is there keeps what he was promised"


def test_a_rule_that_no_regime_asks_for_is_refused(watched: "Watched") -> None:
    assert watched.enacted(SetRule(name="farming_2018.dificulty", value=6)) == "unknown_rule"


@pytest.mark.parametrize(
    ("measure", "code"),
    [
        pytest.param(SetConstant(name="consensus.propose", value=1_500), OK, id="a constant"),
        pytest.param(SetConstant(name="ledger.policy", value=2), "constant", id="no such constant"),
        pytest.param(Upgrade(height=Height(99), rules=2, release="2.0"), OK, id="an upgrade"),
        pytest.param(
            SetPower(validator=validator_address(key(8)), power=Power(2)),
            "unknown_validator",
            id="power for nobody",
        ),
    ],
)
def test_farms_decide_on_validators_constants_and_upgrades_too(
    watched: "Watched", measure: Measure, code: str
) -> None:
    assert watched.enacted(measure) == code


def test_the_guard_of_a_third_binds_farms_as_well(
    make_chain: "MakeChain", seated: Any, watch: "type[Watched]"
) -> None:
    watched = watch(make_chain(seated((1, 1, 1, 1))))
    at = validator_address(key(31))
    assert watched.enacted(SetPower(validator=at, power=Power(2))) == OK
    assert watched.enacted(SetPower(validator=at, power=Power(9))) == "third"
    assert watched.chain.powers()[31] == 2


def test_policies_and_guardians_have_an_end(watched: "Watched") -> None:
    def write(state: State) -> None:
        row = PolicyTerms(
            policy_id=PolicyId(9), default=False, node_certified=False, gold=False, until=Seconds(0)
        )
        tables.POLICY_BOOK.put(state, tables.SINGLE, PolicyBook(terms=(row,) * POLICIES_MAX))
        many = tuple(Address(bytes([n]) * 32) for n in range(GUARDIANS_MAX))
        tables.GUARDIANS.put(state, tables.SINGLE, Guardians(accounts=many))

    watched.chain.change(write)
    assert watched.enacted(OFFER) == "policies_full"
    seat = SeatGuardian(account=Address(bytes([200]) * 32), seated=True)
    assert watched.enacted(seat) == "guardians_full"


def test_a_rule_remembers_who_set_it(watched: "Watched") -> None:
    assert watched.enacted(SetRule(name="farming_2018.difficulty", value=6)) == OK
    row = tables.RULES.need(watched.chain.state(), b"farming_2018.difficulty")
    assert (row.value, row.proposal) == (6, 1)


def test_a_guardian_takes_its_seat_and_the_last_one_stays(watched: "Watched") -> None:
    accounts = tables.GUARDIANS.need(watched.chain.state(), tables.SINGLE).accounts
    assert watched.enacted(SeatGuardian(account=accounts[0], seated=True)) == "no_change"
    for account in accounts[:2]:
        assert watched.enacted(SeatGuardian(account=account, seated=False)) == OK
    assert watched.enacted(SeatGuardian(account=accounts[2], seated=False)) == "last_guardian"


# --- certification, fraud, halt -------------------------------------------------------------------


def _settled(watched: "Watched") -> None:
    """Both programs agree on period 0."""
    watched.until(100)
    batch = watched.chain.batch()
    result = watched.columns.result(0, 0)
    assert (batch.root, batch.total, batch.count) == (result.root, result.total, result.count)


def _reports(watched: "Watched", first: int, last: int) -> None:
    for second in range(first, last + 1, 6):
        watched.until(second - 1)
        watched.run(watched.chain.report(1, second, second - 1))


def test_a_certified_node_earns_a_quarter_more(watched: "Watched") -> None:
    assert watched.enacted(CertifyNode(node_id=NodeId(1), certified=True)) == OK
    _reports(watched, 16, 88)
    _settled(watched)
    receipt = watched.chain.receipt(1)
    assert receipt.certified
    base = (receipt.cu * 2_400 + receipt.su * 1_000) // 1_000_000
    assert receipt.base_musd == base * 5 // 4
    assert receipt.amount > 0


def test_certified_after_the_end_counts_from_the_next_period(watched: "Watched") -> None:
    _reports(watched, 16, 76)
    assert watched.enacted(CertifyNode(node_id=NodeId(1), certified=True)) == OK
    _settled(watched)
    assert not watched.chain.receipt(1).certified


def test_a_fraud_is_disabled_at_once_and_owed_nothing(watched: "Watched") -> None:
    chain = watched.chain
    _reports(watched, 16, 70)
    assert watched.enacted(FlagFraud(node_id=NodeId(1), evidence=bytes([7]) * 32)) == OK
    second = chain.second + 1
    down = SetPowerState(node_id=NodeId(1), t=Seconds(GENESIS + second), up=False)
    assert watched.run(chain.report(1, second, second), chain.free(REPORTER, down)) == (
        "disabled",
        "disabled",
    )
    _settled(watched)
    receipt = chain.receipt(1)
    assert (receipt.amount, receipt.musd, receipt.reason) == (0, 0, "fraud")
    state = chain.state()
    mark = tables.FRAUDS.need(state, tables.of_node(NodeId(1)))
    assert (mark.evidence, mark.proposal) == (bytes([7]) * 32, 1)
    twin = tables.NODES.need(state, tables.id_key(1)).twin_id
    assert tables.FRAUDS.need(state, tables.of_twin(twin)) == mark, "what it registers later"
    assert tables.STANDINGS.need(state, tables.id_key(1)).frauds == 1
    assert watched.enacted(CertifyNode(node_id=NodeId(1), certified=True)) == "fraud"


def test_a_fraud_found_between_the_end_and_the_payout_is_not_paid(watched: "Watched") -> None:
    chain = watched.chain
    _reports(watched, 16, 88)
    watched.until(91)
    watched.run(*chain.commitments())
    _settled(watched)
    assert watched.enacted(FlagFraud(node_id=NodeId(1), evidence=bytes(32))) == OK
    before = chain.balance(FARMER)
    watched.run(*[chain.attestation(who) for who in ELECTORS])
    watched.until(140)
    owed = chain.receipt(1).amount
    assert owed > 0
    assert (chain.minted(1).owed, chain.minted(1).amount) == (owed, 0)
    assert chain.balance(FARMER) == before
    assert tables.ELECTORATES.get(chain.state(), tables.SINGLE) is None, "nor does it vote"


def test_a_paid_node_gives_its_farm_weight(watched: "Watched") -> None:
    chain = watched.chain
    _reports(watched, 16, 88)
    watched.until(91)
    watched.run(*chain.commitments())
    watched.until(100)
    watched.run(*[chain.attestation(who) for who in ELECTORS])
    watched.until(110)
    receipt = chain.receipt(1)
    (paid,) = tables.ELECTORATES.need(chain.state(), tables.SINGLE).paid
    assert (paid.farms, paid.weight) == (1, 2 * receipt.cu + receipt.su)
    assert tables.STANDINGS.need(chain.state(), tables.id_key(1)).paid_batches == 1


def test_a_halt_stops_kinds_and_minting_but_not_votes(watched: "Watched") -> None:
    chain = watched.chain
    _reports(watched, 16, 88)
    watched.until(91)
    watched.run(*chain.commitments())
    watched.until(100)
    watched.run(*[chain.attestation(who) for who in ELECTORS])
    assert watched.enacted(Halt(halted=True)) == OK
    watched.until(115)
    transfer = Transfer(to=Address(bytes([9]) * 32), amount=Utft(10**6))
    farm = CreateFarm(name="another")
    assert watched.run(chain.tx(20, transfer), chain.tx(FARMER, farm)) == ("halted", "halted")
    assert chain.batch().minted == 0
    assert watched.enacted(Halt(halted=False)) == OK
    watched.until(120)
    assert chain.batch().minted == chain.batch().total > 0


def test_a_fraud_flagged_after_the_end_is_still_on_the_receipt_of_before(
    watched: "Watched",
) -> None:
    """As at the period's end: the payout, not the receipt, is where it comes to nothing (P8, P16)."""
    _reports(watched, 16, 76)
    assert watched.enacted(FlagFraud(node_id=NodeId(1), evidence=bytes(32))) == OK
    _settled(watched)
    receipt = watched.chain.receipt(1)
    assert (receipt.reason, receipt.amount > 0) == ("", True)
