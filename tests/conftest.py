"""What every test may ask for, and what a run says about tests that could not run here."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("house", deadline=None, print_blob=True)
settings.register_profile("ci", deadline=None, derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "house")


@pytest.fixture(scope="session", autouse=True)
def own_runtime_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A devnet that runs on this machine is nobody's business here, nor is a test's out there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        yield


@pytest.fixture(scope="session")
def golden_folder() -> Path:
    """The pinned answers that come with the repository."""
    return Path(__file__).parent / "golden"


@pytest.fixture(scope="session")
def vectors_folder() -> Path:
    """The large vectors, which do not: tests that need them say so where there are none."""
    named = os.environ.get("TFCHAIN_VECTORS", "")
    if not named:
        pytest.skip("TFCHAIN_VECTORS names no folder with the large vectors")
    return Path(named)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Real processes first and on one worker: two networks at once would starve each other."""
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.xdist_group("browser"))
        if item.get_closest_marker("e2e"):
            item.add_marker(pytest.mark.xdist_group("e2e"))
    items.sort(key=lambda item: item.get_closest_marker("e2e") is None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Every skipped test by its name, every picture: `scripts/test` repeats these lines at its end."""
    for report in terminalreporter.getreports("skipped"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        terminalreporter.write_line(f"not run here: {report.nodeid}: {reason}")
    for report in terminalreporter.getreports("passed"):
        for name, path in report.user_properties:
            if name == "picture":
                terminalreporter.write_line(f"picture: {path}")
