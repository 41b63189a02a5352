"""Exported chains: whatever is missing or too much is named by its byte."""

import io
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfchain.errors import Malformed, Unavailable
from tfchain.store.export import MAGIC, PAYLOAD_BYTES_MAX, frames, read_records, write_records

Run = Callable[..., subprocess.CompletedProcess[str]]
RECORDS = [(1, b"genesis"), (2, b""), (255, b"block")]
OFFSETS = [len(MAGIC), len(MAGIC) + 12, len(MAGIC) + 17]
WHOLE = b"".join(frames(RECORDS))
END = len(WHOLE) - 13

FULL_DISK = """
import resource, signal, sys
from tfchain.errors import Unavailable
from tfchain.store.export import write_records
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50, 50))
with open(sys.argv[1], "wb", buffering=0) as file:
    try:
        write_records(file, [(1, bytes(100))])
        write_records(file, [(1, bytes(100))])
    except Unavailable as refusal:
        print(refusal)
"""


def _read(content: bytes) -> list[tuple[int, int, bytes]]:
    return list(read_records(io.BytesIO(content)))


def test_records_come_back_with_their_offsets(tmp_path: Path) -> None:
    with (tmp_path / "chain").open("wb") as file:
        write_records(file, RECORDS)
    with (tmp_path / "chain").open("rb") as file:
        read = list(read_records(file))
    assert [offset for offset, _, _ in read] == OFFSETS
    assert [(kind, payload) for _, kind, payload in read] == RECORDS


def test_an_export_of_nothing_has_an_end_all_the_same() -> None:
    content = b"".join(frames([]))
    assert _read(content) == []
    assert len(content) > len(MAGIC)


@pytest.mark.parametrize("cut", range(len(WHOLE)))
def test_a_cut_at_any_byte_is_noticed(cut: int) -> None:
    with pytest.raises(Malformed, match=r"byte [0-9]+: "):
        _read(WHOLE[:cut])


def test_records_before_the_cut_are_read_and_the_place_is_named() -> None:
    reader = read_records(io.BytesIO(WHOLE[: OFFSETS[2] + 7]))
    assert [next(reader)[0], next(reader)[0]] == OFFSETS[:2]
    with pytest.raises(Malformed, match=f"byte {OFFSETS[2]}: the export is cut off inside"):
        next(reader)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"", "byte 0: this is not", id="nothing"),
        pytest.param(b"\x1f\x8b" + WHOLE, "byte 0: this is not", id="something else"),
        pytest.param(WHOLE.replace(b"1\n", b"2\n", 1), "byte 0", id="another version"),
        pytest.param(WHOLE[:END], f"byte {END}: .* end record is missing", id="no end"),
        pytest.param(WHOLE[:-1] + b"\x04", f"byte {END}: .* count 3", id="a wrong count"),
        pytest.param(WHOLE + b"\n", f"byte {len(WHOLE)}: bytes after", id="bytes after the end"),
        pytest.param(WHOLE + WHOLE, f"byte {len(WHOLE)}: bytes after", id="two exports"),
        pytest.param(
            MAGIC + b"\x01\xff\xff\xff\xff", f"byte {len(MAGIC)}: a record of", id="over-long"
        ),
        pytest.param(
            MAGIC + b"\x00\x00\x00\x00\x09" + bytes(9), "at most 8 are", id="an end too long"
        ),
        pytest.param(MAGIC + bytes(5), "does not count", id="an end too short"),
    ],
)
def test_bad_bytes_are_named_by_their_place(content: bytes, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        _read(content)


def test_a_kind_may_have_a_bound_of_its_own() -> None:
    bounds = {1: 7, 255: 4}
    reader = read_records(io.BytesIO(WHOLE), bounds)
    assert [next(reader)[1], next(reader)[1]] == [1, 2]
    with pytest.raises(Malformed, match=f"byte {OFFSETS[2]}: a record of 5 bytes, at most 4"):
        next(reader)


def test_a_record_that_cannot_be_read_back_is_our_bug() -> None:
    with pytest.raises(AssertionError):
        list(frames([(1, bytes(PAYLOAD_BYTES_MAX + 1))]))
    with pytest.raises(AssertionError):
        list(frames([(0, b"")]))


def test_a_pipe_that_gives_little_at_a_time_is_read_whole() -> None:
    into, out = os.pipe()
    with os.fdopen(into, "rb", buffering=0) as reading:
        with os.fdopen(out, "wb", buffering=0) as writing:
            writing.write(WHOLE[:20])
            os.set_blocking(into, True)
            writing.write(WHOLE[20:])
        assert [kind for _, kind, _ in read_records(reading)] == [1, 2, 255]


def test_a_full_disk_is_told(tmp_path: Path, other_process: Run) -> None:
    said = other_process(FULL_DISK, tmp_path / "chain").stdout
    assert "cannot use the export (File too large)" in said
    assert str(tmp_path / "chain") in said


def test_an_export_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with (tmp_path / "chain").open("wb") as file, pytest.raises(Unavailable, match="cannot use"):
        list(read_records(file))


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=200), magic=st.booleans())
def test_any_bytes_are_an_export_or_malformed(content: bytes, magic: bool) -> None:
    content = MAGIC + content if magic else content
    try:
        read = _read(content)
    except Malformed:
        return
    assert b"".join(frames((kind, payload) for _, kind, payload in read)) == content
