"""Keys, farms, twins and nodes in other hands: by consent of both, and for both programs (P22)."""

from typing import TYPE_CHECKING

import pytest

from tfchain.base import crypto
from tfchain.base.units import Address, FarmId, NodeId, TwinId
from tfchain.chain.execute import OK, check_txs
from tfchain.errors import InvalidBlock
from tfchain.ledger import tables
from tfchain.ledger.measures import FlagFraud
from tfchain.ledger.records import Farm
from tfchain.tx.kinds.accept_farm import AcceptFarm
from tfchain.tx.kinds.accept_twin import AcceptTwin
from tfchain.tx.kinds.create_farm import CreateFarm
from tfchain.tx.kinds.create_twin import CreateTwin
from tfchain.tx.kinds.move_node import MoveNode
from tfchain.tx.kinds.offer_farm import OfferFarm
from tfchain.tx.kinds.offer_twin import OfferTwin
from tfchain.tx.kinds.rotate_reporter import RotateReporter
from tfchain.tx.kinds.set_payout_account import SetPayoutAccount
from tfchain.tx.kinds.set_stellar_address import SetStellarAddress
from tfchain.tx.lookup import acceptance_message

if TYPE_CHECKING:
    from tests.unit.chain.conftest import Watched

FARMER, HEIR, OTHER, NEW_KEY, REPORTER = 1, 20, 21, 6, 5
GENESIS = 1_700_000_000


def key(number: int) -> Address:
    return Address(crypto.public_key(bytes([number]) * 32))


def _twin(watched: "Watched", who: int) -> bytes:
    return watched.chain.tx(who, CreateTwin(relay="r", public_key=b""))


def _farm(watched: "Watched", number: int = 1) -> Farm:
    return tables.FARMS.need(watched.chain.state(), tables.id_key(number))


def _settled(watched: "Watched") -> None:
    watched.until(100)
    batch, result = watched.chain.batch(), watched.columns.result(0, 0)
    assert (batch.root, batch.total, batch.count) == (result.root, result.total, result.count)


# --- reporters ------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", [FARMER, 22], ids=["the farm's owner", "the reporter of now"])
def test_a_reporter_is_rotated_from_the_next_block_on(watched: "Watched", who: int) -> None:
    chain = watched.chain
    first = RotateReporter(node_id=NodeId(1), reporter=key(22))
    assert watched.run(chain.tx(FARMER, first)) == (OK,)
    watched.until(19)
    rotate = chain.tx(who, RotateReporter(node_id=NodeId(1), reporter=key(NEW_KEY)))
    codes = watched.run(rotate, chain.report(1, 20, 19, who=22))
    assert codes == (OK, OK), "in the same block the old key still counts"
    late = chain.report(1, 21, 20, who=22)
    with pytest.raises(InvalidBlock, match="not_the_reporter"):
        check_txs(chain, chain.raw_block(21, late))
    again = chain.report(1, 20, 19, who=NEW_KEY)
    with pytest.raises(InvalidBlock, match="report_order"):
        check_txs(chain, chain.raw_block(21, again))
    assert watched.run(chain.report(1, 21, 20, who=NEW_KEY)) == (OK,)
    _settled(watched)


@pytest.mark.parametrize(
    ("who", "node", "to", "code"),
    [
        pytest.param(HEIR, 1, NEW_KEY, "not_the_owner", id="a stranger"),
        pytest.param(FARMER, 9, NEW_KEY, "unknown_node", id="no node"),
        pytest.param(FARMER, 1, REPORTER, "no_change", id="the key it is"),
    ],
)
def test_a_rotation_that_is_refused(
    watched: "Watched", who: int, node: int, to: int, code: str
) -> None:
    body = RotateReporter(node_id=NodeId(node), reporter=key(to))
    assert watched.run(watched.chain.tx(who, body)) == (code,)


def test_a_flagged_node_gets_no_other_key_and_no_other_farm(watched: "Watched") -> None:
    chain = watched.chain
    assert watched.enacted(FlagFraud(node_id=NodeId(1), evidence=bytes(32))) == OK
    body = RotateReporter(node_id=NodeId(1), reporter=key(NEW_KEY))
    move = MoveNode(node_id=NodeId(1), farm_id=FarmId(1), acceptance=b"")
    assert watched.run(chain.tx(FARMER, body), chain.tx(FARMER, move)) == ("disabled", "disabled")


# --- farms ----------------------------------------------------------------------------------------


