"""Another process, for what one process cannot show: locks, kills, full disks."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import tfchain

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def other_process() -> Run:
    """Run a script in a second Python; its arguments are strings or paths.

    It is not measured for coverage: what is killed or may not write would leave broken figures.
    """
    root = Path(tfchain.__file__).parent.parent
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    environment = {**kept, "PYTHONPATH": str(root)}

    def run(script: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", script, *map(str, arguments)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run
