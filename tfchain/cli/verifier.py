"""Signatures verified in a process of its own, while this one goes on with the block.

Not in threads: libsodium runs outside the interpreter's lock, but a thread must have the lock back
after each signature, and beside a busy interpreter it waits for that longer than a signature takes.
One process is enough, for it verifies a block sooner than this one executes it.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from tfchain.base.codec import decode, encode
from tfchain.base.crypto import verify
from tfchain.base.limits import BLOCK_BYTES_MAX
from tfchain.errors import Unavailable
from tfchain.tx.transaction import Check

AT_ONCE_MAX: Final = 64
"""Signatures that are sooner verified here than sent: most chains' blocks start no process."""
BATCH_BYTES_MAX: Final = 4 * BLOCK_BYTES_MAX
"""A block's signatures: its transactions once more, each with a key and a tag, and its commit."""
_LENGTH_BYTES: Final = 4


class Verifier:
    """A process that verifies, from its first large batch until the `with` block ends."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """The process ends with its input; verdicts that nobody waited for are dropped."""
        if self._process is not None:
            self._process.communicate()

    def verify_all(self, checks: Sequence[Check]) -> Callable[[], Sequence[bool]]:
        """Begin to verify; what it returns waits for the verdicts, in order.

        Collect them before the next batch begins.

        Raises:
            Unavailable: here and from what it returns: the process is not there.
        """
        if len(checks) <= AT_ONCE_MAX:
            verdicts = [verify(*check) for check in checks]
            return lambda: verdicts
        process = self._process = self._process or _started()
        assert process.stdin is not None
        answers = process.stdout
        assert answers is not None
        try:
            _write(process.stdin, encode([part for check in checks for part in check]))
        except OSError as fault:
            raise _gone() from fault
        return lambda: _verdicts(answers, len(checks))


def _started() -> subprocess.Popen[bytes]:
    """With the very package that runs here, whatever else the working folder has of its name.

    In a session of its own: an interrupt from the keyboard is for this process to answer.
    """
    command, pipe = [sys.executable, "-P", "-m", __name__], subprocess.PIPE
    paths = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}
    try:
        return subprocess.Popen(  # noqa: S603 -- this interpreter, this module
            command, stdin=pipe, stdout=pipe, env=env, start_new_session=True
        )
    except OSError as fault:
        raise _gone() from fault


def _verdicts(answers: IO[bytes], count: int) -> list[bool]:
    said = answers.read(count)
    if len(said) != count:
        raise _gone()
    return [verdict == 1 for verdict in said]


def _gone() -> Unavailable:
    return Unavailable("no verdicts on signatures", "the verifying process", "audit again")


def _write(file: IO[bytes], body: bytes) -> None:
    file.write(len(body).to_bytes(_LENGTH_BYTES, "big") + body)
    file.flush()


def serve(asked: IO[bytes], answers: IO[bytes]) -> None:
    """Verify batches until there are no more: a byte for each signature, 1 where it is genuine."""
    while head := asked.read(_LENGTH_BYTES):
        flat = decode(asked.read(int.from_bytes(head, "big")), BATCH_BYTES_MAX)
        assert type(flat) is list, "a batch is a list of keys, messages and signatures"
        triples = zip(flat[::3], flat[1::3], flat[2::3], strict=True)
        answers.write(bytes(verify(*triple) for triple in triples))
        answers.flush()


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
