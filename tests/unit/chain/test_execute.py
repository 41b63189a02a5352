"""One block on one state: what stays of a refused transaction, and what makes a block invalid."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tfchain.base.units import Address, FarmId, Utft
from tfchain.chain.execute import Input, check_txs, execute
from tfchain.errors import InvalidBlock
from tfchain.ledger import tables
from tfchain.ledger.block import results_root
from tfchain.ledger.roots import roots_over, state_leaves
from tfchain.ledger.tree import Tree
from tfchain.tx.kind import Kind
from tfchain.tx.kinds.create_farm import CreateFarm
from tfchain.tx.kinds.create_twin import CreateTwin
from tfchain.tx.kinds.set_payout_account import SetPayoutAccount
from tfchain.tx.kinds.transfer import Transfer

if TYPE_CHECKING:
    from tests.unit.chain.conftest import Chain, MakeChain

FARMER, OTHER, THIRD, REPORTER, PROPOSER = 1, 20, 21, 5, 9
FUNDS, FEE = 1_000_000_000_000, 10_000
AddressOf = Callable[[int], Address]


def test_a_refused_transaction_costs_nonce_and_fee_and_changes_nothing_else(
    chain: "Chain", address_of: AddressOf
) -> None:
    before = {place: value for place, value in chain.rows.items() if place[:1] == b"s"}
    owned = chain.balance(FARMER)
    assert chain.run(chain.tx(FARMER, CreateTwin(relay="r", public_key=b""))) == ("twin_exists",)
    after = {place: value for place, value in chain.rows.items() if place[:1] == b"s"}
    moved = {place for place in after if after[place] != before.get(place)}
    moved -= {tables.PAST.stored_at(tables.height_key(0))}
    assert moved == {tables.ACCOUNTS.stored_at(address_of(who)) for who in (FARMER, PROPOSER)}
    assert chain.balance(FARMER) == owned - FEE
    assert tables.ACCOUNTS.need(chain.state(), address_of(FARMER)).nonce == 4


def test_an_effect_that_fails_half_way_leaves_nothing(
    make_chain: "MakeChain", address_of: AddressOf
) -> None:
    """A registration takes the deposit before it looks for the policy: it comes back."""
    chain: Chain = make_chain(("start = 0\nschedule", f"start = {1 << 50}\nschedule"))
    twin = chain.tx(FARMER, CreateTwin(relay="r", public_key=b""))
    farm = chain.tx(FARMER, CreateFarm(name="first_farm"))
    node = chain.tx(FARMER, chain.registration(FARMER))
    assert chain.run(twin, farm, node) == ("ok", "ok", "no_regime")
    assert chain.balance(FARMER) == FUNDS - 3 * FEE
    assert chain.totals().nodes == 0


def test_fees_go_to_the_proposers_reward_account(chain: "Chain", address_of: AddressOf) -> None:
    assert chain.balance(PROPOSER) == 3 * FEE
    transfer = Transfer(to=address_of(THIRD), amount=Utft(7))
    chain.run(chain.tx(FARMER, transfer), chain.tx(OTHER, transfer))
    assert chain.balance(PROPOSER) == 5 * FEE
    chain.run(chain.report(1, chain.second + 1, 1))
    assert chain.balance(PROPOSER) == 5 * FEE


def _refused(chain: "Chain", *txs: bytes, match: str) -> None:
    """`execute` and `check_txs` refuse alike, in the same words."""
    block = chain.raw_block(chain.second + 1, *txs)
    words = []
    for judge in (execute, check_txs):
        with pytest.raises(InvalidBlock, match=match) as refused:
            judge(chain, block)
        words.append(str(refused.value))
    assert words[0] == words[1]


@pytest.mark.parametrize(
    ("raw", "match"),
    [
        pytest.param(b"", "transaction 1: ", id="nothing"),
        pytest.param(b"\xc1" * 40, "transaction 1: not canonical", id="not MessagePack"),
        pytest.param(b"\x90", "transaction 1: a transaction is a list", id="an empty list"),
        pytest.param(bytes(70_000), "transaction 1: 70000 bytes", id="too many bytes"),
    ],
)
def test_bytes_that_are_no_transaction_make_the_block_invalid(
    chain: "Chain", raw: bytes, match: str
) -> None:
    good = chain.tx(FARMER, CreateFarm(name="second"))
    _refused(chain, good, raw, match=f"^block 2, {match}")


def test_an_inadmissible_transaction_makes_the_block_invalid_and_its_place_is_named(
    chain: "Chain", address_of: AddressOf
) -> None:
    transfer = Transfer(to=address_of(THIRD), amount=Utft(7))
    first, second, third = (chain.tx(FARMER, transfer) for _ in range(3))
    _refused(chain, first, third, match="^block 2, transaction 1: nonce")
    _refused(chain, first, second, second, match="^block 2, transaction 2: nonce")
    report = chain.report(1, 2, 1)
    _refused(chain, report, report, match="^block 2, transaction 1: report_order")
    chain.at(2, first, second, third, report)


def test_a_transaction_of_another_chain_makes_the_block_invalid(
    chain: "Chain", make_chain: "MakeChain", address_of: AddressOf
) -> None:
    other: Chain = make_chain(('salt = ""', 'salt = "x"'))
    foreign = other.tx(OTHER, Transfer(to=address_of(THIRD), amount=Utft(7)))
    _refused(chain, foreign, match="transaction 0: wrong_chain")


def test_a_transfer_cannot_take_the_fee_of_the_next_transaction(
    chain: "Chain", address_of: AddressOf
) -> None:
    """Both were admitted by balances before any effect, so both fees are paid (P26).

    Else voters, who run no effects, would agree on a block that nobody can execute.
    """
    everything = Transfer(to=address_of(THIRD), amount=Utft(FUNDS - FEE))
    little = Transfer(to=address_of(THIRD), amount=Utft(1))
    codes = chain.run(chain.tx(OTHER, everything), chain.tx(OTHER, little))
    assert codes == ("balance", "ok")
    assert chain.balance(OTHER) == FUNDS - 2 * FEE - 1


def test_coins_that_come_in_a_block_pay_no_fee_in_it(chain: "Chain", address_of: AddressOf) -> None:
    gift = Transfer(to=address_of(77), amount=Utft(10 * FEE))
    thanks = Transfer(to=address_of(OTHER), amount=Utft(1))
    first = chain.tx(OTHER, gift)
    _refused(chain, first, chain.tx(77, thanks), match="transaction 1: balance")
    chain.run(first)
    assert chain.run(chain.tx(77, thanks)) == ("ok",)


def test_a_node_reports_from_the_block_after_its_registration(chain: "Chain") -> None:
    twin = chain.tx(OTHER, CreateTwin(relay="r", public_key=b""))
    node = chain.tx(OTHER, chain.registration(OTHER))
    _refused(chain, twin, node, chain.report(2, 2, 1), match="transaction 2: unknown_node")
    assert chain.at(2, twin, node) == ("ok", "ok")
    assert chain.at(3, chain.report(2, 3, 1)) == ("ok",)


def test_two_reports_of_a_node_stand_in_a_block_in_order(chain: "Chain") -> None:
    chain.until(19)
    assert chain.at(20, chain.report(1, 19, 19), chain.report(1, 20, 20)) == ("ok", "ok")
    running = tables.UPTIMES.need(chain.state(), tables.id_key(1)).running
    assert running is not None and (running.total, running.last_uptime) == (5, 20)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(CreateFarm(name="first_farm"), id="a farm whose name is taken"),
        pytest.param(SetPayoutAccount(farm_id=FarmId(9), account=Address(bytes(32))), id="no farm"),
    ],
)
def test_the_results_root_is_over_codes_alone(chain: "Chain", body: Kind) -> None:
    codes = chain.run(chain.tx(FARMER, body))
    assert chain.outcome.results_root == results_root(list(codes))
    assert chain.outcome.codes == codes
    assert codes != ("ok",)


def test_roots_stand_for_the_rows(chain: "Chain") -> None:
    """1.18.4: a table root is that of the stored tree; the state root is over name and root of
    each."""
    chain.attend(1, 21, 33)
    for table in tables.IN_TREE:
        named = dict(chain.outcome.table_roots)[table.name]
        assert Tree(chain, table.tag).root() == named
    assert roots_over(chain.outcome.table_roots).root == chain.outcome.state_root
    assert len(state_leaves(chain.outcome.table_roots)) == len(tables.IN_TREE)


def test_remembered_roots_are_not_read_again(chain: "Chain") -> None:
    asked: list[bytes] = []

    class Rows:
        def get(self, place: bytes, /) -> bytes | None:
            asked.append(place)
            return chain.rows.get(place)

    def read_by(block: Input) -> int:
        asked.clear()
        assert execute(Rows(), block, check_txs(Rows(), block, chain.memory)) == due
        return sum(place[:1] == b"t" for place in asked)

    chain.run()
    block = chain.block(2)
    due = execute(chain, block)
    others = len(tables.IN_TREE) - 1
    assert read_by(block) > others
    chain.run()
    chain.run()
    block = replace(chain.block(4), parent_root=chain.root)
    due = execute(chain, block)
    assert read_by(block) < others


def test_an_empty_block_changes_nothing_but_the_past(chain: "Chain") -> None:
    """Its time and its validators are remembered for as long as evidence counts (1.10.5)."""
    before = dict(chain.outcome.table_roots)
    assert chain.run() == ()
    after = dict(chain.outcome.table_roots)
    assert {name for name in after if after[name] != before[name]} == {"past"}
    state = [place for place, _ in chain.outcome.rows if place[:1] == b"s"]
    assert state == [tables.PAST.stored_at(tables.height_key(0))]


def test_execution_writes_nothing_by_itself(chain: "Chain") -> None:
    """The same block on the same rows: the same outcome, as often as one likes."""
    block = chain.block(2, chain.tx(OTHER, CreateTwin(relay="r", public_key=b"")))
    before = dict(chain.rows)
    assert execute(chain, block) == execute(chain, block)
    assert chain.rows == before
    later = replace(block, reward_account=Address(bytes([1] * 32)))
    assert execute(chain, later).state_root != execute(chain, block).state_root
