"""Every kind has a number and a name, and a body opens as its kind or not at all."""

from dataclasses import replace

import pytest

from tfchain.base.codec import Plain
from tfchain.base.crypto import SIGNATURE_BYTES
from tfchain.base.shapes import layout
from tfchain.base.units import Address, Height, Utft
from tfchain.errors import Malformed
from tfchain.tx.kind import FreeKind, Kind
from tfchain.tx.kinds.report_consumption import ReportConsumption
from tfchain.tx.kinds.report_uptime import ReportUptime
from tfchain.tx.kinds.set_power_state import SetPowerState
from tfchain.tx.kinds.transfer import Transfer
from tfchain.tx.kinds.update_used_resources import UpdateUsedResources
from tfchain.tx.registry import BY_NAME, KINDS, NUMBERS, name_of, open_body
from tfchain.tx.transaction import (
    Envelope,
    Transaction,
    decode_transaction,
    encode_transaction,
)

SENDER = Address(bytes([5]) * 32)
TRANSFER = Transfer(to=SENDER, amount=Utft(1))


def sent(kind: int, body: Plain) -> Transaction:
    envelope = Envelope(
        chain_id="x", sender=SENDER, nonce=0, valid_until=Height(1), fee=Utft(0), kind=kind
    )
    return decode_transaction(encode_transaction(envelope, body, bytes(SIGNATURE_BYTES)))


@pytest.mark.parametrize("number", KINDS)
def test_number_name_and_class_lead_to_each_other(number: int) -> None:
    assert NUMBERS[KINDS[number]] == number
    assert BY_NAME[name_of(number)] == number
    named = "".join(word.capitalize() for word in name_of(number).split("_"))
    assert KINDS[number].__name__ == named


def test_the_kinds_that_a_reporter_signs_are_free() -> None:
    free = [NUMBERS[kind] for kind in KINDS.values() if issubclass(kind, FreeKind)]
    assert free == [
        NUMBERS[kind]
        for kind in (ReportUptime, SetPowerState, UpdateUsedResources, ReportConsumption)
    ]


def test_a_body_opens_as_its_kind() -> None:
    opened: Kind = open_body(sent(BY_NAME["transfer"], layout(Transfer).pack(TRANSFER)))
    assert opened == TRANSFER


@pytest.mark.parametrize("kind", [39, 200, 255])
def test_an_unknown_kind_is_malformed(kind: int) -> None:
    with pytest.raises(Malformed, match=f"unknown kind {kind}"):
        open_body(sent(kind, layout(Transfer).pack(TRANSFER)))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(None, id="nothing"),
        pytest.param([], id="an empty list"),
        pytest.param([1], id="the version alone"),
        pytest.param([2, SENDER, 1], id="another version"),
        pytest.param([True, SENDER, 1], id="true for a version"),
        pytest.param([1, SENDER, 1, 1], id="a field too many"),
        pytest.param([1, SENDER[1:], 1], id="an address a byte short"),
        pytest.param([1, SENDER, -1], id="a negative amount"),
        pytest.param([1, SENDER, True], id="true for an amount"),
        pytest.param([1, SENDER, "1"], id="text for an amount"),
        pytest.param([1, 1, SENDER], id="fields in another order"),
        pytest.param(b"\x93\x01\x00\x01", id="bytes of a list"),
    ],
)
def test_a_body_that_does_not_fit_is_malformed(body: Plain) -> None:
    with pytest.raises(Malformed, match="Transfer"):
        open_body(sent(BY_NAME["transfer"], body))


@pytest.mark.parametrize("number", KINDS, ids=name_of)
def test_no_kind_opens_a_version_alone(number: int) -> None:
    plain = sent(BY_NAME["transfer"], [1])
    odd = replace(plain, envelope=replace(plain.envelope, kind=number))
    with pytest.raises(Malformed):
        open_body(odd)
