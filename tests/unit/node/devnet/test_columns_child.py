"""The second program as a process: what it answers, what it refuses, and what it keeps."""

import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfchain.base.codec import encode
from tfchain.base.units import Height, Millis, PeriodIndex, ScheduleId
from tfchain.errors import Malformed, Unavailable
from tfchain.node.guardian import columns_wire as wire
from tfchain.node.guardian.columns_child import Desk, serve
from tfchain.node.guardian.columns_parent import Program, second_program

MakeLedger = Callable[..., Any]
STANDARD, PERIOD_0 = ScheduleId(0), PeriodIndex(0)
COMPUTE = wire.Compute(schedule=STANDARD, period=PERIOD_0)
SHOW = wire.Show(schedule=STANDARD, period=PERIOD_0, first=0)
FORGET = wire.Forget(schedule=STANDARD, period=PERIOD_0)
SEALED_S = 100
"""Long after period 0 has ended, been posted and been settled."""


@pytest.fixture(scope="module")
def sealed(make_any_ledger: MakeLedger) -> Any:
    """A chain whose period 0 is sealed, with five nodes."""
    ledger = make_any_ledger(5, 1)
    ledger.found()
    ledger.until(SEALED_S)
    return ledger


def begin(ledger: Any) -> wire.Begin:
    return wire.Begin(genesis=ledger.text.encode(), height_max=ledger.chain.height())


def takes(ledger: Any, first: int = 1) -> Iterator[wire.Take]:
    for number in range(first, ledger.chain.height() + 1):
        block = ledger.chain.block(Height(number))
        codes = ledger.chain.codes(Height(number))
        yield wire.Take(height=Height(number), time=block.header.time, txs=block.txs, codes=codes)


def fed(ledger: Any, path: Path) -> Desk:
    desk = Desk(path)
    requests: list[wire.Request] = [begin(ledger), *takes(ledger)]
    for request in requests:
        assert isinstance(desk.answer(request), wire.Standing)
    return desk


def test_it_computes_what_the_ledger_sealed(sealed: Any, tmp_path: Path) -> None:
    desk, batch = fed(sealed, tmp_path / "c"), sealed.batch()
    answer = desk.answer(COMPUTE)
    assert answer == wire.Computed(root=batch.root, total=batch.total, count=5)
    shown = desk.answer(SHOW)
    assert isinstance(shown, wire.Shown)
    assert len(shown.receipts) == 5


def test_it_goes_on_from_its_checkpoint(sealed: Any, tmp_path: Path) -> None:
    desk = Desk(tmp_path / "c")
    desk.answer(begin(sealed))
    blocks = list(takes(sealed))
    for block in blocks[:50]:
        desk.answer(block)
    kept = desk.answer(wire.Keep())
    again = Desk(tmp_path / "c")
    standing = again.answer(begin(sealed))
    assert isinstance(kept, wire.Standing) and isinstance(standing, wire.Standing)
    assert (standing.height, standing.note) == (50, "")
    assert standing.checkpoint == kept.checkpoint != b""
    for block in blocks[50:]:
        again.answer(block)
    assert again.answer(COMPUTE) == fed(sealed, tmp_path / "other").answer(COMPUTE)


def spoil(path: Path, ledger: Any) -> wire.Begin:
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    path.write_bytes(content)
    return begin(ledger)


def rewind(path: Path, ledger: Any) -> wire.Begin:
    return wire.Begin(genesis=ledger.text.encode(), height_max=Height(3))


def hide(path: Path, ledger: Any) -> wire.Begin:
    path.unlink()
    path.mkdir()
    return begin(ledger)


@pytest.mark.parametrize(
    ("happens", "note"),
    [
        pytest.param(spoil, "hash", id="one bit changed"),
        pytest.param(rewind, "which this chain has not yet", id="the chain is behind it"),
        pytest.param(hide, "cannot be read", id="it is a folder now"),
    ],
)
def test_a_checkpoint_that_cannot_be_used_is_said_and_not_used(
    sealed: Any, tmp_path: Path, happens: Callable[[Path, Any], wire.Begin], note: str
) -> None:
    path = tmp_path / "c"
    fed(sealed, path).answer(wire.Keep())
    standing = Desk(path).answer(happens(path, sealed))
    assert isinstance(standing, wire.Standing)
    assert standing.height == 0
    assert standing.checkpoint == b""
    assert note in standing.note


def test_a_period_that_is_not_over_is_refused(make_ledger: MakeLedger, tmp_path: Path) -> None:
    ledger = make_ledger()
    ledger.until(80)
    answer = fed(ledger, tmp_path / "c").answer(COMPUTE)
    assert isinstance(answer, wire.Refused)
    assert "period 0" in answer.reason


def test_a_period_that_was_forgotten_is_refused(sealed: Any, tmp_path: Path) -> None:
    desk = fed(sealed, tmp_path / "c")
    assert isinstance(desk.answer(FORGET), wire.Standing)
    assert isinstance(desk.answer(COMPUTE), wire.Refused)
    assert isinstance(desk.answer(SHOW), wire.Refused)


def test_a_checkpoint_that_cannot_be_written_is_refused(sealed: Any, tmp_path: Path) -> None:
    desk = fed(sealed, tmp_path / "no folder" / "c")
    answer = desk.answer(wire.Keep())
    assert isinstance(answer, wire.Refused)
    assert "checkpoint" in answer.reason


