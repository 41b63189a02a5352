"""The audit of a recorded chain: signatures a second, and memory along the way.

The chain is made first and kept in a file; a process of its own audits it, so that its time and its
memory are the audit's alone. `python -m scripts.bench_audit FILE` is that process.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from scripts.bench_beside import asked, ran_beside
from scripts.bench_chain import MONTH_BLOCKS, MONTH_NODES, month, recorded
from scripts.bench_line import Bound, Lines, Sizes
from scripts.bench_parts import checks_of
from scripts.figures import rss_mb
from tfchain.chain import export_records as records
from tfchain.chain.audit import Auditor
from tfchain.cli.audit import DictRows
from tfchain.cli.collecting import collect_seldom
from tfchain.cli.verifier import Verifier
from tfchain.store.export import read_records, write_records

MONTH_BLOCKS_EACH: Final = 40
"""So many that the three blocks which found the grid weigh little, as they do in a month."""
LOOKED_AT_EVERY: Final = 10
"""Blocks between two looks at the memory: to look takes as long as to verify half a signature."""
MONTHS_BEHIND: Final = 3
"""Memory is held against what it was after the first third of the blocks."""


def audit(lines: Lines, sizes: Sizes, folder: Path, one_core: Bound, all_cores: Bound) -> None:
    """Full blocks, and a month's: of these there are more, for they hold little."""
    bounds = (one_core, all_cores)
    full = recorded(sizes.nodes, sizes.blocks, sizes.validators)
    few = month(sizes.nodes, MONTH_BLOCKS_EACH * sizes.blocks, sizes.validators)
    chains = {"audit": (full, folder / "recorded"), "audit_month": (few, folder / "month")}
    if sizes.whole_month:
        whole = month(MONTH_NODES, MONTH_BLOCKS, sizes.validators)
        chains["audit_whole_month"] = (whole, sizes.month_chain or folder / "whole_month")
    with asked(checks_of(sizes), os.cpu_count() or 1) as speed:
        for name, (chain, path) in chains.items():
            made_s = None if path.exists() else _made(chain, path)
            done = _audit(lines, name, path, bounds, speed)
            if made_s is not None:
                lines.rate(f"{name}_generator", done / made_s, "signatures/s", all_cores)


def _made(chain: Iterator[tuple[int, bytes]], path: Path) -> float:
    """Seconds that it took to write the chain, whole or not at all."""
    began, begun = time.perf_counter(), path.with_name(f"{path.name}.begun")
    with begun.open("wb") as file:
        write_records(file, chain)
    begun.replace(path)
    return time.perf_counter() - began


def _audit(
    lines: Lines, name: str, path: Path, bounds: tuple[Bound, Bound], speed: Callable[[], float]
) -> int:
    """Held against the bound from before it, and against what the cores could do all along.

    What takes less than `bench_beside.EVERY_S` has the first of these alone.

    Returns:
        How many signatures it verified.
    """
    one_core, all_cores = bounds
    command = [sys.executable, "-P", "-m", "scripts.bench_audit", str(path)]
    printed, beside = ran_beside(command, speed)
    said = json.loads(printed)
    done: int = said["signatures"]
    seconds = said["seconds"] - beside.stopped_s
    lines.rate(name, done / seconds, "signatures/s", all_cores)
    if beside.speeds:
        meanwhile = Bound(name="verify_all_cores_meanwhile", value=beside.mean)
        lines.rate(f"{name}_beside", done / seconds, "signatures/s", meanwhile)
    each = Bound(name="verify_one_core", value=1e6 / one_core.value)
    lines.cost(f"{name}_cpu", 1e6 * said["cpu_s"] / done, "us CPU/signature", each)
    early = Bound(name="rss_after_a_third", value=said["rss_early_mb"])
    lines.cost(f"{name}_memory", said["rss_late_mb"], "MB", early)
    return done


def measured(path: Path) -> dict[str, float | int]:
    """One audit of an exported chain, as `tfchain audit` runs it."""
    collect_seldom()
    rss: list[float] = []
    began, cpu = time.perf_counter(), time.process_time()
    with Verifier() as verifier, path.open("rb") as file:
        auditor = Auditor(DictRows(), verifier.verify_all, None)
        for _, kind, payload in read_records(file):
            auditor.take(kind, payload)
            if kind == records.BLOCK and auditor.height % LOOKED_AT_EVERY == 0:
                rss.append(rss_mb([os.getpid()]))
        report = auditor.finish()
        seconds = time.perf_counter() - began
    verifying = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "seconds": seconds,
        "cpu_s": time.process_time() - cpu + verifying.ru_utime + verifying.ru_stime,
        "signatures": report.signatures,
        "rss_early_mb": rss[len(rss) // MONTHS_BEHIND],
        "rss_late_mb": rss[-1],
    }


if __name__ == "__main__":
    print(json.dumps(measured(Path(sys.argv[1]))))
