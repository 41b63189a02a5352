"""A bound taken beside something that runs for minutes, at the same moments.

A machine's neighbours come and go: what it could do at the start says little about the minutes after.
So the process is stopped every few seconds, the cores are asked what they can do right then, and it
goes on. The mean of the answers is the bound, and the time that it was stopped is nobody's.
"""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from tfchain.base.crypto import verify
from tfchain.tx.transaction import Check

EVERY_S: Final = 10.0
"""Between two stops."""
ASKED_S: Final = 0.8
"""How long the cores are asked."""
SETTLED_S: Final = 0.1
"""Until a process that the stopped one had given work to has done it: of an audit five hundred
signatures at most, which nobody counts: two thousandths of the ten seconds."""


@dataclass(slots=True)
class Beside:
    """What was found at the stops."""

    speeds: list[float] = field(default_factory=list)
    stopped_s: float = 0.0

    @property
    def mean(self) -> float:
        """Of all stops; there was one."""
        return sum(self.speeds) / len(self.speeds)


def ran_beside(
    command: Sequence[str], speed: Callable[[], float], every_s: float = EVERY_S
) -> tuple[bytes, Beside]:
    """Run a command to its end, asking for a `speed` every so often: what it printed, what was found.

    Where a speed cannot be told the command is ended too.

    Raises:
        CalledProcessError: it ended with an error.
    """
    found, said = Beside(), None
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            while said is None:
                try:
                    said, _ = process.communicate(timeout=every_s)
                except subprocess.TimeoutExpired:
                    _stop(process, speed, found)
        finally:
            if said is None:
                process.kill()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return said, found


def _stop(process: subprocess.Popen[bytes], speed: Callable[[], float], found: Beside) -> None:
    began = time.perf_counter()
    process.send_signal(signal.SIGSTOP)
    time.sleep(SETTLED_S)
    found.speeds.append(speed())
    process.send_signal(signal.SIGCONT)
    found.stopped_s += time.perf_counter() - began


@contextmanager
def asked(checks: Sequence[Check], cores: int) -> Iterator[Callable[[], float]]:
    """Tells, whenever it is asked, how many verifications a second so many processes do at once.

    Each of them goes through `checks`.
    """
    with ProcessPoolExecutor(cores) as pool:
        yield lambda: sum(pool.map(partial(_speed, ASKED_S), [checks] * cores))


def _speed(asked_s: float, checks: Sequence[Check]) -> float:
    """One process's: its mean over the time, not its best."""
    began, done = time.perf_counter(), 0
    while (spent := time.perf_counter() - began) < asked_s:
        done += sum(verify(*check) for check in checks)
    return done / spent
