"""Kills validators of a running network, at random moments, and shows that nothing was lost or unsaid.

`kill -9`, one at a time and two at once, under a load of signed reports. After each: heights go on
within a stated bound on all of them. At the end: no committed block is gone or another one, no key
signed two things at one place in anybody's log, no evidence stands in a block, and the audit holds.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import trio

from scripts.kills_words import Words
from tfchain.base.units import Height
from tfchain.chain.genesis import read_genesis
from tfchain.client.http import connected
from tfchain.errors import Unavailable
from tfchain.ledger.block import decode_block
from tfchain.node.devnet.homes import (
    Member,
    Network,
    Stamp,
    key_of,
    lay_out,
    stamped,
    template_text,
)
from tfchain.node.devnet.network import Devnet, Options
from tfchain.sim.chance import Chance
from tfchain.store.chain import ChainStore
from tfchain.store.open import Kind, open_store

VALIDATORS: Final = 4
NODES: Final = 8
"""Simulated nodes: each signs a report every two seconds."""
INTERVAL: Final = "interval = 300"
"""Milliseconds between blocks: more moments at which a kill hurts."""
BLOCKS_ON: Final = 3
"""Blocks beyond the highest before a kill that everybody must have within the bound."""
BOUND_S: Final = 30.0
"""From a kill until all have those blocks: a start of Python on a busy machine, what was missed, and
the rounds that waited for the dead one."""
LEAST_MS, MOST_MS = 0, 1_500
"""Between everybody being there again and the next kill."""
TWO_PER_MILLE: Final = 250
"""Kills that take two of the four: nothing can be decided until one is back."""
AGAIN_S: Final = 0.2
POLL_S: Final = 0.2
START_S: Final = 120.0
NETWORK_SEED: Final = 1
KINDS: Final[dict[str, Kind]] = {"auto": "auto", "leveldb": "leveldb", "sqlite": "sqlite"}


@dataclass(slots=True)
class Tally:
    """What happened."""

    singles: int = 0
    pairs: int = 0
    slowest_s: float = 0.0
    waited_s: float = 0.0
    """All waits for everybody to go on, summed."""
    lost: int = 0
    """Blocks that are missing from a store, or another one than was committed."""
    ids: dict[int, str] = field(default_factory=dict)
    """The block that somebody said to have stored at each height."""
    faults: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        """How often a process was killed."""
        return self.singles + 2 * self.pairs


@dataclass(slots=True)
class Run:
    """A network under attack."""

    devnet: Devnet
    words: Words
    chance: Chance
    wanted: int
    bound_s: float
    tally: Tally = field(default_factory=Tally)

    async def attack(self, _devnet: Devnet) -> None:
        """Kill until enough were; then everybody is there once more."""
        await self._all_reach(2, START_S)
        while self.tally.kills < self.wanted and not self.tally.faults:
            await trio.sleep(self.chance.between(LEAST_MS, MOST_MS) / 1_000)
            top = max(self.tally.ids, default=0)
            began = trio.current_time()
            self._kill()
            await self._all_reach(top + BLOCKS_ON, self.bound_s)
            took = trio.current_time() - began
            self.tally.waited_s += took
            self.tally.slowest_s = max(self.tally.slowest_s, took)
        await self._all_reach(max(self.tally.ids, default=0), self.bound_s)

    def _kill(self) -> None:
        two = self.wanted - self.tally.kills > 1 and self.chance.happens(TWO_PER_MILLE)
        alive = [one for one in self.devnet.validators if one.pid is not None]
        for validator in self.chance.shuffled(alive)[: 2 if two else 1]:
            assert validator.pid is not None
            os.kill(validator.pid, signal.SIGKILL)
        self.tally.singles += not two
        self.tally.pairs += two

    async def _all_reach(self, height: int, within_s: float) -> None:
        """Everybody has stored `height`; what each says on the way is kept."""
        until = trio.current_time() + within_s
        while True:
            heights = [await self._ask(member) for member in self.devnet.network.members]
            if min(heights) >= height or self.tally.faults:
                return
            if trio.current_time() > until:
                self.tally.faults.append(f"not all at {height} within {within_s:g} s: {heights}")
                return
            await trio.sleep(POLL_S)

    async def _ask(self, member: Member) -> int:
        """The height that a validator has; -1 while it does not answer."""
        self.words.gather(member)
        try:
            async with connected(member.url) as client:
                plain = await client.status()
        except Unavailable:
            return -1
        height, block_id = plain.get("height"), plain.get("block_id")
        assert isinstance(height, int) and isinstance(block_id, str)
        self._note(height, block_id, f"validator-{member.number}")
        return height

    def _note(self, height: int, block_id: str, who: str) -> None:
        if height and self.tally.ids.setdefault(height, block_id) != block_id:
            self.tally.lost += 1
            self.tally.faults.append(f"{who} has another block {height}: {block_id}")

    def check_stores(self) -> int:
        """Every block that anybody was seen to have stands in every store; how many there are."""
        top = 0
        for member in self.devnet.network.members:
            self.words.gather(member)
            store = open_store(member.home.store)
            try:
                top = max(top, self._check_store(ChainStore(store), member))
            finally:
                store.close()
        self.words.check_signers()
        return top

    def _check_store(self, chain: ChainStore, member: Member) -> int:
        who, last = f"validator-{member.number}", chain.height()
        for height in range(1, last + 1):
            raw = chain.raw_block(Height(height))
            if raw is None:
                self.tally.lost += 1
                self.tally.faults.append(f"{who} lost block {height}")
                continue
            block = decode_block(raw)
            self._note(height, block.id.hex(), who)
            if block.evidence:
                self.tally.faults.append(f"{who}: evidence stands in block {height}")
        if last < max(self.tally.ids) - BLOCKS_ON - 1:
            self.tally.faults.append(f"{who} ends at {last}, {max(self.tally.ids)} was committed")
        return last


def main() -> int:
    """Exit 0 if nothing was lost and nothing said twice."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="tfchain-kills-") as folder:
        network = _network(Path(folder), options.validators, options.store)
        run = _run(network, options)
        trio.run(run.devnet.run, run.attack)
        blocks = run.check_stores()
        run.words.close()
        faults = run.tally.faults + run.words.faults
        audit = _audit(network.members[0], Path(folder) / "chain.tfc")
        faults += [] if audit.startswith("audit: ok") else [audit]
    _tell(_figures(run, options, blocks, audit), faults, as_json=options.json)
    return 1 if faults else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/kills", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--kills", type=int, default=100, help="processes to kill")
    parser.add_argument("--seed", type=int, default=1, help="decides whom and when")
    parser.add_argument("--bound", type=float, default=BOUND_S, help="seconds until all go on")
    parser.add_argument("--validators", type=int, default=VALIDATORS)
    parser.add_argument("--store", choices=list(KINDS), default="auto")
    parser.add_argument("--json", action="store_true", help="the closing table as one JSON object")
    return parser.parse_args()


