"""What a validator costs on this machine: CPU and memory while idle, and the time to start.

Run by scripts/figures. Processes are measured by what the system says of them, so Linux is due.
"""

import argparse
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx

from tfchain.base.shapes import decode_record, encode_record
from tfchain.base.units import Address, FarmId, NodeId, ScheduleId, Seconds, TwinId, Utft
from tfchain.chain.execute import outcome_of
from tfchain.chain.genesis import read_genesis
from tfchain.chain.tip import Tip
from tfchain.ledger import tables
from tfchain.ledger.records import Contract, Farm, Node, NodeRef, Resources, Twin, Uptime
from tfchain.ledger.state import State
from tfchain.ledger.uptime import ALWAYS_UP
from tfchain.node.devnet.homes import Network, Stamp, lay_out, stamped, template_text
from tfchain.rules.capacity import compute_units, storage_units
from tfchain.store.chain import TIP_KEY, ChainStore
from tfchain.store.kv import Store
from tfchain.store.open import open_store

TFCHAIN = (sys.executable, "-m", "tfchain")
SEED = 1
TICKS = os.sysconf("SC_CLK_TCK")
RUN = 10_000
"""Nodes written in one batch."""
GIVE_UP_S = 60.0
SIZE = Resources(cru=8, mru=32 << 30, hru=0, sru=500 << 30)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--validators", type=int, default=4)
    parser.add_argument(
        "--seconds", type=float, default=30.0, help="how long the idle net is watched"
    )
    parser.add_argument("--nodes", type=int, default=100_000, help="nodes in state at the start")
    parser.add_argument("--store", default="auto", choices=("auto", "leveldb", "sqlite"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tfchain-figures-") as name:
        idle(Path(name) / "idle", options.validators, options.seconds, options.store)
        start(Path(name) / "start", options.nodes, options.store)


def say(figure: str, **values: object) -> None:
    print(json.dumps({"figure": figure, **values}), flush=True)


def network(folder: Path, validators: int, store: str) -> Network:
    stamp = Stamp(time=int(now()), salt=secrets.token_hex(8))
    genesis = stamped(template_text(), stamp, SEED, validators)
    return lay_out(folder, genesis, SEED, validators, store)  # type: ignore[arg-type]


def now() -> float:
    return time.time_ns() / 1e9


# --- idle -----------------------------------------------------------------------------------------


def idle(folder: Path, validators: int, seconds: float, store: str) -> None:
    """CPU in per cent of one core, and memory, a line a validator. No farmers, empty blocks."""
    net = network(folder, validators, store)
    with running(net) as processes:
        for member in net.members:
            height(member.url)
        time.sleep(5)
        before = [cpu_s(tree(process.pid)) for process in processes]
        heights = [height(member.url) for member in net.members]
        time.sleep(seconds)
        for place, process in enumerate(processes):
            own, whole = [process.pid], tree(process.pid)
            used = cpu_s(whole) - before[place]
            say(
                "idle",
                validator=place,
                cpu_percent=round(100 * used / seconds, 2),
                rss_mb=round(rss_mb(own), 1),
                rss_with_second_program_mb=round(rss_mb(whole), 1),
                blocks=height(net.members[place].url) - heights[place],
                seconds=seconds,
            )


@contextmanager
def running(net: Network) -> Iterator[list[subprocess.Popen[bytes]]]:
    processes = []
    try:
        for member in net.members:
            with (member.home.folder / "log").open("ab") as log:
                processes.append(subprocess.Popen([*TFCHAIN, *member.verb], stdout=log, stderr=log))
        yield processes
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(15)


def height(url: str) -> int:
    """The height, once it answers."""
    until = time.monotonic() + GIVE_UP_S
    while True:
        try:
            return int(httpx.get(f"{url}/v1/status", trust_env=False).json()["height"])
        except httpx.HTTPError:
            if time.monotonic() > until:
                sys.exit(f"{url} does not answer")
            time.sleep(0.01)


def tree(pid: int) -> list[int]:
    """The process and its children, whichever of its threads started them."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [pid, *[int(child) for one in lists for child in one.read_text("ascii").split()]]


def cpu_s(pids: list[int]) -> float:
    """Seconds of CPU that they have used so far."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(") ")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS


def rss_mb(pids: list[int]) -> float:
    """Memory that they hold now."""
    pages = [int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) for pid in pids]
    return sum(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6


# --- start ----------------------------------------------------------------------------------------


def start(folder: Path, nodes: int, store: str) -> None:
    """From nothing to the first answer, with so many nodes in state."""
    net = network(folder, 1, store)
    member = net.members[0]
    built = now()
    disk = open_store(member.home.store, store)  # type: ignore[arg-type]
    try:
        fill(disk, net.genesis, nodes)
    finally:
        disk.close()
    built = now() - built
    began = now()
    with running(net):
        height(member.url)
        say("start", nodes=nodes, seconds=round(now() - began, 2), built_in=round(built, 1))


def fill(disk: Store, genesis: str, nodes: int) -> None:
    """A chain at height 0 whose state has so many registered nodes."""
    chain = ChainStore(disk)
    chain.begin(genesis)
    time_s = read_genesis(genesis).time
    for first in range(1, nodes + 1, RUN):
        state = State(disk)
        for number in range(first, min(first + RUN, nodes + 1)):
            register(state, time_s, number)
        outcome = outcome_of(disk, state, [])
        tip = replace(decode_record(Tip, disk.get(TIP_KEY) or b""), state_root=outcome.state_root)
        disk.write([*outcome.rows, (TIP_KEY, encode_record(tip))])


def register(state: State, time_s: int, number: int) -> None:
    """What create_twin, create_farm and register_node leave behind; a farm for all nodes."""
    account = Address(number.to_bytes(32, "big"))
    key, node_id = tables.id_key(number), NodeId(number)
    twin = Twin(id=TwinId(number), account=account, relay="relay.devnet", public_key=b"")
    tables.TWINS.put(state, key, twin)
    tables.NODE_OF.put(state, key, NodeRef(node_id=node_id))
    if number == 1:
        tables.FARMS.put(state, key, farm_of(account))
    tables.NODES.put(state, key, node_of(number, time_s))
    tables.CONTRACTS.put(state, key, contract_of(state, number, time_s))
    tables.UPTIMES.put(state, key, uptime_of(account))
    before = tables.TOTALS.need(state, tables.SINGLE)
    after = replace(before, twins=number, farms=1, nodes=number)
    tables.TOTALS.put(state, tables.SINGLE, after)


def farm_of(account: Address) -> Farm:
    return Farm(
        id=FarmId(1),
        twin_id=TwinId(1),
        name="figures",
        payout_account=account,
        stellar_address="",
    )


def node_of(number: int, time_s: int) -> Node:
    return Node(
        id=NodeId(number),
        farm_id=FarmId(1),
        twin_id=TwinId(number),
        resources=SIZE,
        country="Belgium",
        city="Gent",
        certified=False,
        virtualized=False,
        created=Seconds(time_s),
        deposit=Utft(0),
    )


def contract_of(state: State, number: int, time_s: int) -> Contract:
    params = tables.PARAMS.need(state, tables.SINGLE)
    policy = tables.POLICIES.need(state, tables.id_key(params.policy))
    return Contract(
        node_id=NodeId(number),
        regime=params.regimes[0].regime,
        schedule=params.regimes[0].schedule,
        policy_id=policy.id,
        price_cu=policy.price_cu,
        price_su=policy.price_su,
        price_nu=policy.price_nu,
        price_ipv4=policy.price_ipv4,
        minimal_uptime=policy.minimal_uptime,
        policy_immutable=policy.immutable,
        policy_default=policy.default,
        connection_price=params.connection_price,
        registered=Seconds(time_s),
        cu=compute_units(SIZE),
        su=storage_units(SIZE),
    )


def uptime_of(account: Address) -> Uptime:
    return Uptime(
        reporter=account,
        schedule=ScheduleId(0),
        last_t=Seconds(0),
        power_moved=Seconds(0),
        power=ALWAYS_UP,
        running=None,
        ended=None,
    )


if __name__ == "__main__":
    main()
