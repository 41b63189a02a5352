"""A bound is taken while the process that it is for stands still, and the process loses nothing by it."""

import subprocess
import sys

import pytest

from scripts.bench_beside import asked, ran_beside
from tfchain.base.crypto import public_key, sign

SEED = b"s" * 32
WAITS_FOR_TWO = """
import signal
for _ in range(2):
    signal.sigwait([signal.SIGCONT])
print("done")
"""
"""Ends once it was stopped and went on twice."""
BLOCKED = "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCONT])"


def test_a_process_goes_on_after_each_stop_and_ends_as_it_would() -> None:
    speeds = iter(range(1, 1_000))
    command = [sys.executable, "-c", BLOCKED + WAITS_FOR_TWO]
    said, beside = ran_beside(command, lambda: float(next(speeds)), every_s=0.1)
    assert said == b"done\n"
    stops = len(beside.speeds)
    assert stops >= 2
    assert beside.mean == (stops + 1) / 2
    assert beside.stopped_s > 0


def test_what_ends_before_the_first_stop_has_no_bound_beside_it() -> None:
    said, beside = ran_beside([sys.executable, "-c", "print(1)"], lambda: 1.0, every_s=60.0)
    assert (said, beside.speeds, beside.stopped_s) == (b"1\n", [], 0.0)


def test_a_process_that_fails_is_an_error() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        ran_beside([sys.executable, "-c", "raise SystemExit(3)"], lambda: 1.0, every_s=60.0)


def test_a_process_does_not_outlive_who_asked() -> None:
    def fails() -> float:
        raise ValueError("nobody knows")

    with pytest.raises(ValueError, match="nobody knows"):
        ran_beside([sys.executable, "-c", "import signal; signal.pause()"], fails, every_s=0.1)


def test_the_cores_say_how_fast_they_are() -> None:
    check = (public_key(SEED), b"message", sign(SEED, b"message"))
    with asked([check], 2) as speed:
        assert speed() > 0