def test_a_farm_changes_hands_and_its_pay_follows_as_at_the_end(watched: "Watched") -> None:
    chain = watched.chain
    aside = SetPayoutAccount(farm_id=FarmId(1), account=key(22))
    text = SetStellarAddress(farm_id=FarmId(1), address="GOLD")
    watched.run(chain.tx(FARMER, aside), chain.tx(FARMER, text), _twin(watched, HEIR))
    before = watched.contract(1)
    offer = chain.tx(FARMER, OfferFarm(farm_id=FarmId(1), to=key(HEIR)))
    assert watched.run(offer) == (OK,)
    for second in range(16, 89, 6):
        watched.until(second - 1)
        if second == 40:
            assert watched.run(chain.tx(HEIR, AcceptFarm(farm_id=FarmId(1)))) == (OK,)
        watched.run(chain.report(1, chain.second + 1, chain.second))
    _settled(watched)
    receipt = chain.receipt(1)
    assert (receipt.account, receipt.stellar_address) == (key(HEIR), "")
    assert _farm(watched).twin_id == 2
    assert watched.contract(1) == before
    own = chain.tx(FARMER, aside)
    assert watched.run(own) == ("not_the_owner",)


def test_accepted_after_the_end_the_period_is_still_the_old_owners(watched: "Watched") -> None:
    chain = watched.chain
    offer = chain.tx(FARMER, OfferFarm(farm_id=FarmId(1), to=key(HEIR)))
    watched.run(_twin(watched, HEIR), offer)
    watched.until(76)
    assert watched.run(chain.tx(HEIR, AcceptFarm(farm_id=FarmId(1)))) == (OK,)
    _settled(watched)
    assert chain.receipt(1).account == key(FARMER)
    assert _farm(watched).payout_account == key(HEIR)


def test_nobody_takes_what_was_not_offered_to_him(watched: "Watched") -> None:
    chain, take = watched.chain, AcceptFarm(farm_id=FarmId(1))
    watched.run(_twin(watched, HEIR), _twin(watched, OTHER))
    assert watched.run(chain.tx(HEIR, take)) == ("no_offer",)
    assert watched.run(chain.tx(HEIR, OfferFarm(farm_id=FarmId(1), to=key(HEIR)))) == (
        "not_the_owner",
    )
    assert watched.run(chain.tx(FARMER, OfferFarm(farm_id=FarmId(1), to=key(HEIR)))) == (OK,)
    assert watched.run(chain.tx(OTHER, take)) == ("no_offer",)
    assert watched.run(chain.tx(22, take)) == ("no_twin",)
    assert watched.run(chain.tx(HEIR, AcceptFarm(farm_id=FarmId(8)))) == ("unknown_farm",)
    back = OfferFarm(farm_id=FarmId(1), to=key(FARMER))
    assert watched.run(chain.tx(FARMER, back)) == (OK,)
    assert watched.run(chain.tx(FARMER, back)) == ("no_offer",)
    assert watched.run(chain.tx(HEIR, take)) == ("no_offer",)
    assert _farm(watched).twin_id == 1


def test_an_offer_is_taken_once(watched: "Watched") -> None:
    """Given away and got back, the farm is not taken again on the old offer."""
    chain, take = watched.chain, AcceptFarm(farm_id=FarmId(1))
    there = chain.tx(FARMER, OfferFarm(farm_id=FarmId(1), to=key(HEIR)))
    watched.run(_twin(watched, HEIR), there)
    assert watched.run(chain.tx(HEIR, take)) == (OK,)
    back = chain.tx(HEIR, OfferFarm(farm_id=FarmId(1), to=key(FARMER)))
    assert watched.run(back) == (OK,)
    assert watched.run(chain.tx(FARMER, take)) == (OK,)
    assert watched.run(chain.tx(HEIR, take)) == ("no_offer",)


# --- twins ----------------------------------------------------------------------------------------


def test_a_twin_changes_hands_with_its_farms_and_node(watched: "Watched") -> None:
    chain = watched.chain
    assert watched.run(chain.tx(FARMER, OfferTwin(to=key(HEIR)))) == (OK,)
    assert watched.run(chain.tx(OTHER, AcceptTwin(twin_id=TwinId(1)))) == ("no_offer",)
    assert watched.run(chain.tx(HEIR, AcceptTwin(twin_id=TwinId(1)))) == (OK,)
    farm = CreateFarm(name="of_the_heir")
    assert watched.run(chain.tx(HEIR, farm), chain.tx(FARMER, CreateFarm(name="none"))) == (
        OK,
        "no_twin",
    )
    text = SetStellarAddress(farm_id=FarmId(1), address="HEIR")
    assert watched.run(chain.tx(FARMER, text), chain.tx(HEIR, text)) == ("not_the_owner", OK)
    _settled(watched)
    assert chain.receipt(1).stellar_address == "HEIR"


