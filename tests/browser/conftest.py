"""A browser, and where its pictures go."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT: Final = Path(__file__).resolve().parent.parent.parent
CHROMIUMS: Final = ("chromium", "chromium-browser", "google-chrome")
FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def browser(lacking: Callable[[str], NoReturn]) -> "Iterator[Browser]":
    found = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if found is None:
        lacking("there is no Chromium on this machine")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        # Without a folder named, each launch has a fresh profile of its own.
        browser = playwright.chromium.launch(executable_path=found, headless=True, args=[*FLAGS])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def pictures() -> Path:
    """Where pictures go: `TFCHAIN_TEST_OUTPUT`, else a folder that git does not see."""
    folder = Path(os.environ.get("TFCHAIN_TEST_OUTPUT") or ROOT / "test-output")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
