"""A guardian's end of the pipes to its second program."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import trio

from tfchain.errors import Malformed, Unavailable
from tfchain.net.frames import Unframer
from tfchain.node.guardian import columns_wire as wire

READ_BYTES: Final = 64 * 1024
LEAVE_S: Final = 2
"""How long the program may take to end by itself once its input has ended."""


class Program:
    """A running second program; one question at a time."""

    def __init__(self, process: trio.Process) -> None:
        assert process.stdin is not None and process.stdout is not None, "it was opened with pipes"
        self._process = process
        self._in = process.stdin
        self._out = process.stdout
        self._frames = Unframer()

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    async def ask(self, request: wire.Request) -> wire.Answer:
        """The answer.

        Raises:
            Unavailable: the program has ended.
            Malformed: what it says is no answer.
        """
        try:
            await self._in.send_all(wire.frame_of(request))
        except (trio.BrokenResourceError, trio.ClosedResourceError) as fault:
            raise self._gone() from fault
        while (body := self._frames.take(wire.MESSAGE_BYTES_MAX)) is None:
            chunk = await self._out.receive_some(READ_BYTES)
            if not chunk:
                raise self._gone()
            self._frames.feed(chunk)
        return wire.read_answer(body)

    async def stand(self, request: wire.Request) -> wire.Standing:
        """The answer to what changes something.

        Raises:
            Unavailable: it refused, or it has ended.
            Malformed: another kind of answer.
        """
        answer = await self.ask(request)
        if isinstance(answer, wire.Refused):
            raise Unavailable("the second program refused", answer.reason, "see the log above")
        if not isinstance(answer, wire.Standing):
            raise Malformed(f"a {type(answer).__name__} where a standing is due")
        return answer

    def _gone(self) -> Unavailable:
        return Unavailable(
            "the second program has ended", f"process {self.pid}", "it is started again"
        )


@asynccontextmanager
async def second_program(checkpoint: Path) -> AsyncIterator[Program]:
    """A second program that lives as long as the block.

    It would outlive nobody: its input ends with this process, however this process ends.
    """
    command = [sys.executable, "-m", "tfchain.node.guardian.columns_child", str(checkpoint)]
    process = await trio.lowlevel.open_process(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_environment()
    )
    try:
        yield Program(process)
    finally:
        with trio.CancelScope(shield=True):
            await _end(process)


def _environment() -> dict[str, str]:
    """One thread for numpy: the other cores are the validators'."""
    return {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


async def _end(process: trio.Process) -> None:
    assert process.stdin is not None and process.stdout is not None
    await process.stdin.aclose()
    with trio.move_on_after(LEAVE_S):
        await process.wait()
    if process.returncode is None:
        process.kill()
        await process.wait()
    await process.stdout.aclose()
