"""Scenario 27: a validator whose disk is full stops, and nobody has heard a word that it lost."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import time

import pytest

from tfchain.base.address import to_text
from tfchain.base.crypto import public_key
from tfchain.base.units import Address
from tfchain.bft.events import Signed, VoteReceived
from tfchain.bft.messages import Message
from tfchain.client.http import connected
from tfchain.net.surface import Contact
from tfchain.node.config import NodeConfig, Place
from tfchain.node.devnet.homes import free_ports
from tfchain.node.home import Home, Seeds, create_home, load_config
from tfchain.node.recovery import place_of
from tfchain.replica.log import read_record
from tfchain.store.open import Kind
from tfchain.store.signer_files import load_state
from tfchain.store.wal import read_wal

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
SEEDS = (bytes([1]) * 32, bytes([2]) * 32)
PATIENCE_S = 120
LIMITED = """
import resource, sys
from tfchain.cli.main import main
limit = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
main()
"""
LIMITS = {"leveldb": 60_000, "sqlite": 200_000}
"""Bytes of a file that are enough for a first block, and not for a few hundred."""

Start = Callable[..., subprocess.Popen[str]]


def genesis() -> str:
    text = (ROOT / "genesis" / "devnet.toml").read_text(encoding="utf-8")
    text = text.replace("time = 0", f"time = {int(time())}")
    rows = [text.replace("interval = 1000", "interval = 100")]
    for seed in SEEDS:
        name = to_text(Address(public_key(seed)))
        rows.append(f'[[account]]\naddress = "{name}"\nbalance = 1000000000')
        rows.append(f'[[validator]]\nkey = "{name}"\npower = 1\nreward_account = "{name}"')
        rows.append(f'[[guardian]]\naccount = "{name}"')
    return "\n".join(rows) + "\n"


@pytest.fixture(params=["leveldb", "sqlite"])
def homes(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Home, Home]:
    """Two validators of equal power: neither can do anything without the other's word."""
    if request.param == "leveldb":
        pytest.importorskip("plyvel")
    ports, text = free_ports(2), genesis()
    nodes = [bytes([10 + place]) * 32 for place in (0, 1)]
    made = []
    for place in (0, 1):
        other = Contact(key=public_key(nodes[1 - place]), host="127.0.0.1", port=ports[1 - place])
        kind: Kind = request.param
        config = NodeConfig(
            p2p=Place(port=ports[place]), http=Place(), peers=(other,), store=kind, log="warning"
        )
        seeds = Seeds(node=nodes[place], validator=SEEDS[place])
        made.append(create_home(tmp_path / f"home-{place}", text, config, seeds))
    return made[0], made[1]


@pytest.fixture
def start() -> Iterator[Start]:
    """`start(home, limit)`: a node whose files may not grow beyond that; 0 is no limit."""
    running: list[subprocess.Popen[str]] = []

    def run(home: Home, limit: int) -> subprocess.Popen[str]:
        verb = ["start", "--home", str(home.folder)]
        words = ["-c", LIMITED, str(limit), *verb] if limit else ["-m", "tfchain", *verb]
        # Who counts covered lines writes a file too, and would be the one to fall over the limit.
        kept = {name: value for name, value in os.environ.items() if "COVERAGE" not in name}
        one = subprocess.Popen(
            [sys.executable, *words],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**kept, "PYTHONUNBUFFERED": "1"},
        )
        running.append(one)
        return one

    yield run
    for one in running:
        one.kill()
        one.communicate()


def address_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        found = re.match(r"http: (\S+)", line)
        if found:
            return found[1]
    raise AssertionError(process.communicate()[1])


def messages_in(home: Home, kind: type[Signed | VoteReceived]) -> list[Message]:
    """Own words, or votes of the other one, in a log that was never begun anew."""
    found: list[Message] = []
    for _, payload, whole in read_wal(home.wal):
        record = read_record(payload) if whole and payload else None
        if isinstance(record, kind):
            found.append(record.message if isinstance(record, Signed) else record.vote)
    return found


async def test_what_others_heard_is_on_the_disk_that_was_full(
    homes: tuple[Home, Home], start: Start
) -> None:
    full, other = homes
    address_of(start(other, 0))
    limit = LIMITS[load_config(full).store]
    limited = start(full, limit)
    async with connected(address_of(limited)) as client:
        await client.wait_height(2, PATIENCE_S)
    code = limited.wait(PATIENCE_S)
    told = limited.communicate()[1]
    assert code == 3, told
    assert re.search(r"tfchain: .*(File too large|the disk is full).*free space", told), told
    assert "Traceback" not in told
    others = messages_in(other, Signed)
    heard = [vote for vote in messages_in(other, VoteReceived) if vote not in others]
    own = messages_in(full, Signed)
    last = load_state(full.signer_state, public_key(SEEDS[0])).place
    assert len(heard) > 5
    assert all(vote in own for vote in heard)
    assert max(map(place_of, heard)) <= last


async def test_with_room_again_it_goes_on_where_it_stopped(
    homes: tuple[Home, Home], start: Start
) -> None:
    full, other = homes
    url = address_of(start(other, 0))
    limited = start(full, 250_000)
    limited.wait(PATIENCE_S)
    assert limited.returncode == 3
    async with connected(url) as client:
        stood = await client.height()
        address_of(start(full, 0))
        await client.wait_height(stood + 3, PATIENCE_S)