def _network(folder: Path, validators: int, store: str) -> Network:
    template = template_text().replace("interval = 1000", INTERVAL)
    assert INTERVAL in template, "the template's block interval is the one to be changed"
    stamp = Stamp(time=int(time.time()) + 2, salt=f"kills-{os.getpid()}")  # noqa: TID251
    genesis = stamped(template, stamp, NETWORK_SEED, validators)
    return lay_out(folder, genesis, NETWORK_SEED, validators, KINDS[store])


def _run(network: Network, options: argparse.Namespace) -> Run:
    choices = Options(nodes=NODES, again=True, picture_s=3_600.0)
    devnet = Devnet(network, choices, time.time, lambda _: None, lambda _: None)  # noqa: TID251
    for validator in devnet.validators:
        validator.again_s = AGAIN_S
    words = Words(
        chain_id=read_genesis(network.genesis).params.chain_id,
        keys=tuple(
            key_of(network.seed, f"validator/{member.number}").address for member in network.members
        ),
    )
    chance = Chance(f"kills/{options.seed}")
    return Run(devnet, words, chance, options.kills, options.bound)


def _audit(member: Member, export: Path) -> str:
    """The last line of an audit of what a stopped validator has."""
    home, lines = str(member.home.folder), ["no audit"]
    for words in (["export", "--home", home, "--out", str(export)], ["audit", str(export)]):
        done = subprocess.run(
            [sys.executable, "-m", "tfchain", *words], capture_output=True, text=True, check=False
        )
        lines = (done.stdout + done.stderr).strip().splitlines()
        if done.returncode != 0:
            return f"{words[0]} ended with {done.returncode}: {lines[-1:]}"
    return lines[-1]


def _figures(run: Run, options: argparse.Namespace, blocks: int, audit: str) -> dict[str, object]:
    """The closing table; every row is counted, none is assumed."""
    tally, words = run.tally, run.words
    return {
        "seed": options.seed,
        "validators": options.validators,
        "kills": tally.kills,
        "one_at_a_time": tally.singles,
        "two_at_once": tally.pairs,
        "starts": sum(one.starts for one in run.devnet.validators),
        "blocks": blocks,
        "blocks_on": BLOCKS_ON,
        "slowest_s": round(tally.slowest_s, 1),
        "mean_s": round(tally.waited_s / max(1, tally.singles + tally.pairs), 1),
        "bound_s": options.bound,
        "logs_read": words.logs,
        "statements": len(words.said),
        "double_signatures": words.doubles,
        "lost_blocks": tally.lost,
        "audit": audit,
    }


def _tell(figures: Mapping[str, object], faults: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(figures))
    else:
        print("\n".join(f"{name:<18} {value}" for name, value in figures.items()))
    for fault in faults:
        print(f"kills: {fault}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
