"""Changed bytes for whatever reads a stranger's: it may refuse them by name, and nothing else.

Three engines give the bytes. `own` changes genuine ones from a seed, and weighs the process before and
after; `hypothesis` shrinks what it finds; `atheris` follows the code's branches, where it is installed.
Each prints a JSON line: the target, how many inputs were tried, how many were read.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from scripts.fuzz_targets import TARGETS, Target
from tfchain.errors import TfchainError
from tfchain.sim.chance import Chance

ENGINES: Final = ("own", "hypothesis", "atheris")
INPUT_BYTES_MAX: Final = 16 * 1024
GROWTH_MB_MAX: Final = 32
"""Between a quarter of the runs and their end; caches have filled up by then."""
EDITS_MAX: Final = 6
ATHERIS_S: Final = 900
_DONE: Final = re.compile(r"Done (\d+) (?:runs )?in")
_MEMORY: Final = re.compile(r"\b(INITED|DONE)\b.* rss: (\d+)Mb")
_INSTRUMENTED: Final = """
import sys
import atheris
with atheris.instrument_imports(include=["tfchain"]):
    from scripts.fuzz_targets import TARGETS
from tfchain.errors import TfchainError
target = TARGETS[sys.argv.pop(1)]()
def one(raw):
    try:
        target.take(raw)
    except TfchainError:
        pass
atheris.Setup(sys.argv, one)
atheris.Fuzz()
"""


@dataclass(slots=True)
class Count:
    """What became of the inputs."""

    runs: int = 0
    read: int = 0
    """Those that were not refused."""

    def try_one(self, target: Target, raw: bytes) -> None:
        """Hand `raw` to the target. Whatever else it raises than a refusal is a fault of ours."""
        self.runs += 1
        try:
            target.take(raw)
        except TfchainError:
            return
        self.read += 1


def main() -> int:
    """Exit 0 if nothing but refusals came back, and nothing grew."""
    options = _options()
    names = list(TARGETS) if options.target == "all" else [options.target]
    failed = 0
    for name in names:
        began = time.monotonic()
        row, fault = _RUN[options.engine](name, options.runs, options.seed)
        seconds = round(time.monotonic() - began, 1)
        print(json.dumps({"target": name, "engine": options.engine, **row, "seconds": seconds}))
        sys.stdout.flush()
        if fault:
            failed += 1
            print(f"fuzz {name}: {fault}", file=sys.stderr)
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__.split("\n", 1)[0])
    parser.add_argument("target", choices=[*TARGETS, "all"])
    parser.add_argument("--runs", type=int, default=10_000, help="inputs for each target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engine", choices=ENGINES, default="own")
    return parser.parse_args()


def _own(name: str, runs: int, seed: int) -> tuple[dict[str, object], str]:
    target, count, chance = TARGETS[name](), Count(), Chance(f"fuzz/{name}/{seed}")
    for raw in target.seeds:
        count.try_one(target, raw)
    before = _megabytes()
    while count.runs < runs:
        if count.runs == runs // 4:
            before = _megabytes()
        count.try_one(target, changed(chance.pick(target.seeds), chance))
    grown = max(0, _megabytes() - before)
    fault = f"it grew by {grown} MB" if grown > GROWTH_MB_MAX else ""
    return {"inputs": count.runs, "read": count.read, "grown_mb": grown}, fault


def changed(raw: bytes, chance: Chance) -> bytes:
    """Genuine bytes with a few places changed, cut out, doubled or put in."""
    content = bytearray(raw)
    for _ in range(chance.between(1, EDITS_MAX)):
        at = chance.between(0, len(content))
        end = min(len(content), at + chance.between(1, 1 << chance.between(0, 8)))
        match chance.between(0, 4):
            case 0:
                content[at:end] = b""
            case 1:
                content[at:at] = content[at:end]
            case 2:
                content[at:at] = chance.pick((b"\xff", b"\x00", b"\xcf" + b"\xff" * 8, b"\xdd"))
            case _ if at < len(content):
                content[at] ^= 1 << chance.between(0, 7)
            case _:
                del content[at // 2 :]
    return bytes(content[:INPUT_BYTES_MAX])


def _hypothesis(name: str, runs: int, _seed: int) -> tuple[dict[str, object], str]:
    target, count = TARGETS[name](), Count()
    edits = st.lists(st.tuples(st.integers(0, 4_096), st.binary(max_size=4)), max_size=EDITS_MAX)
    changed_seeds = st.builds(_spliced, st.sampled_from(target.seeds), edits)

    @settings(
        max_examples=runs,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(st.binary(max_size=512), changed_seeds))
    def try_all(raw: bytes) -> None:
        count.try_one(target, raw)

    try_all()
    return {"inputs": count.runs, "read": count.read}, ""


def _spliced(raw: bytes, edits: Sequence[tuple[int, bytes]]) -> bytes:
    content = bytearray(raw)
    for at, piece in edits:
        place = at % (len(content) + 1)
        content[place : place + len(piece)] = piece
    return bytes(content)


def _atheris(name: str, runs: int, seed: int) -> tuple[dict[str, object], str]:
    words = [f"-runs={runs}", f"-seed={seed}", f"-max_len={INPUT_BYTES_MAX}", "-rss_limit_mb=1024"]
    with tempfile.TemporaryDirectory(prefix="tfchain-fuzz-") as corpus:
        for number, raw in enumerate(TARGETS[name]().seeds):
            (Path(corpus) / str(number)).write_bytes(raw[:INPUT_BYTES_MAX])
        done = subprocess.run(
            [sys.executable, "-P", "-c", _INSTRUMENTED, name, *words, corpus],
            capture_output=True,
            text=True,
            timeout=ATHERIS_S,
            check=False,
        )
    tried, held = _DONE.search(done.stderr), dict(_MEMORY.findall(done.stderr))
    grown = max(0, int(held.get("DONE", 0)) - int(held.get("INITED", 0)))
    row: dict[str, object] = {"inputs": int(tried[1]) if tried else 0, "grown_mb": grown}
    if done.returncode != 0:
        return row, (done.stderr.strip().splitlines() or ["no output"])[-1]
    return row, f"it grew by {grown} MB" if grown > GROWTH_MB_MAX else ""


def _megabytes() -> int:
    """What this process holds in memory."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20


_RUN: Final = {"own": _own, "hypothesis": _hypothesis, "atheris": _atheris}


if __name__ == "__main__":
    sys.exit(main())