def test_a_twin_that_can_never_register_again(watched: "Watched") -> None:
    """On the real chain an index row stays behind; here an account without a twin makes a new one."""
    chain = watched.chain
    watched.run(chain.tx(FARMER, OfferTwin(to=key(HEIR))))
    watched.run(chain.tx(HEIR, AcceptTwin(twin_id=TwinId(1))))
    again = _twin(watched, FARMER)
    assert watched.run(again) == (OK,)
    node = chain.registration(FARMER)
    assert watched.run(chain.tx(FARMER, node)) == ("not_accepted",), "the farm is the heir's now"
    assert tables.TWIN_OF.need(chain.state(), key(FARMER)).twin_id == 2


def test_who_has_a_twin_takes_no_second(watched: "Watched") -> None:
    chain = watched.chain
    watched.run(_twin(watched, HEIR), chain.tx(FARMER, OfferTwin(to=key(HEIR))))
    assert watched.run(chain.tx(HEIR, AcceptTwin(twin_id=TwinId(1)))) == ("twin_exists",)
    assert watched.run(chain.tx(OTHER, AcceptTwin(twin_id=TwinId(9)))) == ("unknown_twin",)
    assert watched.run(chain.tx(OTHER, OfferTwin(to=key(HEIR)))) == ("no_twin",)
    assert watched.run(chain.tx(FARMER, OfferTwin(to=key(FARMER)))) == (OK,)
    assert watched.run(chain.tx(22, AcceptTwin(twin_id=TwinId(1)))) == ("no_offer",)


def test_an_offer_binds_nobody_who_did_not_make_it(watched: "Watched") -> None:
    """A farm offered before its twin went to somebody else cannot be taken from the new owner."""
    chain = watched.chain
    farm = chain.tx(FARMER, OfferFarm(farm_id=FarmId(1), to=key(OTHER)))
    twin = chain.tx(FARMER, OfferTwin(to=key(HEIR)))
    watched.run(_twin(watched, OTHER), farm, twin)
    assert watched.run(chain.tx(HEIR, AcceptTwin(twin_id=TwinId(1)))) == (OK,)
    assert watched.run(chain.tx(OTHER, AcceptFarm(farm_id=FarmId(1)))) == ("no_offer",)
    assert _farm(watched).twin_id == 1


# --- nodes ----------------------------------------------------------------------------------------


def _move(watched: "Watched", who: int, farm: int, signer: int) -> bytes:
    chain = watched.chain
    node = tables.NODES.need(chain.state(), tables.id_key(1))
    nonce = chain.envelope(who, CreateFarm(name="any")).nonce
    message = acceptance_message(
        chain.params.chain_id, key(who), nonce, FarmId(farm), node.resources
    )
    signed = crypto.sign(bytes([signer]) * 32, message)
    body = MoveNode(node_id=NodeId(1), farm_id=FarmId(farm), acceptance=signed)
    return chain.tx(who, body)


@pytest.mark.parametrize(
    ("who", "farm", "signer", "code"),
    [
        pytest.param(FARMER, 2, HEIR, OK, id="accepted by the new owner"),
        pytest.param(FARMER, 2, FARMER, "not_accepted", id="accepted by the old owner"),
        pytest.param(HEIR, 2, HEIR, "not_the_owner", id="pulled over by the new owner"),
        pytest.param(FARMER, 1, FARMER, "no_change", id="to where it is"),
        pytest.param(FARMER, 3, HEIR, "unknown_farm", id="to nowhere"),
    ],
)
def test_a_node_moves_only_if_the_new_owner_accepts(
    watched: "Watched", who: int, farm: int, signer: int, code: str
) -> None:
    chain = watched.chain
    watched.run(_twin(watched, HEIR), chain.tx(HEIR, CreateFarm(name="second_farm")))
    before = watched.contract(1)
    assert watched.run(_move(watched, who, farm, signer)) == (code,)
    assert watched.contract(1) == before
    _settled(watched)
    assert chain.receipt(1).farm_id == (2 if code == OK else 1)


def test_moved_nodes_are_where_they_are(watched: "Watched") -> None:
    """On the real chain a moved node stood in an unsorted list, and could not be found there."""
    chain = watched.chain
    watched.run(_twin(watched, HEIR), chain.tx(HEIR, CreateFarm(name="second_farm")))
    for farm, signer in ((2, HEIR), (1, FARMER), (2, HEIR)):
        assert watched.run(_move(watched, FARMER, farm, signer)) == (OK,)
    watched.until(76)
    assert watched.run(_move(watched, FARMER, 1, FARMER)) == (OK,)
    _settled(watched)
    assert chain.receipt(1).farm_id == 2, "as at the period's end"
