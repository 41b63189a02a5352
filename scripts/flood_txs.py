"""One sender who hands in transfers to itself at a rate, all signed beforehand, over HTTP.

What the validator has no room for comes again at once, in order, so that every transaction stays
valid for as long as the flood lasts. Run by scripts/flood as a process of its own, so that its CPU is
counted apart.
"""

import argparse
import json
import sys
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import trio

from scripts.bench_chain import signers, transfer_to
from tfchain.base.limits import MEMPOOL_SENDER_MAX, MEMPOOL_SENDER_PER_S, SUBMIT_TXS_MAX
from tfchain.client.http import TAKEN, Client, connected
from tfchain.errors import Unavailable

FLOODER: Final = 0
"""Which of the genesis' people it is."""
TURN_S: Final = 0.1
NO_ROOM: Final = "no room"
"""The whole call was refused."""


@dataclass(slots=True)
class Count:
    """What was done so far."""

    sent: int = 0
    calls: int = 0
    by_code: Counter[str] = field(default_factory=Counter)


def signed(genesis: str, seconds: float) -> deque[bytes]:
    """As many as the network may take from one sender in that time, and half as many again."""
    one = signers(genesis, FLOODER + 1)[FLOODER]
    enough = MEMPOOL_SENDER_MAX + int(seconds * MEMPOOL_SENDER_PER_S)
    return deque(one.paid(transfer_to(one)) for _ in range(enough * 3 // 2))


async def flood(url: str, queue: deque[bytes], seconds: float, per_s: float) -> Count:
    """Hand in so many a second, for so long."""
    count, began = Count(), trio.current_time()
    async with connected(url) as client:
        while queue and (spent := trio.current_time() - began) < seconds:
            room = int(min(SUBMIT_TXS_MAX, per_s * spent - count.sent, len(queue)))
            if room > 0:
                await _hand_in(client, queue, room, count)
            await trio.sleep(TURN_S)
    return count


async def _hand_in(client: Client, queue: deque[bytes], room: int, count: Count) -> None:
    batch = [queue.popleft() for _ in range(room)]
    count.sent += room
    count.calls += 1
    try:
        results = await client.submit(batch)
    except Unavailable:
        count.by_code[NO_ROOM] += room
        queue.extendleft(reversed(batch))
        return
    count.by_code.update(result.code for result in results)
    again = [raw for raw, result in zip(batch, results, strict=True) if result.code not in TAKEN]
    queue.extendleft(reversed(again))


def main() -> int:
    """Sign, say so, wait for a line, flood, say what was done."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--url", required=True)
    parser.add_argument("--genesis", type=Path, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--per-second", type=float, required=True)
    options = parser.parse_args()
    queue = signed(options.genesis.read_text("utf-8"), options.seconds)
    ready = time.process_time()
    print("ready", flush=True)
    sys.stdin.readline()
    count = trio.run(flood, options.url, queue, options.seconds, options.per_second)
    cpu_s = round(time.process_time() - ready, 2)
    by_code = dict(sorted(count.by_code.items()))
    row = {"sent": count.sent, "calls": count.calls, "codes": by_code, "cpu_s": cpu_s}
    print(json.dumps(row))
    return 0


if __name__ == "__main__":
    sys.exit(main())
