"""Every scenario and every invariant of the consensus has a test that cites it by number.

`tests/scenarios.txt` has the scenarios' numbers and titles. A test cites in its docstring, or in the
ids of its table: "Scenario 21", "Scenarios 1, 9 and 33 to 36", "12: ...".
"""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
SCENARIOS = dict(
    line.split(" ", 1) for line in (TESTS / "scenarios.txt").read_text("utf-8").splitlines()
)
INVARIANTS = (*(f"S{number}" for number in range(1, 12)), "L1", "L2", "L3", "L4", "D1")
_CITED = re.compile(r"[Ss]cenarios? ((?:\d+(?:, | and | to )?)+)")
_RANGE = re.compile(r"(\d+) to (\d+)")
_IN_AN_ID = re.compile(r"['\"](\d+): ")


def _said() -> list[str]:
    """Docstring and table of every test."""
    return [
        " ".join([ast.get_docstring(node) or "", *map(ast.unparse, node.decorator_list)])
        for path in sorted(TESTS.rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    ]


def _numbers(text: str) -> set[str]:
    """The scenarios that a text cites."""
    found = set(_IN_AN_ID.findall(text))
    for row in _CITED.findall(text):
        spans = [range(int(first), int(last) + 1) for first, last in _RANGE.findall(row)]
        found |= {str(number) for span in spans for number in span}
        found |= set(re.findall(r"\d+", row))
    return found


SAID = _said()
CITED = {number for text in SAID for number in _numbers(text)}


def test_the_map_has_all_of_them() -> None:
    assert list(SCENARIOS) == [str(number) for number in range(1, 56)]


@pytest.mark.parametrize("number", SCENARIOS)
def test_a_scenario_has_a_test(number: str) -> None:
    assert number in CITED, SCENARIOS[number]


@pytest.mark.parametrize("number", INVARIANTS)
def test_an_invariant_has_a_test(number: str) -> None:
    assert any(re.search(rf"\b{number}\b", text) for text in SAID), number


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Scenario 21: crashes", {"21"}),
        ("Scenarios 1, 9, 33 to 35 and 46.", {"1", "9", "33", "34", "35", "46"}),
        ("pytest.param(1, id='30: two proposals')", {"30"}),
        ("21 seeds, and no scenario", set()),
    ],
)
def test_citations_are_read(text: str, numbers: set[str]) -> None:
    assert _numbers(text) == numbers
