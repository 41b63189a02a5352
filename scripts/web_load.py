"""Loads the web of a devnet, and shows that its validators hardly notice: what scripts/web_load runs.

Hundreds follow the blocks, hundreds of requests a second ask the API, and one heavy GraphQL query
follows the other. Block times are those of the headers, for so long without and so long with the load.
A JSON line a figure; exit 1 where blocks come more than a tenth later, or a follower misses one.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
import trio

from scripts.figures import cpu_s, rss_mb, say, tree
from scripts.web_load_clients import CONNECTIONS, Seen, ask_often, query, subscribe

START_S: Final = 120.0
SAMPLE_S: Final = 1.0
LATER_MAX: Final = 1.10
"""By how much blocks may come later under load."""
PATHS: Final = (
    "/v1/totals",
    "/v1/summaries?limit=20",
    "/v1/nodes/1",
    "/v1/nodes?limit=50",
    "/v1/nodes/1/reports?limit=50",
    "/v1/transactions?limit=20",
    "/v1/farms/1",
    "/v1/batches",
    "/nodes?size=50",
    "/stats",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Net:
    """A devnet that runs: the web's port, and whose memory and time is looked at."""

    port: int
    web: int
    validators: tuple[int, ...]

    @property
    def url(self) -> str:
        """Where the web answers."""
        return f"http://127.0.0.1:{self.port}"


