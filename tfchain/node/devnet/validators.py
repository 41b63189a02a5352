"""A devnet's processes, validators and the web: started, watched, ended by their own number alone."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import trio

from tfchain.errors import Unavailable
from tfchain.node.settings import SETTINGS
from tfchain.store.files import told

LEAVE_S: Final = 12
"""Between the polite end and the other: a little more than a validator gives itself."""
AGAIN_S: Final = 2
"""Before one that ended is started again."""
TAIL_LINES: Final = 5
TAIL_BYTES: Final = 4_096

UNDER_WATCH: Final = (sys.executable, "-m", "tfchain.node.devnet.child")
"""What runs a verb so that it ends with the devnet, even if that is killed."""


class Member(Protocol):
    """What a process of a devnet is."""

    @property
    def name(self) -> str:
        """For people: `validator-0`."""
        ...

    @property
    def folder(self) -> Path:
        """Where it keeps what it has; its log stands in there."""
        ...

    @property
    def verb(self) -> list[str]:
        """The verb that runs it, with its options."""
        ...


@dataclass(slots=True)
class Process:
    """One member of a devnet and the process that runs it, if any does."""

    member: Member
    again: bool
    log: Callable[[str], None]
    starter: Sequence[str] = UNDER_WATCH
    again_s: float = AGAIN_S
    leave_s: float = LEAVE_S
    pid: int | None = None
    starts: int = field(default=0)

    async def keep(self) -> None:
        """Run it until cancelled; then nothing of it is left.

        Where it ends by itself it is started again, or the line that does it is shown.
        """
        while True:
            process = await self._started()
            try:
                code = await process.wait()
            finally:
                self.pid = None
                with trio.CancelScope(shield=True):
                    await _ended(process, self.leave_s)
            self._tell(code)
            if not self.again:
                await trio.sleep_forever()
            await trio.sleep(self.again_s)

    async def _started(self) -> trio.Process:
        """A session of its own: Ctrl-C is the devnet's to pass on."""
        path = self.member.folder / "log"
        with told(f"cannot write the log of {self.member.name}", path), path.open("ab") as sink:
            process = await trio.lowlevel.open_process(
                [*self.starter, *self.member.verb],
                env=_own(os.environ),
                stdin=subprocess.PIPE,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pid = process.pid
        self.starts += 1
        self.log(f"{self.member.name} runs as process {process.pid}")
        return process

    def _tell(self, code: int) -> None:
        name = self.member.name
        self.log(f"{name} ended with {code}")
        if code > 0:
            for line in self._tail():
                self.log(f"{name}: {line}")
        if not self.again:
            by_hand = [sys.executable, "-m", "tfchain", *self.member.verb]
            self.log(f"start it again with: {' '.join(by_hand)}")

    def _tail(self) -> list[str]:
        """The last lines of its log."""
        try:
            with told(f"cannot read the log of {self.member.name}", self.member.folder):
                content = (self.member.folder / "log").read_bytes()
        except Unavailable as fault:
            return [str(fault)]
        return content[-TAIL_BYTES:].decode("utf-8", "replace").splitlines()[-TAIL_LINES:]


def _own(variables: Mapping[str, str]) -> dict[str, str]:
    """The environment without what it says of one node's settings: here there are several."""
    names = frozenset(setting.variable for setting in SETTINGS)
    return {name: value for name, value in variables.items() if name not in names}


async def _ended(process: trio.Process, leave_s: float) -> None:
    """Politely first; the pipe is closed either way."""
    assert process.stdin is not None, "it was opened with a pipe"
    if process.returncode is None:
        process.terminate()
        with trio.move_on_after(leave_s):
            await process.wait()
    if process.returncode is None:
        process.kill()
        await process.wait()
    await process.stdin.aclose()
