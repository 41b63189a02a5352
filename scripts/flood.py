"""Floods a running network from two sides, and shows that others hardly notice: what scripts/flood runs.

A stranger sends one validator garbage; one sender hands in transactions that are valid and of no use.
Meanwhile a few others hand in a transfer a second each and ask until it is committed and can be read.
A JSON line a figure; exit 1 where a figure is over its bar.
"""

import argparse
import json
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import trio

from scripts.bench_chain import SEED, Signer, genesis_text, signers, transfer_to
from scripts.figures import cpu_s, height, now, rss_mb, running, tree
from tfchain.base.address import to_text
from tfchain.base.crypto import public_key
from tfchain.base.units import Address
from tfchain.chain.genesis import read_genesis
from tfchain.client.http import TAKEN, Client, connected
from tfchain.errors import Unavailable
from tfchain.node.config import write_config
from tfchain.node.devnet.homes import Network, Stamp, lay_out
from tfchain.node.home import load_config
from tfchain.tx.transaction import transaction_id

VALIDATORS: Final = 4
OTHERS: Final = 8
"""Senders who are no flooders, by turns at each validator."""
EACH_S: Final = 1.0
"""Between two transfers of one of them."""
POLL_S: Final = 0.05
AGAIN_S: Final = 0.1
"""Before what was not taken is handed in again."""
GIVE_UP_S: Final = 30.0
SAMPLE_S: Final = 0.5
STRANGER: Final = bytes([99]) * 32
P99_S_MAX: Final = 3.0
MEMORY_MB_MAX: Final = 300.0


@dataclass(slots=True)
class Seen:
    """What was measured."""

    waited_s: list[float] = field(default_factory=list)
    """Of the others' transactions, from handing in until committed and readable."""
    lost: int = 0
    """Others' transactions that were in no block after `GIVE_UP_S`, or took no effect."""
    again: int = 0
    """How often one of them had to be handed in again."""
    peak_mb: list[float] = field(default_factory=list)
    """Of each validator with its second program."""
    waiting_max: int = 0
    """Transactions in a pool at once."""
    bans: int = 0
    refused: int = 0
    reason: str = ""


