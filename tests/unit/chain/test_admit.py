"""What a transaction must have before its effect is even looked at, and in which order it is asked."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tfchain.base.codec import Plain
from tfchain.base.units import Address, Height, Millis, Utft
from tfchain.chain.admit import admit, context_of, seconds
from tfchain.errors import Rejected
from tfchain.ledger import tables
from tfchain.tx.kinds.report_uptime import ReportUptime
from tfchain.tx.kinds.transfer import Transfer
from tfchain.tx.registry import NUMBERS
from tfchain.tx.transaction import SYSTEM, Envelope, Transaction

if TYPE_CHECKING:
    from tests.unit.chain.conftest import Chain

TRANSFER = NUMBERS[Transfer]
REPORT = NUMBERS[ReportUptime]
FARMER, REPORTER = 1, 5
AddressOf = Callable[[int], Address]


def _envelope(chain: "Chain", who: Address, **other: object) -> Envelope:
    plain = Envelope(
        chain_id=chain.params.chain_id,
        sender=who,
        nonce=3,  # the farmer has made twin, farm and node
        valid_until=Height(chain.height + 1),
        fee=Utft(10_000),
        kind=TRANSFER,
    )
    return replace(plain, **other)  # type: ignore[arg-type]


def _asked(chain: "Chain", envelope: Envelope, body: Plain, second: int = 2) -> str:
    """The code of the refusal, or nothing; no refusal leaves anything behind."""
    transaction = Transaction(envelope, body, bytes(64), b"")
    height = Height(chain.height + 1)
    time_ms = Millis((chain.genesis.time + second) * 1_000 + 999)
    state = chain.state()
    try:
        admit(state, transaction, context_of(transaction, height, time_ms, chain.params))
    except Rejected as refusal:
        assert list(state.changes()) == []
        return refusal.code
    return ""


def _transfer(to: Address) -> Plain:
    return [1, to, 1]


@pytest.mark.parametrize(
    ("other", "code"),
    [
        pytest.param({}, "", id="nothing wrong"),
        pytest.param({"kind": 0, "sender": SYSTEM}, "unsigned", id="a mint of one's own"),
        pytest.param({"chain_id": "devnet-00000000"}, "wrong_chain", id="another network's"),
        pytest.param({"valid_until": 1}, "expired", id="valid until the block before"),
        pytest.param({"valid_until": 2}, "", id="valid until this block"),
        pytest.param({"valid_until": 1_002}, "", id="valid as far as allowed"),
        pytest.param({"valid_until": 1_003}, "far_expiry", id="valid too far ahead"),
        pytest.param({"kind": 200}, "malformed", id="an unknown kind"),
        pytest.param({"nonce": 2}, "nonce", id="a nonce used before"),
        pytest.param({"nonce": 4}, "nonce", id="a nonce ahead"),
        pytest.param({"fee": 9_999}, "fee", id="a unit below the least fee"),
        pytest.param({"fee": 1 << 60}, "balance", id="a fee that is not there"),
    ],
)
def test_a_paid_transaction(
    chain: "Chain", address_of: AddressOf, other: dict[str, object], code: str
) -> None:
    envelope = _envelope(chain, address_of(FARMER), **other)
    assert _asked(chain, envelope, _transfer(address_of(2))) == code


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(None, id="none"),
        pytest.param([], id="empty"),
        pytest.param([1, bytes(32)], id="too short"),
        pytest.param([2, bytes(32), 1], id="another version"),
        pytest.param([1, bytes(31), 1], id="a short address"),
        pytest.param([1, bytes(32), -1], id="a negative amount"),
        pytest.param([1, bytes(32), True], id="a flag for an amount"),
    ],
)
def test_a_body_that_does_not_fit_its_kind(
    chain: "Chain", address_of: AddressOf, body: Plain
) -> None:
    assert _asked(chain, _envelope(chain, address_of(FARMER)), body) == "malformed"


WRONGS: tuple[tuple[str, dict[str, object]], ...] = (
    ("unsigned", {"kind": 0}),
    ("wrong_chain", {"chain_id": "x"}),
    ("expired", {"valid_until": 0}),
    ("malformed", {"kind": 200}),
    ("nonce", {"nonce": 9}),
    ("fee", {"fee": 0}),
)


@pytest.mark.parametrize("first", range(len(WRONGS)), ids=[code for code, _ in WRONGS])
def test_the_first_check_that_fails_gives_the_code(
    chain: "Chain", address_of: AddressOf, first: int
) -> None:
    """The order is part of the answer: two nodes must tell a sender the same."""
    other: dict[str, object] = {}
    for _, wrong in reversed(WRONGS[first:]):
        other |= wrong
    envelope = _envelope(chain, address_of(FARMER), **other)
    assert _asked(chain, envelope, _transfer(address_of(2))) == WRONGS[first][0]


def test_nonce_and_fee_move_and_nothing_else(chain: "Chain", address_of: AddressOf) -> None:
    transaction = Transaction(
        _envelope(chain, address_of(FARMER)), _transfer(address_of(2)), bytes(64), b""
    )
    state, before = chain.state(), chain.balance(FARMER)
    context = context_of(transaction, Height(2), Millis(0), chain.params)
    assert type(admit(state, transaction, context)) is Transfer
    row = tables.ACCOUNTS.need(state, address_of(FARMER))
    assert (row.nonce, row.balance) == (4, before - 10_000)
    assert [place for _, place, _ in state.changes()] == [address_of(FARMER)]


def test_a_stranger_has_nothing_to_pay_with(chain: "Chain", address_of: AddressOf) -> None:
    envelope = _envelope(chain, address_of(99), nonce=0)
    assert _asked(chain, envelope, _transfer(address_of(2))) == "balance"


@pytest.mark.parametrize(
    ("other", "late", "code"),
    [
        pytest.param({}, 0, "", id="on time"),
        pytest.param({"nonce": 1}, 0, "nonce", id="with a nonce"),
        pytest.param({"fee": 1}, 0, "nonce", id="with a fee"),
        pytest.param({}, 5, "", id="as far from block time as allowed"),
        pytest.param({}, 6, "report_time", id="too old"),
        pytest.param({}, -5, "", id="as far ahead as allowed"),
        pytest.param({}, -6, "report_time", id="from the future"),
    ],
)
def test_a_report(
    chain: "Chain", address_of: AddressOf, other: dict[str, object], late: int, code: str
) -> None:
    paid = {"nonce": 0, "fee": 0, "kind": REPORT} | other
    envelope = _envelope(chain, address_of(REPORTER), **paid)
    body: Plain = [1, 1, chain.genesis.time + 20 - late, 5]
    assert _asked(chain, envelope, body, second=20) == code


def test_a_report_moves_its_nodes_time_and_no_account(
    chain: "Chain", address_of: AddressOf
) -> None:
    """Free kinds are ordered by their own time, so that a report touches one row (P25)."""
    envelope = _envelope(chain, address_of(REPORTER), nonce=0, fee=0, kind=REPORT)
    t = chain.genesis.time + 20
    transaction = Transaction(envelope, [1, 1, t, 5], bytes(64), b"")
    context = context_of(transaction, Height(2), Millis(t * 1_000), chain.params)
    state = chain.state()
    admit(state, transaction, context)
    assert [(table.name, place) for table, place, _ in state.changes()] == [
        ("uptimes", tables.id_key(1))
    ]
    assert tables.UPTIMES.need(state, tables.id_key(1)).last_t == t
    with pytest.raises(Rejected, match="report_order"):
        admit(state, transaction, context)


@pytest.mark.parametrize("who", [pytest.param(1, id="the owner"), pytest.param(99, id="anybody")])
def test_a_report_for_anothers_node(chain: "Chain", address_of: AddressOf, who: int) -> None:
    envelope = _envelope(chain, address_of(who), nonce=0, fee=0, kind=REPORT)
    body: Plain = [1, 1, chain.genesis.time + 2, 1]
    assert _asked(chain, envelope, body) == "not_the_reporter"
    assert _asked(chain, envelope, [1, 7, chain.genesis.time + 2, 1]) == "unknown_node"


def test_block_time_is_rounded_down() -> None:
    assert [seconds(Millis(ms)) for ms in (0, 999, 1_000, 1_999)] == [0, 0, 1, 1]
