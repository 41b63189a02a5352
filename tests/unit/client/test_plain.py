"""Plain values to records and back, amounts, streams in pieces, verbs, periods: no network."""

import inspect
from collections.abc import Callable

import pytest

from tfchain.base.address import to_text
from tfchain.base.shapes import layout
from tfchain.base.units import Address, PeriodIndex, ScheduleId, Seconds
from tfchain.chain.export_records import BLOCK
from tfchain.client import blocking, chain, sender
from tfchain.client.nodes import next_whole_period_end
from tfchain.client.plain import amount_of, amount_text, bytes_of, read_record
from tfchain.client.proofs import check_mints, check_receipts
from tfchain.client.stream import Records
from tfchain.errors import InvalidBlock, Malformed
from tfchain.ledger.minting import Batch, Commitment
from tfchain.ledger.params import Params, ScheduleRow
from tfchain.ledger.records import Resources
from tfchain.store.export import MAGIC, frames
from tfchain.tx.kinds.create_farm import CreateFarm
from tfchain.tx.kinds.register_node import RegisterNode
from tfchain.tx.kinds.set_power_target import SetPowerTarget
from tfchain.tx.kinds.transfer import Transfer
from tfchain.tx.registry import KINDS, name_of
from tfchain.tx.transaction import SYSTEM_KINDS

KEY = Address(bytes([7]) * 32)
SIZE = Resources(cru=1, mru=2, hru=3, sru=4)


@pytest.mark.parametrize(
    ("text", "units"),
    [("1.5TFT", 15_000_000), ("0.0000001 TFT", 1), ("7", 7), ("2TFT", 20_000_000)],
)
def test_an_amount_reads_both_ways(text: str, units: int) -> None:
    assert amount_of(text) == units
    assert amount_of(amount_text(units)) == units


@pytest.mark.parametrize(
    "text",
    ["", "TFT", "1.TFT", ".5TFT", "1.5", "-1", "1e3", "0.00000001TFT", "٣", "1" * 41, "1,5TFT"],
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        amount_of(text)


@pytest.mark.parametrize(
    "size", ["cru=1,mru=2, hru=3,sru=4", {"cru": "1", "mru": 2, "hru": 3, "sru": 4}]
)
def test_a_record_is_read_by_its_shapes(size: object) -> None:
    plain = {
        "farm_id": "3",
        "reporter": to_text(KEY),
        "resources": size,
        "country": "Belgium",
        "city": "",
        "virtualized": "false",
        "acceptance": "00ff",
    }
    record = read_record(RegisterNode, plain)
    assert (record.farm_id, record.reporter, record.resources) == (3, KEY, SIZE)
    assert (record.virtualized, record.acceptance) == (False, b"\x00\xff")


@pytest.mark.parametrize(
    ("cls", "plain", "says"),
    [
        (Transfer, {"to": to_text(KEY)}, "amount is due"),
        (Transfer, {"to": to_text(KEY), "amount": 1, "fee": 1}, "no field fee"),
        (Transfer, {"to": "00" * 31, "amount": 1}, "to:"),
        (Transfer, {"to": 5, "amount": 1}, "hex digits"),
        (Transfer, {"to": to_text(KEY), "amount": -1}, "whole number"),
        (Transfer, {"to": to_text(KEY), "amount": True}, "whole number"),
        (Transfer, {"to": to_text(KEY), "amount": 1 << 64}, "an integer"),
        (Transfer, {"to": to_text(KEY), "amount": "9" * 40}, "too large"),
        (Transfer, [], "an object is due"),
        (CreateFarm, {"name": 5}, "text is due"),
        (CreateFarm, {"name": "no"}, "text of 3"),
        (SetPowerTarget, {"node_id": 1, "up": "perhaps"}, "true or false"),
        (SetPowerTarget, {"node_id": 1, "up": 1}, "true or false"),
        (Resources, "cru=1,cru=2", "like cru="),
        (Resources, "cru", "like cru="),
        (Resources, "", "object is due"),
        (Commitment, {"digest": "0", "height": 1}, "hex digits"),
        (ScheduleRow, dict.fromkeys(layout(ScheduleRow).names, 1), "text is due"),
        (Params, dict.fromkeys(layout(Params).names, 1), "text is due"),
        (Params, dict.fromkeys(layout(Params).names, "x=1"), "no field x"),
    ],
)
def test_what_does_not_fit_names_the_field(cls: type, plain: object, says: str) -> None:
    with pytest.raises(Malformed, match=says):
        read_record(cls, plain)


def test_hex_has_a_bound() -> None:
    with pytest.raises(Malformed, match="too long"):
        bytes_of("00" * 70_000)


# --- streams --------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_records_come_out_of_any_pieces(step: int) -> None:
    whole = b"".join(frames([(BLOCK, b"one"), (BLOCK, b"")])) + b"rest"
    reader = Records()
    pieces = [whole[at : at + step] for at in range(0, len(whole), step)]
    assert [found for piece in pieces for found in reader.take(piece)] == [(2, b"one"), (2, b"")]
    assert reader.ended


@pytest.mark.parametrize("raw", [b"x" * 40, MAGIC + b"\x02\xff\xff\xff\xff"])
def test_what_is_no_stream_is_refused(raw: bytes) -> None:
    with pytest.raises(Malformed):
        Records().take(raw)


# --- verbs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [number for number in KINDS if number not in SYSTEM_KINDS])
@pytest.mark.parametrize("face", [sender.Sender, blocking.Sender], ids=["trio", "blocking"])
def test_every_kind_is_a_function_of_its_fields(number: int, face: type) -> None:
    verb: Callable[..., object] = getattr(face, name_of(number))
    assert list(inspect.signature(verb).parameters)[1:] == list(layout(KINDS[number]).names)


@pytest.mark.parametrize(
    ("own", "twin"),
    [
        pytest.param(chain.Chain, blocking.Chain, id="chain"),
        pytest.param(sender.Sender, blocking.Sender, id="sender"),
    ],
)
def test_the_blocking_face_lacks_nothing(own: type, twin: type) -> None:
    methods = [name for name in vars(own) if not name.startswith("_")]
    missing = [name for name in methods if not hasattr(twin, name)]
    assert missing in ([], ["accept"])


# --- periods and batches --------------------------------------------------------------------------


@pytest.mark.parametrize(("at", "end"), [(0, 160), (99, 160), (100, 220), (159, 220), (160, 280)])
def test_the_next_whole_period_begins_after_now(at: int, end: int) -> None:
    row = ScheduleRow(
        id=ScheduleId(0),
        name="standard",
        start=Seconds(100),
        length=Seconds(60),
        post_window=Seconds(1),
        commit_window=Seconds(1),
        attest_window=Seconds(1),
        payout_delay=Seconds(1),
    )
    assert next_whole_period_end(row, at) == end


def _batch(**roots: bytes) -> Batch:
    zero = dict.fromkeys(layout(Batch).names, 0)
    tuples: dict[str, object] = {
        "frontier": (),
        "guardians": (),
        "answers": (),
        "mints_frontier": (),
    }
    both: dict[str, object] = {"root": b"", "mints_root": b"", **roots}
    return Batch(**{**zero, **tuples, **both, "period": PeriodIndex(0)})  # type: ignore[arg-type]


def test_rows_that_a_batch_was_not_sealed_over_are_refused() -> None:
    for batch in (_batch(), _batch(root=bytes(32), mints_root=bytes(32))):
        with pytest.raises(InvalidBlock, match="other receipts"):
            check_receipts(batch, [])
        with pytest.raises(InvalidBlock, match="other records"):
            check_mints(batch, [])
