"""Keys of one node's rows: apart from each other, and in the order of the chain."""

import json
from hashlib import blake2b
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfchain.base.shapes import layout as layout_of
from tfchain.base.units import U64_MAX, Height
from tfchain.chain.tip import Tip
from tfchain.errors import Malformed, Unavailable
from tfchain.store import layout
from tfchain.store.kv import KEY_BYTES_MAX

Heights = st.integers(0, U64_MAX).map(Height)


def test_columns_are_one_byte_each_and_all_different() -> None:
    assert sorted(map(len, layout.COLUMNS)) == [1] * len(layout.COLUMNS)
    assert len(set(layout.COLUMNS)) == len(layout.COLUMNS)


def test_the_keys_of_a_layout_never_move() -> None:
    """Byte for byte: changing one of these needs a new LAYOUT_VERSION."""
    height = Height(258)
    assert layout.block_key(height) == b"b\x00\x00\x00\x00\x00\x00\x01\x02"
    assert layout.commit_key(height) == b"c\x00\x00\x00\x00\x00\x00\x01\x02"
    assert layout.results_key(height) == b"r\x00\x00\x00\x00\x00\x00\x01\x02"
    assert layout.tx_key(b"h" * 16 + b"i" * 16) == b"x" + b"h" * 16
    assert layout.META_LAYOUT == b"mlayout"
    assert layout.META_HEIGHT == b"mheight"
    assert layout.META_GENESIS == b"mgenesis"
    assert (layout.STATE, layout.TREE, layout.ARCHIVE) == (b"s", b"t", b"a")
    assert layout.encode_version() == b"\x00\x00\x00\x06"


@given(low=Heights, high=Heights)
def test_heights_sort_as_numbers(low: Height, high: Height) -> None:
    assert (layout.block_key(low) < layout.block_key(high)) == (low < high)


@given(height=Heights)
def test_a_height_comes_back(height: Height) -> None:
    assert layout.decode_height(layout.encode_height(height)) == height
    for key in (layout.block_key, layout.commit_key, layout.results_key):
        assert layout.height_of(key(height)) == height
        assert len(key(height)) <= KEY_BYTES_MAX


def test_a_transaction_place_comes_back() -> None:
    place = layout.TxPlace(height=Height(7), position=3, code="ok")
    assert layout.decode_place(layout.encode_place(place)) == place


@pytest.mark.parametrize("row", [b"", b"\x93\x01\x07\x03", b"\xff"])
def test_a_damaged_place_is_malformed(row: bytes) -> None:
    with pytest.raises(Malformed):
        layout.decode_place(row)


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(lambda: layout.block_key(Height(-1)), id="a height below zero"),
        pytest.param(lambda: layout.block_key(Height(U64_MAX + 1)), id="a height too high"),
        pytest.param(lambda: layout.tx_key(b"short"), id="an id that is no hash"),
        pytest.param(lambda: layout.height_of(b"x" + bytes(8)), id="a column without heights"),
        pytest.param(lambda: layout.decode_height(b"\x01"), id="a height of one byte"),
    ],
)
def test_a_misused_key_is_our_bug(broken: object) -> None:
    assert callable(broken)
    with pytest.raises(AssertionError):
        broken()


@pytest.mark.parametrize(
    ("row", "found"),
    [(b"\x00\x00\x00\x01", "1"), (b"", "unreadable"), (bytes(5), "unreadable")],
)
def test_another_layout_is_refused_by_name(row: bytes, found: str) -> None:
    with pytest.raises(Unavailable, match=f"layout {found}, this program knows layout 6"):
        layout.check_version(row, "folder")


def test_our_layout_is_welcome() -> None:
    layout.check_version(layout.encode_version(), "folder")


def test_what_a_store_holds_is_pinned_with_the_number_of_its_layout(golden_folder: Path) -> None:
    """Another record, field or order of fields asks for another number: old stores are refused."""
    pinned = json.loads((golden_folder / "layouts.json").read_text(encoding="utf-8"))
    held = {name: fields for name, fields in pinned.items() if name.startswith("ledger.")}
    tip = layout_of(Tip)
    held["chain.tip.Tip"] = [tip.version, *tip.names]
    text = json.dumps(held, sort_keys=True).encode()
    found = blake2b(text, digest_size=8).hexdigest()
    assert (layout.LAYOUT_VERSION, found) == (6, "7034f159e1555368")