def main() -> int:
    """Exit 0 if all stayed below its bar."""
    options = _options()
    seen = Seen()
    with (
        tempfile.TemporaryDirectory(prefix="tfchain-web-load-") as name,
        _devnet(Path(name), options.validators, options.nodes) as net,
    ):
        without = trio.run(_watched, net, options, Seen(), False)
        under = trio.run(_watched, net, options, seen, True)
    return _told(without, under, seen, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/web_load", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="without, and again with, load")
    parser.add_argument("--subscribers", type=int, default=200, help="who follow the blocks")
    parser.add_argument("--rest", type=float, default=300.0, help="requests a second")
    parser.add_argument("--queries", type=int, default=1, help="heavy ones at once")
    parser.add_argument("--validators", type=int, default=4)
    parser.add_argument("--nodes", type=int, default=6)
    return parser.parse_args()


@contextmanager
def _devnet(folder: Path, validators: int, nodes: int) -> Iterator[Net]:
    """A devnet with its web, once both run; it ends with the block."""
    verb = ["devnet", "--validators", str(validators), "--nodes", str(nodes)]
    command = [sys.executable, "-m", "tfchain", *verb, "--home", str(folder / "net")]
    log = folder / "log"
    with log.open("wb") as file:
        running = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
        try:
            yield _ready(log, validators)
        finally:
            running.terminate()
            running.wait(START_S)


def _ready(log: Path, validators: int) -> Net:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        text = log.read_text(encoding="utf-8", errors="replace")
        url = re.search(r"the web answers at (\S+),", text)
        web = re.search(r"web runs as process (\d+)", text)
        members = dict(re.findall(r"(validator-\d+) runs as process (\d+)", text))
        if url and web and len(members) == validators and _has_nodes(url[1]):
            port = urlsplit(url[1]).port
            assert port is not None, "a devnet names it"
            pids = tuple(int(pid) for pid in members.values())
            return Net(port=port, web=int(web[1]), validators=pids)
        time.sleep(0.5)
    sys.exit(f"the devnet is not there after {START_S:g} s: {log.read_text(encoding='utf-8')}")


def _has_nodes(url: str) -> bool:
    try:
        answer = httpx.get(f"{url}/v1/nodes", trust_env=False)
    except httpx.HTTPError:
        return False
    return answer.status_code == httpx.codes.OK and bool(answer.json()["rows"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One run of seconds."""

    gaps_ms: list[int]
    """Between the times of blocks that came meanwhile."""
    web_mb: float
    validator_mb: float
    """The most that any one held."""
    web_cpu: float
    validator_cpu: float
    """Seconds of CPU a second; of all validators together."""


async def _watched(net: Net, options: argparse.Namespace, seen: Seen, loaded: bool) -> Measured:
    """So many seconds, with the load or without it."""
    peaks, first = (0.0, 0.0), await _height(net)
    before, began = _cpu(net), time.monotonic()
    async with trio.open_nursery() as nursery:
        if loaded:
            _start(nursery, net, options, seen)
        until = trio.current_time() + options.seconds
        while trio.current_time() < until:
            await trio.sleep(SAMPLE_S)
            held = (rss_mb([net.web]), max(rss_mb(tree(pid)) for pid in net.validators))
            peaks = (max(peaks[0], held[0]), max(peaks[1], held[1]))
        nursery.cancel_scope.cancel()
    took, after = time.monotonic() - began, _cpu(net)
    return Measured(
        gaps_ms=await _gaps_ms(net, first),
        web_mb=round(peaks[0], 1),
        validator_mb=round(peaks[1], 1),
        web_cpu=round((after[0] - before[0]) / took, 2),
        validator_cpu=round((after[1] - before[1]) / took, 2),
    )


def _start(nursery: trio.Nursery, net: Net, options: argparse.Namespace, seen: Seen) -> None:
    for _ in range(options.subscribers):
        nursery.start_soon(subscribe, net.port, seen)
    for _ in range(options.queries):
        nursery.start_soon(query, net.port, seen)
    if options.rest:
        for place in range(CONNECTIONS):
            paths = (*PATHS[place % len(PATHS) :], *PATHS[: place % len(PATHS)])
            nursery.start_soon(ask_often, net.port, options.rest / CONNECTIONS, paths, seen)


def _cpu(net: Net) -> tuple[float, float]:
    return cpu_s([net.web]), sum(cpu_s(tree(pid)) for pid in net.validators)


async def _height(net: Net) -> int:
    async with httpx.AsyncClient(trust_env=False, timeout=START_S) as http:
        return int((await http.get(f"{net.url}/v1/summaries?limit=1")).json()["rows"][0]["height"])


async def _gaps_ms(net: Net, first: int) -> list[int]:
    """Between each two blocks after `first`, by their headers."""
    times: list[int] = []
    async with httpx.AsyncClient(trust_env=False, timeout=START_S) as http:
        cursor = ""
        while True:
            page = (await http.get(f"{net.url}/v1/summaries?limit=1000{cursor}")).json()
            times += [row["time_ms"] for row in page["rows"] if row["height"] > first]
            if page["next"] is None or page["rows"][-1]["height"] <= first:
                break
            cursor = f"&cursor={page['next']}"
    return [newer - older for newer, older in pairwise(times)]


def percentile(values: Sequence[float], percent: int) -> float:
    """By nearest rank; 0 of nothing."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)] if ordered else 0.0


def uneven(heights: Sequence[int]) -> int:
    """Heights that were left out, or came twice or late."""
    return sum(newer != older + 1 for older, newer in pairwise(heights))


def _told(without: Measured, under: Measured, seen: Seen, options: argparse.Namespace) -> int:
    p99 = [percentile(one.gaps_ms, 99) for one in (without, under)]
    later = p99[1] / max(1.0, p99[0])
    for name, one in (("without", without), ("with", under)):
        say(
            f"block time {name}",
            blocks=len(one.gaps_ms) + 1,
            p50_ms=percentile(one.gaps_ms, 50),
            p99_ms=percentile(one.gaps_ms, 99),
            web_mb=one.web_mb,
            validator_mb=one.validator_mb,
            web_cpu=one.web_cpu,
            validators_cpu=one.validator_cpu,
        )
    missed = sum(map(uneven, seen.ids))
    say(
        "subscribers",
        count=len(seen.ids),
        events=sum(map(len, seen.ids)),
        least=min(map(len, seen.ids), default=0),
        missed=missed,
        broken=seen.broken,
    )
    for name, times, codes in (
        ("rest", seen.rest_ms, seen.codes),
        ("graphql", seen.query_ms, seen.query_codes),
    ):
        say(
            name,
            per_s=round(len(times) / options.seconds, 1),
            codes={str(code): count for code, count in sorted(codes.items())},
            p50_ms=round(percentile(times, 50), 1),
            p99_ms=round(percentile(times, 99), 1),
        )
    say("ratio", p99_with_to_without=round(later, 3), bar=LATER_MAX)
    print(json.dumps({"ok": not missed and not seen.broken and later <= LATER_MAX}), flush=True)
    return 1 if missed or seen.broken or later > LATER_MAX else 0


if __name__ == "__main__":
    sys.exit(main())
