"""The README's table of what the seeds name is true: its files are there, and are tested by what it says."""

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
ABSENT: Final = "not there yet"


def _rows() -> list[tuple[str, str, str]]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    part = text.partition("## What the seeds name\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| (\d\d\d [^|]+) \| ([^|]+) \| ([^|]*)\|$", part, re.MULTILINE)


ROWS: Final = _rows()


def _files(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@pytest.mark.parametrize(("system", "place", "tested"), ROWS, ids=[row[0] for row in ROWS])
def test_a_system_lives_where_the_readme_says(system: str, place: str, tested: str) -> None:
    """In files of the product, with tests; or it says that it is not there yet."""
    if place == ABSENT:
        assert tested.strip() == "", system
        return
    assert _files(place)
    assert _files(tested)
    for name in _files(place):
        assert name.startswith("tfchain/")
        assert (ROOT / name).is_file(), name
    for name in _files(tested):
        assert re.fullmatch(r"tests/.*test_\w+\.py", name)
        assert "def test_" in (ROOT / name).read_text(encoding="utf-8"), name


@pytest.mark.parametrize("seed", ["000", "001", "002", "003", "004"])
def test_every_seed_has_its_rows(seed: str) -> None:
    assert len([system for system, _, _ in ROWS if system.startswith(seed)]) > 2


def test_what_is_not_there_yet_is_said() -> None:
    assert [system for system, place, _ in ROWS if place == ABSENT]
