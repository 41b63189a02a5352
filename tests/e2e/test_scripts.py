"""The script of the README, as it is written there, against a devnet: blocking and trio."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

README: Final = Path(__file__).resolve().parents[2] / "README.md"
BLOCKING, TRIO = [
    source
    for source in re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    if "connect(" in source
]
"""The two scripts, just as they stand there."""
PAID: Final = (
    BLOCKING.replace("//Bert", "//Cleo")
    .replace('"bert"', '"cleo"')
    .replace("run_node(farmer, node))", "run_node(farmer, node), paid=True)")
    .replace("settled.root.hex()", "settled.root.hex(), settled.mint.amount")
)
"""The first one, were it to wait for the coins too."""
SCRIPT_S: Final = 240
"""A devnet's month lasts a minute: what is left of one, a whole one, and its settling."""


@pytest.fixture
def url(devnet: Callable[..., AbstractContextManager[Any]], tmp_path: Path) -> Iterator[str]:
    """A devnet with one validator and no farmers but the script; the validator's address."""
    with devnet(tmp_path / "net", "--validators", "1", "--nodes", "0") as running:
        address = running.said(r"validator-0 answers at (\S+)")
        running.wait(lambda: _has_blocks(address), "the first block")
        yield address


def _has_blocks(address: str) -> bool:
    with suppress(httpx.HTTPError):
        answer = httpx.get(f"{address}/v1/status", timeout=5, trust_env=False)
        return bool(answer.json()["height"] > 0)
    return False


def test_the_scripts_run_a_node_and_print_a_proven_receipt(url: str) -> None:
    running = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", source.replace("http://127.0.0.1:7480", url)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for source in (BLOCKING, TRIO, PAID)
    ]
    with ExitStack() as ending:
        for script in running:
            ending.enter_context(script)
            ending.callback(script.kill)
        for script, source in zip(running, (BLOCKING, TRIO, PAID), strict=True):
            printed, complaints = script.communicate(timeout=SCRIPT_S)
            assert script.returncode == 0, complaints
            found = re.fullmatch(r"(\d+) s: (\d+) units [0-9a-f]{64}( \d+)?\n", printed)
            assert found is not None, printed
            assert int(found[1]) >= 58
            assert int(found[2]) > 0, "it is paid"
            assert found[3] == (f" {found[2]}" if source is PAID else None)


def test_the_script_is_short_and_has_a_twin_for_trio() -> None:
    assert len([line for line in BLOCKING.splitlines() if line]) <= 10
    assert "async with connect" in TRIO
