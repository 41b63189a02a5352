"""`tfchain init` and `tfchain start` as processes: killed, stopped, started twice."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import time

import pytest

from tfchain.base.address import from_text, to_text
from tfchain.base.crypto import public_key
from tfchain.base.units import Address
from tfchain.client.http import connected
from tfchain.net.surface import Contact
from tfchain.node.config import NodeConfig, Place, write_config
from tfchain.node.disk import opened_parts
from tfchain.node.home import Home, Seeds, create_home, load_config

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
SEED = bytes([1]) * 32
PATIENCE_S = 60

Start = Callable[..., subprocess.Popen[str]]


def genesis() -> str:
    name = to_text(Address(public_key(SEED)))
    text = (ROOT / "genesis" / "devnet.toml").read_text(encoding="utf-8")
    return text.replace("time = 0", f"time = {int(time())}").replace(
        "interval = 1000", "interval = 200"
    ) + (
        f'[[account]]\naddress = "{name}"\nbalance = 1000000000\n'
        f'[[validator]]\nkey = "{name}"\npower = 1\nreward_account = "{name}"\n'
        f'[[guardian]]\naccount = "{name}"\n'
    )


@pytest.fixture(params=["auto", "sqlite"])
def home(tmp_path: Path, request: pytest.FixtureRequest) -> Home:
    config = NodeConfig(p2p=Place(), http=Place(), store=request.param)
    seeds = Seeds(node=bytes([2]) * 32, validator=SEED)
    return create_home(tmp_path / "home", genesis(), config, seeds)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tfchain", *arguments]


@pytest.fixture
def start() -> Iterator[Start]:
    """`start(home)`: a process whose lines on stdout can be read; none outlives the test."""
    running: list[subprocess.Popen[str]] = []

    def run(home: Home, *options: str) -> subprocess.Popen[str]:
        one = subprocess.Popen(
            command("start", "--home", str(home.folder), *options),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        running.append(one)
        return one

    yield run
    for one in running:
        one.kill()
        one.communicate()


def address_of(process: subprocess.Popen[str]) -> str:
    """The HTTP address, once the node says it."""
    assert process.stdout is not None
    for line in process.stdout:
        found = re.match(r"http: (\S+)", line)
        if found:
            return found[1]
    raise AssertionError(process.communicate()[1])


async def reach(url: str, height: int) -> int:
    async with connected(url) as client:
        return await client.wait_height(height, PATIENCE_S)


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code and stderr."""
    _, told = process.communicate(timeout=PATIENCE_S)
    return process.returncode, told


async def test_a_killed_validator_goes_on_at_the_next_height(home: Home, start: Start) -> None:
    first = start(home)
    height = await reach(address_of(first), 3)
    first.kill()
    ended(first)
    again = start(home)
    url = address_of(again)
    async with connected(url) as client:
        assert await client.height() >= height
    await reach(url, height + 3)
    again.send_signal(signal.SIGTERM)
    code, told = ended(again)
    assert code == 0, told
    heights = [int(one) for one in re.findall(r" height=(\d+)", told)]
    assert heights == list(range(heights[0], heights[0] + len(heights)))


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_a_node_cleanly(home: Home, start: Start, sent: signal.Signals) -> None:
    one = start(home)
    await reach(address_of(one), 1)
    one.send_signal(sent)
    code, told = ended(one)
    assert code == 0, told
    assert "Traceback" not in told


async def test_a_second_process_on_the_same_home_is_one_line(home: Home, start: Start) -> None:
    first = start(home)
    url = address_of(first)
    code, told = ended(start(home))
    assert code == 3
    assert "in use" in told
    assert told.count("\n") == 1
    await reach(url, 2)


async def test_a_port_in_use_is_one_line(home: Home, start: Start, tmp_path: Path) -> None:
    url = address_of(start(home))
    port = int(url.rpartition(":")[2])
    config = NodeConfig(p2p=Place(), http=Place(port=port), log="warning")
    seeds = Seeds(node=bytes([3]) * 32, validator=None)
    other = create_home(tmp_path / "other", home.genesis.read_text("utf-8"), config, seeds)
    code, told = ended(start(other))
    assert code == 3
    assert f"cannot listen for HTTP: 127.0.0.1:{port}" in told
    assert told.count("\n") == 1


def events(told: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in told.splitlines()]