def main() -> int:
    """Exit 0 if everything stayed below its bar."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="tfchain-flood-") as name:
        net = _network(Path(name))
        with running(net) as processes:
            pids = [process.pid for process in processes]
            for member in net.members:
                height(member.url)
            with _loads(net, Path(name), options) as loads:
                before, own, first = _cpu(pids), time.process_time(), height(net.members[0].url)
                seen = trio.run(_watched, net, pids, options.seconds, loads)
                spent = [after - start for after, start in zip(_cpu(pids), before, strict=True)]
                own, blocks = time.process_time() - own, height(net.members[0].url) - first
                told = [json.loads(load.communicate(timeout=GIVE_UP_S)[0]) for load in loads]
    _tell(seen, told, options, (spent, own, blocks))
    over = seen.lost or percentile(seen.waited_s, 99) >= P99_S_MAX
    return 1 if over or max(seen.peak_mb) >= MEMORY_MB_MAX else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/flood", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--frames", type=float, default=10_000, help="a second, of garbage")
    parser.add_argument("--txs", type=float, default=2_000, help="a second, of one sender")
    return parser.parse_args()


def _network(folder: Path) -> Network:
    """Four validators; anybody may call the first one, which is the one to be flooded with frames."""
    stamp = Stamp(time=int(now()), salt=secrets.token_hex(8))
    net = lay_out(folder, genesis_text(1 + OTHERS, VALIDATORS, stamp), SEED, VALIDATORS, "auto")
    home = net.members[0].home
    open_to_all = replace(load_config(home), anyone=True)
    home.config.write_text(write_config(open_to_all), "utf-8")
    return net


@contextmanager
def _loads(
    net: Network, folder: Path, options: argparse.Namespace
) -> Iterator[list[subprocess.Popen[str]]]:
    """Both floods as processes: the transactions are signed, a line makes each begin."""
    genesis = folder / "genesis.toml"
    genesis.write_text(net.genesis, "utf-8")
    place = load_config(net.members[0].home).p2p
    frames = ["scripts.flood_frames", "--host", place.host, "--port", str(place.port)]
    frames += ["--chain-id", read_genesis(net.genesis).params.chain_id]
    frames += ["--seed", STRANGER.hex(), "--per-second", str(options.frames)]
    txs = ["scripts.flood_txs", "--url", net.members[1].url, "--genesis", str(genesis)]
    txs += ["--per-second", str(options.txs)]
    loads = [_load([*words, "--seconds", str(options.seconds)]) for words in (frames, txs)]
    try:
        yield loads
    finally:
        for load in loads:
            load.kill()
            load.wait()


def _load(words: Sequence[str]) -> subprocess.Popen[str]:
    """One that waits for a line before it begins; it has signed what it needs by then."""
    load = subprocess.Popen(
        [sys.executable, "-P", "-m", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert load.stdout is not None
    ready = load.stdout.readline()
    assert ready == "ready\n", f"{words[0]} did not start"
    return load


async def _watched(
    net: Network, pids: Sequence[int], seconds: float, loads: Sequence[subprocess.Popen[str]]
) -> Seen:
    """Let both floods loose, and be the others meanwhile."""
    seen = Seen(peak_mb=[0.0] * len(pids))
    people = signers(net.genesis, 1 + OTHERS)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_sample, net, pids, seen)
        for load in loads:
            assert load.stdin is not None
            load.stdin.write("go\n")
            load.stdin.flush()
        until = trio.current_time() + seconds
        async with trio.open_nursery() as senders:
            for one in people[1:]:
                url = net.members[one.number % VALIDATORS].url
                senders.start_soon(_one_of_others, url, one, people[1], until, seen)
        nursery.cancel_scope.cancel()
    return seen


async def _one_of_others(url: str, one: Signer, target: Signer, until: float, seen: Seen) -> None:
    """A transfer a second; a late one does not hold up the next."""
    async with connected(url) as client, trio.open_nursery() as nursery:
        await trio.sleep(EACH_S * one.number / (1 + OTHERS))
        due = trio.current_time()
        while due < until:
            nursery.start_soon(_handed_in, client, one.paid(transfer_to(target)), seen)
            due += EACH_S
            await trio.sleep_until(due)


async def _handed_in(client: Client, raw: bytes, seen: Seen) -> None:
    """From the first call until it is committed and can be read."""
    began, tx_id = trio.current_time(), transaction_id(raw)
    with trio.move_on_after(GIVE_UP_S):
        while not await _is_taken(client, raw):
            seen.again += 1
            await trio.sleep(AGAIN_S)
        while (found := await _asked(client, tx_id)) is None:  # noqa: ASYNC110 -- a poll by HTTP
            await trio.sleep(POLL_S)
        seen.waited_s.append(trio.current_time() - began)
        seen.lost += found != "ok"
        return
    seen.lost += 1


async def _is_taken(client: Client, raw: bytes) -> bool:
    try:
        return (await client.submit([raw]))[0].code in TAKEN
    except Unavailable:
        return False


async def _asked(client: Client, tx_id: bytes) -> str | None:
    """Its code, once it is in a block."""
    try:
        return (await client.tx(tx_id)).code
    except Unavailable:
        return None


async def _sample(net: Network, pids: Sequence[int], seen: Seen) -> None:
    """Memory, pools, and what the flooded validator holds against the stranger."""
    stranger = to_text(Address(public_key(STRANGER)))
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connected(one.url)) for one in net.members]
        while True:
            for place, pid in enumerate(pids):
                seen.peak_mb[place] = max(seen.peak_mb[place], rss_mb(tree(pid)))
            for client in clients:
                with suppress(Unavailable):
                    _note(await client.status(), stranger, seen)
            await trio.sleep(SAMPLE_S)


def _note(status: dict[str, object], stranger: str, seen: Seen) -> None:
    pool, peers, door = status["mempool"], status["peers"], status["door"]
    assert isinstance(pool, dict) and isinstance(peers, list) and isinstance(door, dict)
    seen.waiting_max = max(seen.waiting_max, pool["count"])
    seen.refused = max(seen.refused, door["refused"])
    for peer in peers:
        if peer["key"] == stranger:
            seen.bans, seen.reason = max(seen.bans, peer["bans"]), peer["reason"]


def percentile(waited_s: Sequence[float], per_cent: int) -> float:
    """What so many per cent waited at most; without end for nobody."""
    ranked = sorted(waited_s)
    return ranked[(len(ranked) - 1) * per_cent // 100] if ranked else float("inf")


def _tell(
    seen: Seen,
    told: Sequence[dict[str, object]],
    options: argparse.Namespace,
    rest: tuple[Sequence[float], float, int],
) -> None:
    """`rest`: CPU of each validator, CPU of the measuring, and blocks, in that time."""
    spent, own, blocks = rest
    frames, txs = told
    waited = [percentile(seen.waited_s, part) for part in (50, 99, 100)]
    p50, p99, most = (round(one, 2) for one in waited)
    _say("others", txs=len(seen.waited_s), lost=seen.lost, handed_in_again=seen.again)
    _say("others_latency", p50_s=p50, p99_s=p99, max_s=most, bar_p99_s=P99_S_MAX)
    each = [round(one, 1) for one in seen.peak_mb]
    _say("memory_peak", each_mb=each, bar_mb=MEMORY_MB_MAX, waiting_max=seen.waiting_max)
    held = {"bans": seen.bans, "refused_at_the_door": seen.refused, "last_reason": seen.reason}
    _say("frames", asked_per_s=options.frames, sent_per_s=_rate(frames, options), **frames, **held)
    _say("txs", asked_per_s=options.txs, sent_per_s=_rate(txs, options), **txs)
    cpu = [round(one, 1) for one in spent]
    _say("validators", cpu_s=cpu, blocks=blocks, measuring_cpu_s=round(own, 1))


def _rate(row: dict[str, object], options: argparse.Namespace) -> int:
    sent, seconds = row["sent"], options.seconds
    assert isinstance(sent, int)
    return int(sent / seconds)


def _say(figure: str, **values: object) -> None:
    print(json.dumps({"figure": figure, **values}), flush=True)


def _cpu(pids: Sequence[int]) -> list[float]:
    return [cpu_s(tree(pid)) for pid in pids]


if __name__ == "__main__":
    sys.exit(main())
