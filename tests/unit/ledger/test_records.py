"""What the ledger's records may hold: names, places and sizes, checked as they are decoded."""

import pytest

from tfchain.base.codec import Plain, encode
from tfchain.base.limits import GUARDIANS_MAX, RECORD_BYTES_MAX
from tfchain.base.shapes import decode_record, encode_record, layout
from tfchain.base.units import Address, FarmId, PeriodIndex, ScheduleId, Seconds, TwinId
from tfchain.errors import Malformed
from tfchain.ledger import tables
from tfchain.ledger.minting import Answer, Batch, commitment_digest
from tfchain.ledger.records import Farm, KeptRow, ScheduleState, Twin
from tfchain.ledger.state import Table
from tfchain.ledger.uptime import PowerState

FARM = Farm(
    id=FarmId(1),
    twin_id=TwinId(2),
    name="farm",
    payout_account=Address(bytes(32)),
    stellar_address="",
)
TWIN = Twin(id=TwinId(1), account=Address(bytes(32)), relay="r.example", public_key=b"")


def with_field(record: object, name: str, value: Plain) -> bytes:
    plain = layout(type(record)).pack(record)
    assert isinstance(plain, list)
    plain[layout(type(record)).names.index(name) + 1] = value
    return encode(plain)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("abc", id="three letters"),
        pytest.param("a" * 40, id="forty letters"),
        pytest.param("A-b_9", id="everything that may be"),
    ],
)
def test_a_farm_may_be_called_so(name: str) -> None:
    assert decode_record(Farm, with_field(FARM, "name", name)).name == name


@pytest.mark.parametrize(
    ("record", "field", "value"),
    [
        pytest.param(FARM, "name", "ab", id="a farm of two letters"),
        pytest.param(FARM, "name", "a" * 41, id="a farm of 41 letters"),
        pytest.param(FARM, "name", "my farm", id="a farm with a blank"),
        pytest.param(FARM, "name", "f\u00e4rm", id="a farm beyond ASCII"),
        pytest.param(FARM, "name", "\u0661\u0662\u0663", id="a farm of other digits"),
        pytest.param(FARM, "name", b"farm", id="a farm of bytes"),
        pytest.param(FARM, "stellar_address", "g" * 56, id="a Stellar address in small letters"),
        pytest.param(FARM, "stellar_address", "G" * 57, id="a Stellar address too long"),
        pytest.param(FARM, "payout_account", bytes(33), id="a long payout account"),
        pytest.param(FARM, "id", 1 << 32, id="a farm id beyond 32 bits"),
        pytest.param(TWIN, "relay", "r/example", id="a relay with a path"),
        pytest.param(TWIN, "relay", "r" * 1025, id="a long relay"),
        pytest.param(TWIN, "public_key", bytes(129), id="a long key"),
        pytest.param(TWIN, "account", None, id="a twin of nobody"),
    ],
)
def test_a_field_that_does_not_fit_is_malformed(record: object, field: str, value: Plain) -> None:
    with pytest.raises(Malformed, match=f"{type(record).__name__}.{field}"):
        decode_record(type(record), with_field(record, field, value))


def test_a_schedule_s_list_is_bounded() -> None:
    full = ScheduleState(running=None, live=tuple(PeriodIndex(one) for one in range(64)))
    assert decode_record(ScheduleState, encode_record(full)) == full
    with pytest.raises(Malformed, match="live"):
        decode_record(ScheduleState, encode([1, None, list(range(65))]))


def test_absent_is_not_zero() -> None:
    none = ScheduleState(running=None, live=())
    zero = ScheduleState(running=PeriodIndex(0), live=())
    assert encode_record(none) != encode_record(zero)
    assert decode_record(ScheduleState, encode_record(zero)) == zero


def test_the_largest_rows_that_are_kept_fit() -> None:
    widest = Twin(
        id=TwinId((1 << 32) - 1),
        account=Address(bytes(32)),
        relay="r" * 1024,
        public_key=bytes(128),
    )
    row = KeptRow(value=encode_record(widest))
    assert decode_record(KeptRow, encode_record(row)) == row


def test_the_largest_batch_fits_its_bound() -> None:
    zeros = dict.fromkeys(layout(Batch).names, (1 << 32) - 1)
    everyone = tuple(Address(bytes([number]) * 32) for number in range(GUARDIANS_MAX))
    known = {
        "schedule": ScheduleId(255),
        "state": 8,
        "frontier": (bytes(32),) * 64,
        "mints_frontier": (bytes(32),) * 64,
        "guardians": everyone,
        "answers": tuple(Answer(guardian=one, agrees=True, late=True) for one in everyone),
        "root": bytes(32),
        "mints_root": bytes(32),
        "total": (1 << 64) - 1,
        "payable": (1 << 64) - 1,
        "minted": (1 << 64) - 1,
    }
    batch = Batch(**(zeros | known))  # type: ignore[arg-type]
    raw = encode_record(batch)
    assert len(raw) < RECORD_BYTES_MAX
    assert decode_record(Batch, raw) == batch


def test_a_commitment_is_over_fields_of_fixed_width() -> None:
    root, salt = bytes([1]) * 32, bytes([2]) * 32
    seen = {
        commitment_digest(root, 1, 2, salt),
        commitment_digest(root, 2, 1, salt),
        commitment_digest(root, 0x0102, 0, salt),
        commitment_digest(root, 1, 0x02000000, salt),
        commitment_digest(salt, 1, 2, root),
    }
    assert len(seen) == 5


@pytest.mark.parametrize("table", tables.TABLES, ids=lambda table: table.name)
@pytest.mark.parametrize("raw", [b"", b"\x90", b"\x91\x01", b"\x91\x02", b"\xc0", b"\xff" * 40])
def test_rubbish_is_no_row_of_any_table(table: Table[object], raw: bytes) -> None:
    with pytest.raises(Malformed):
        table.decode(raw)


def test_a_time_is_not_negative() -> None:
    power = PowerState(target_up=True, state_up=True, down_at=Seconds(0))
    with pytest.raises(Malformed, match="down_at"):
        decode_record(PowerState, with_field(power, "down_at", -1))
