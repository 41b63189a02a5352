"""Every scenario, invariant and binding rule of the consensus has a test that cites it by number.

`tests/scenarios.txt` and `tests/musts.txt` have numbers and titles; a rule that does not bind this
chain has behind its title why. A test cites in its docstring, or in the ids of its table: "Scenario
21", "Scenarios 1, 9 and 33 to 36", "12: ...", "1.7.3", "1.5 B1, B4".
"""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
SCENARIOS = dict(
    line.split(" ", 1) for line in (TESTS / "scenarios.txt").read_text("utf-8").splitlines()
)
MUSTS = dict(line.split(" ", 1) for line in (TESTS / "musts.txt").read_text("utf-8").splitlines())
INVARIANTS = (*(f"S{number}" for number in range(1, 12)), "L1", "L2", "L3", "L4", "D1")
_CITED = re.compile(r"[Ss]cenarios? ((?:\d+(?:, | and | to )?)+)")
_RANGE = re.compile(r"(\d+) to (\d+)")
_IN_AN_ID = re.compile(r"['\"](\d+): ")
_RULE = re.compile(r"(?<![\d.])1\.\d+\.\d+(?!\.?\d)")
_OF_TIME = re.compile(r"(?<![\d.])1\.5 ((?:[AB]\d(?:, | and )?)+)")


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


def _rules(text: str) -> set[str]:
    """The rules that a text cites; those of block time by letter and number."""
    found = set(_RULE.findall(text))
    for row in _OF_TIME.findall(text):
        found |= set(re.findall(r"[AB]\d", row))
    return found


SAID = _said()
CITED = {number for text in SAID for number in _numbers(text)}
RULES = {number for text in SAID for number in _rules(text)}


def test_the_map_has_all_of_them() -> None:
    assert list(SCENARIOS) == [str(number) for number in range(1, 56)]


@pytest.mark.parametrize("number", SCENARIOS)
def test_a_scenario_has_a_test(number: str) -> None:
    assert number in CITED, SCENARIOS[number]


@pytest.mark.parametrize("number", MUSTS)
def test_a_rule_has_a_test_or_a_reason(number: str) -> None:
    title, _, reason = MUSTS[number].partition(" | ")
    assert (number in RULES) == (not reason), title


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


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("Consensus 1.1.10, 1.7.3: as it says.", {"1.1.10", "1.7.3"}),
        ("1.1.14 a, and 1.5 B1, B4.", {"1.1.14", "B1", "B4"}),
        ("127.0.0.1, 11.1.1 and 1.2.3.4 are none", set()),
    ],
)
def test_citations_of_rules_are_read(text: str, rules: set[str]) -> None:
    assert _rules(text) == rules
