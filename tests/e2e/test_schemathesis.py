"""The OpenAPI document against the web that it is of: generated requests, fitting and not, on a devnet."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PATIENCE_S: Final = 120.0
EXAMPLES: Final = 12
"""Of each endpoint, on top of those that the schema's bounds lead to: a minute in all."""
ENDLESS: Final = r"^/v1/(events/.*|export|blocks)$"
"""Answers without an end: no tool of requests and answers can read them. They have tests of their own."""
WORDS: Final = "positive_data_acceptance"
"""An address has a checksum and a cursor is ours: what merely looks like one is refused, and no schema
can say so."""


@pytest.fixture
def url(devnet: Callable[..., AbstractContextManager[Any]], tmp_path: Path) -> Iterator[str]:
    """The web of a devnet in which something has happened."""
    with devnet(tmp_path / "net", "--validators", "1", "--nodes", "2") as running:
        address = running.said(r"the web answers at (\S+),")
        running.wait(lambda: _lives(address), "the web shows nodes")
        yield address


def _lives(url: str) -> bool:
    try:
        nodes = httpx.get(f"{url}/v1/nodes", timeout=20, trust_env=False)
    except httpx.HTTPError:
        return False
    return nodes.status_code == 200 and bool(nodes.json()["rows"])


def test_every_answer_is_one_that_the_document_tells_of(
    url: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    report = tmp_path / "report.json"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{url}/v1/openapi.json"),
            *("--checks", "all", "--exclude-checks", WORDS, "--exclude-path-regex", ENDLESS),
            *("--phases", "examples,coverage,fuzzing", "--max-examples", str(EXAMPLES)),
            *("--seed", "1", "--request-timeout", "20", "--continue-on-failure"),
            *("--warnings", "off", "--report", "json", "--report-json-path", str(report)),
        ],
        capture_output=True,
        text=True,
        timeout=10 * PATIENCE_S,
        check=False,
        cwd=tmp_path,
    )
    assert report.exists(), done.stdout + done.stderr
    told = json.loads(report.read_text(encoding="utf-8"))
    tried, failed = told["test_cases"]["generated"], told["test_cases"]["with_failures"]
    endpoints = told["operations"]["tested"]
    record_property("table", f"{tried} requests to {endpoints} endpoints, {failed} failures")
    assert done.returncode == 0, done.stdout
    assert (failed, told["errors"]) == (0, [])
    assert tried > 1_000 and endpoints > 50
