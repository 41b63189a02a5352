"""The script of the README, as it is written there, against a devnet: blocking and trio."""

import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

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
START_S: Final = 60.0


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A devnet with one validator and no farmers but the script; the validator's address."""
    command = [sys.executable, "-m", "tfchain", "devnet", "--validators", "1", "--nodes", "0"]
    process = subprocess.Popen(
        [*command, "--home", str(tmp_path / "net")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines: list[str] = []
    assert process.stdout is not None
    reader = threading.Thread(target=lines.extend, args=(process.stdout,))
    reader.start()
    try:
        address = _said(lines, r"validator-0 answers at (\S+)")
        _until_it_answers(address)
        yield address
    finally:
        process.terminate()
        process.wait(START_S)
        reader.join()
        process.stdout.close()


def _said(lines: list[str], pattern: str) -> str:
    until = time.monotonic() + START_S
    while not (found := re.search(pattern, "".join(lines))):
        assert time.monotonic() < until, lines
        time.sleep(0.1)
    return found[1]


def _until_it_answers(address: str) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        with suppress(httpx.HTTPError):
            answer = httpx.get(f"{address}/v1/status", timeout=5, trust_env=False)
            if answer.json()["height"] > 0:
                return
        time.sleep(0.2)
    pytest.fail(f"no first block within {START_S} s")


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
