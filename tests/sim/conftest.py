"""After the mutants' tests: which seed killed which of them, and by which invariant."""

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table *mutant | killed at seed | invariant*."""
    reports = [*terminalreporter.stats.get("passed", ()), *terminalreporter.stats.get("failed", ())]
    rows = [value for one in reports for name, value in one.user_properties if name == "mutant"]
    if not rows:
        return
    terminalreporter.section("mutants")
    width = max(len(name) for name, _, _ in rows)
    terminalreporter.line(f"{'mutant':{width}} | killed at seed | invariant")
    for name, seed, number in rows:
        terminalreporter.line(f"{name:{width}} | {seed:>14} | {number}")
