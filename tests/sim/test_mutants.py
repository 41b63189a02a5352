"""The simulator bites: each fault that is put into a copy of the code is found within a few seeds.

A mutant is one line of the code in another wording, some are two. `seeds` are those that the mutant
is run over; the first one that kills it is somewhere among them.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "tfchain"
_RUN = "import typer; from tfchain.cli.simulate import simulate; typer.run(simulate)"


@dataclass(frozen=True, slots=True)
class Change:
    """A text in a file of the package, and what stands there in the mutant."""

    file: str
    text: str
    by: str


QUORUM = Change("ledger/validators.py", "return 2 * total // 3 + 1", "return 2 * total // 3")
LOCK = Change(
    "bft/machine.py",
    "return self.locked_round <= proposal.pol_round or self.locked_id == proposal.block_id",
    "return True",
)
VALID = Change(
    "bft/machine.py", "self.valid_id, self.valid_round = block_id, number", "assert number >= 0"
)
MEMO = Change(
    "store/signer.py", "    if place > last.place:\n        return None", "    return None"
)
UNSYNCED_ASK = Change(
    "replica/council.py",
    "self._out += [SyncLog(), Sign(message=effect.message, text=text)]",
    "self._out += [Sign(message=effect.message, text=text)]",
)
UNSYNCED_WORD = Change(
    "replica/council.py",
    "if isinstance(event, bft.Signed):\n            self._out.append(SyncLog())",
    "if isinstance(event, bft.Signed):\n            assert self._out",
)
TIMELY = Change(
    "bft/timing.py", "age = arrival_ms - proposal.time_ms", "age = arrival_ms - arrival_ms"
)
REPAIR = Change("bft/gossip.py", "return tuple(messages[:LACKING_MAX])", "return ()")
UNSYNCED_LOG = Change(
    "replica/council.py",
    "self._out += [Log(payload=height_record(self.height)), SyncLog()]",
    "self._out += [Log(payload=height_record(self.height))]",
)


def _simulate(folder: Path, seeds: str, scenario: str, *changes: Change) -> tuple[int, str]:
    """Exit code and what was said by a copy of the package with these changes."""
    ignored = shutil.ignore_patterns("__pycache__", "*.so")
    shutil.copytree(PACKAGE, folder / "tfchain", ignore=ignored)
    for change in changes:
        file = folder / "tfchain" / change.file
        source = file.read_text()
        assert source.count(change.text) == 1, f"{change.file} says it otherwise now"
        file.write_text(source.replace(change.text, change.by))
    done = subprocess.run(
        [sys.executable, "-c", _RUN, "--seeds", seeds, "--scenario", scenario],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout


def test_the_copy_itself_breaks_nothing(tmp_path: Path) -> None:
    code, told = _simulate(tmp_path, "0..5", "mixed")
    assert code == 0, told
    assert "violations: 0" in told


@pytest.mark.parametrize(
    ("changes", "scenario", "seeds", "number"),
    [
        pytest.param((QUORUM,), "halves", "0..9", "S6", id="a quorum that is one too low"),
        pytest.param((LOCK,), "liar", "0..39", "S5", id="locks that are not looked at"),
        pytest.param((VALID,), "liar", "0..39", "L1", id="a valid value that is forgotten"),
        pytest.param((UNSYNCED_WORD,), "mixed", "0..9", "W1", id="words that are synced too late"),
        pytest.param((MEMO, UNSYNCED_ASK), "crashes", "0..39", "S4", id="a signer that forgets"),
        pytest.param((TIMELY,), "clocks", "0..9", "S8", id="proposals that are never late"),
        pytest.param((REPAIR,), "storm", "0..9", "L1", id="losses that nobody repairs"),
        pytest.param((UNSYNCED_LOG,), "mixed", "0..39", "S0", id="a log that falls behind"),
    ],
)
def test_a_mutant_is_killed(
    changes: tuple[Change, ...], scenario: str, seeds: str, number: str, tmp_path: Path
) -> None:
    code, told = _simulate(tmp_path, seeds, scenario, *changes)
    assert code == 1, told
    assert told.splitlines()[1].startswith(f"  {number}: "), told
