"""Signatures verified in processes of their own, while this one goes on with the blocks.

Not in threads: libsodium runs outside the interpreter's lock, but a thread must have the lock back
after each signature, and beside a busy interpreter it waits for that longer than a signature takes.
A thread for each process carries whole batches there and verdicts back. Who waits for a verdict
verifies what no process has taken yet, so that every core is at work whoever is the slower one.
"""

import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import IO, Final, Self

from tfchain.base.codec import encode_shaped, read
from tfchain.base.crypto import verify
from tfchain.base.limits import TX_BYTES_MAX
from tfchain.errors import Unavailable
from tfchain.tx.transaction import Check

BATCH: Final = 1024
"""Signatures to hand over at once: short chains start no process, and long ones wait seldom for each
other. To verify them takes forty milliseconds, to hand them over five where this interpreter is busy."""
BATCH_BYTES_MAX: Final = BATCH * (TX_BYTES_MAX + 256)
"""A batch's bytes: what was signed is the longer part, beside it stand a key, a signature and heads."""
_LENGTH_BYTES: Final = 4


class _Batch:
    """Signatures, and what was found; None where the process that had them went away."""

    __slots__ = ("checks", "done", "verdicts")

    def __init__(self) -> None:
        self.checks: list[Check] = []
        self.verdicts: Sequence[bool] | None = None
        self.done = threading.Event()

    def close(self, verdicts: Sequence[bool] | None) -> None:
        self.verdicts = verdicts
        self.checks = []
        self.done.set()


_Queue = SimpleQueue[_Batch | None]
"""Batches that nobody has taken; None asks a carrier to go home."""


class Verifier:
    """Verifies beside its owner, from the first full batch until the `with` block ends."""

    def __init__(self, processes: int | None = None) -> None:
        """`processes`: how many verify; by default one for each core but this process's own."""
        self._wanted = (os.cpu_count() or 1) - 1 if processes is None else processes
        self._carriers: list[_Carrier] = []
        self._waiting: _Queue = SimpleQueue()
        self._filling = _Batch()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Processes end with their input; verdicts that nobody waited for are dropped."""
        while self._next_waiting() is not None:
            pass
        for _ in self._carriers:
            self._waiting.put(None)
        for carrier in self._carriers:
            carrier.end()

    def verify_all(self, checks: Sequence[Check]) -> Callable[[], Sequence[bool]]:
        """Begin to verify; what it returns waits for the verdicts, in order.

        Raises:
            Unavailable: here and from what it returns: a process is not there.
        """
        parts: list[tuple[_Batch, int, int]] = []
        taken = 0
        while taken < len(checks):
            batch = self._filling
            first = len(batch.checks)
            batch.checks += checks[taken : taken + BATCH - first]
            taken += len(batch.checks) - first
            parts.append((batch, first, len(batch.checks)))
            if len(batch.checks) == BATCH:
                self._hand_over()
                self._start()
        return lambda: [*chain.from_iterable(map(self._verdicts, parts))]

    def _hand_over(self) -> None:
        self._waiting.put(self._filling)
        self._filling = _Batch()

    def _start(self) -> None:
        while len(self._carriers) < self._wanted:
            self._carriers.append(_Carrier(self._waiting))

    def _verdicts(self, part: tuple[_Batch, int, int]) -> Sequence[bool]:
        batch, first, last = part
        if batch is self._filling:
            self._hand_over()
        while not batch.done.is_set():
            other = self._next_waiting()
            if other is None:
                batch.done.wait()
            else:
                other.close([verify(*check) for check in other.checks])
        if batch.verdicts is None:
            raise _gone()
        return batch.verdicts[first:last]

    def _next_waiting(self) -> _Batch | None:
        try:
            return self._waiting.get_nowait()
        except Empty:
            return None


class _Carrier:
    """A process that verifies, and the thread that serves it.

    The process has a batch on its way while it verifies the one before: it never waits for this
    interpreter's lock.
    """

    def __init__(self, waiting: _Queue) -> None:
        self._waiting = waiting
        self._under_way: deque[_Batch] = deque()
        self.process = _started()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Wait until thread and process have ended; the thread has been asked to."""
        self._thread.join()
        self.process.communicate()

    def _run(self) -> None:
        try:
            while (batch := self._next()) is not None:
                self._under_way.append(batch)
                self._send(batch.checks)
                if len(self._under_way) > 1:
                    self._receive()
            while self._under_way:
                self._receive()
        except (OSError, EOFError):
            for batch in self._under_way:
                batch.close(None)

    def _next(self) -> _Batch | None:
        """The next batch. Before it waits for one, it fetches what the process has to say."""
        if self._under_way and self._waiting.empty():
            self._receive()
        return self._waiting.get()

    def _send(self, checks: Sequence[Check]) -> None:
        assert self.process.stdin is not None
        body = encode_shaped([part for check in checks for part in check])
        self.process.stdin.write(len(body).to_bytes(_LENGTH_BYTES, "big") + body)
        self.process.stdin.flush()

    def _receive(self) -> None:
        assert self.process.stdout is not None
        batch = self._under_way[0]
        said = self.process.stdout.read(len(batch.checks))
        if len(said) != len(batch.checks):
            raise EOFError
        self._under_way.popleft()
        batch.close([verdict == 1 for verdict in said])


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


def _gone() -> Unavailable:
    return Unavailable("no verdicts on signatures", "the verifying process", "audit again")


def serve(asked: IO[bytes], answers: IO[bytes]) -> None:
    """Verify batches until there are no more: a byte for each signature, 1 where it is genuine.

    They come from the process that started this one: nobody asks whether they are spelled well.
    """
    while head := asked.read(_LENGTH_BYTES):
        flat = read(asked.read(int.from_bytes(head, "big")), BATCH_BYTES_MAX)
        assert type(flat) is list, "a batch is a list of keys, messages and signatures"
        triples = zip(flat[::3], flat[1::3], flat[2::3], strict=True)
        answers.write(bytes(verify(*triple) for triple in triples))
        answers.flush()


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