def test_what_it_cannot_believe_ends_it(sealed: Any, tmp_path: Path) -> None:
    desk = Desk(tmp_path / "c")
    with pytest.raises(Malformed, match="first request"):
        desk.answer(COMPUTE)
    with pytest.raises(Malformed, match="genesis"):
        desk.answer(wire.Begin(genesis=b"name = 1", height_max=Height(0)))
    with pytest.raises(Malformed, match="UTF-8"):
        desk.answer(wire.Begin(genesis=b"\xff", height_max=Height(0)))
    desk.answer(begin(sealed))
    with pytest.raises(Malformed, match="before"):
        desk.answer(begin(sealed))
    with pytest.raises(Malformed, match="block 7"):
        desk.answer(wire.Take(height=Height(7), time=Millis(1), txs=(), codes=()))


# --- frames ---------------------------------------------------------------------------------------


def test_a_conversation_over_pipes(sealed: Any, tmp_path: Path) -> None:
    requests: list[wire.Request] = [begin(sealed), *takes(sealed), COMPUTE]
    source = io.BytesIO(b"".join(wire.frame_of(request) for request in requests))
    sink = io.BytesIO()
    serve(source, sink, tmp_path / "c")
    last = wire.frame_of(
        wire.Computed(root=sealed.batch().root, total=sealed.batch().total, count=5)
    )
    assert sink.getvalue().endswith(last)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\x00\x00", id="half a length"),
        pytest.param(b"\x00\x00\x00\x00", id="an empty frame"),
        pytest.param(b"\xff\xff\xff\xff", id="a frame of four gigabytes"),
        pytest.param(b"\x00\x00\x00\x05\x92", id="a frame that was cut off"),
        pytest.param(b"\x00\x00\x00\x01\xc1", id="no value at all"),
        pytest.param(b"\x00\x00\x00\x01\x01", id="a number"),
        pytest.param(wire.frame_of(wire.Refused(reason="")), id="an answer for a request"),
    ],
)
def test_a_bad_frame_ends_it(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(Malformed):
        serve(io.BytesIO(content), io.BytesIO(), tmp_path / "c")


@pytest.mark.parametrize("number", [0, 9, -1, True, "1"])
def test_an_unknown_kind_is_malformed(number: Any) -> None:
    body = encode([number, [1]])
    for read in (wire.read_request, wire.read_answer):
        with pytest.raises(Malformed):
            read(body)


@settings(max_examples=50)
@given(st.binary(max_size=64))
def test_any_bytes_are_a_message_or_malformed(body: bytes) -> None:
    for read in (wire.read_request, wire.read_answer):
        try:
            message = read(body)
        except Malformed:
            continue
        assert wire.frame_of(message)[4:] == body


def test_a_long_reason_is_cut_to_a_note() -> None:
    text = "ä" * wire.NOTE_BYTES_MAX
    note = wire.noted(text)
    assert len(note.encode()) <= wire.NOTE_BYTES_MAX
    assert text.startswith(note)


# --- processes ------------------------------------------------------------------------------------


def test_its_answers_are_the_same_from_a_process(sealed: Any, tmp_path: Path) -> None:
    requests: list[wire.Request] = [begin(sealed), *takes(sealed), COMPUTE]
    content = b"".join(wire.frame_of(request) for request in requests)
    done = run([str(tmp_path / "c")], content)
    assert (done.returncode, done.stderr) == (0, b"")
    last = wire.frame_of(
        wire.Computed(root=sealed.batch().root, total=sealed.batch().total, count=5)
    )
    assert done.stdout.endswith(last)


@pytest.mark.parametrize(
    ("arguments", "content", "code", "line"),
    [
        pytest.param([], b"", 2, b"one argument", id="no argument"),
        pytest.param(["c"], b"\xff", 1, b"frame", id="a bad frame"),
        pytest.param(["c"], b"", 0, b"", id="nothing to do"),
    ],
)
def test_it_ends_with_a_code_and_a_line(
    arguments: list[str], content: bytes, code: int, line: bytes
) -> None:
    done = run(arguments, content)
    assert done.returncode == code
    assert line in done.stderr
    assert len(done.stderr.splitlines()) == (1 if line else 0)


def run(arguments: list[str], content: bytes) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "tfchain.node.guardian.columns_child", *arguments]
    return subprocess.run(command, input=content, capture_output=True, check=False)


async def hand_over(program: Program, blocks: list[wire.Take]) -> None:
    for block in blocks:
        await program.stand(block)


async def test_a_killed_program_is_told_and_the_next_goes_on(sealed: Any, tmp_path: Path) -> None:
    blocks = list(takes(sealed))
    async with second_program(tmp_path / "c") as program:
        await program.stand(begin(sealed))
        await hand_over(program, blocks[:60])
        await program.stand(wire.Keep())
        os.kill(program.pid, signal.SIGKILL)
        with pytest.raises(Unavailable, match="has ended"):
            await hand_over(program, blocks[60:])
    async with second_program(tmp_path / "c") as program:
        standing = await program.stand(begin(sealed))
        assert standing.height == 60
        await hand_over(program, blocks[60:])
        answer = await program.ask(COMPUTE)
        assert isinstance(answer, wire.Computed)
        assert answer.root == sealed.batch().root
        with pytest.raises(Malformed):
            await program.stand(COMPUTE)
        with pytest.raises(Unavailable, match="refused"):
            await program.stand(wire.Forget(schedule=ScheduleId(7), period=PeriodIndex(0)))