async def test_a_log_for_programs_is_an_object_a_line_and_all_there_is(
    home: Home, start: Start
) -> None:
    options = ("--log-format", "json", "--halt-height", "3")
    first = start(home, *options)
    said, told = first.communicate(timeout=PATIENCE_S)
    assert (first.returncode, said) == (0, "")
    found = {str(one["event"]): one for one in events(told)}
    assert str(found["started"]["http"]).startswith("http://127.0.0.1:")
    assert found["started"]["validator"] == to_text(Address(public_key(SEED)))
    assert (found["block"]["level"], found["block"]["height"]) == ("info", 3)
    assert found["halted"]["reason"] == "height 3 is stored"
    again = start(home, *options)
    said, told = again.communicate(timeout=PATIENCE_S)
    assert (again.returncode, said) == (0, "")
    assert [one["reason"] for one in events(told)] == ["height 3 is stored already"]
    quiet = start(home, "--log-format", "json", "--log-level", "warning", "--halt-height", "4")
    assert quiet.communicate(timeout=PATIENCE_S) == ("", "")


def test_what_ends_a_node_stands_in_the_log_for_programs_too(home: Home, start: Start) -> None:
    home.validator_key.unlink()
    one = start(home, "--set", "log.format=json")
    said, told = one.communicate(timeout=PATIENCE_S)
    assert (one.returncode, said) == (3, "")
    (found,) = events(told)
    assert (found["level"], found["event"]) == ("error", "ended")
    assert "no validator key" in str(found["reason"])


@pytest.mark.parametrize("home", ["auto"], indirect=True)
def test_wrong_settings_are_one_line(home: Home, start: Start) -> None:
    text = write_config(NodeConfig(p2p=Place(), http=Place()))
    home.config.write_text(text.replace("port = 0", "port = 70000", 1), encoding="utf-8")
    code, told = ended(start(home))
    assert code == 3
    assert "config.p2p.port" in told
    assert told.count("\n") == 1


async def test_a_node_halts_at_the_height_it_is_told_and_goes_on_from_there(
    home: Home, start: Start
) -> None:
    """Complaint 12: no coordination by hand: everybody stops after the same block."""
    first = start(home, "--halt-height", "3")
    first.wait(PATIENCE_S)
    said, told = first.communicate()
    assert first.returncode == 0, told
    assert "halted: height 3 is stored" in said
    again = start(home, "--halt-height", "3")
    again.wait(PATIENCE_S)
    said, told = again.communicate()
    assert (again.returncode, said) == (0, "halted: height 3 is stored already\n"), told
    with opened_parts(home, load_config(home)) as (chain, signer):
        assert chain.height() == 3
        assert signer is not None
        assert signer.last()[0] == 3
    await reach(address_of(start(home)), 5)


@pytest.mark.parametrize("home", ["sqlite"], indirect=True)
async def test_a_node_that_catches_up_halts_at_the_very_height(
    home: Home, start: Start, tmp_path: Path
) -> None:
    text = home.config.read_text("utf-8").replace("anyone = false", "anyone = true")
    home.config.write_text(text, encoding="utf-8")
    validator = start(home)
    assert validator.stdout is not None
    url = address_of(validator)
    found = re.match(r"p2p: (\S+) at (\S+):(\d+)", validator.stdout.readline())
    assert found is not None
    await reach(url, 8)
    contact = Contact(key=from_text(found[1]), host=found[2], port=int(found[3]))
    config = NodeConfig(p2p=Place(), http=Place(), peers=(contact,))
    seeds = Seeds(node=bytes([3]) * 32, validator=None)
    follower = create_home(tmp_path / "follower", home.genesis.read_text("utf-8"), config, seeds)
    code, told = ended(start(follower, "--halt-height", "5"))
    assert code == 0, told
    with opened_parts(follower, config) as (chain, _):
        assert chain.height() == 5


def test_init_makes_a_home_that_starts_and_refuses_to_make_it_twice(
    tmp_path: Path, start: Start
) -> None:
    (tmp_path / "genesis.toml").write_text(genesis(), encoding="utf-8")
    call = command(
        "init", "--genesis", str(tmp_path / "genesis.toml"), "--home", str(tmp_path / "home")
    )
    made = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "validator  5" in made.stdout
    again = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=False)
    assert again.returncode == 3
    assert "not empty" in again.stderr
    home = Home(tmp_path / "home")
    secret = home.validator_key.read_text("utf-8").strip()
    assert secret not in made.stdout + made.stderr
    text = home.config.read_text("utf-8").replace("7400", "0").replace("7480", "0")
    home.config.write_text(text, encoding="utf-8")
    assert address_of(start(home)).startswith("http://127.0.0.1:")
