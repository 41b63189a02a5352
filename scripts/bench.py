"""Figures beside their bounds, a JSON object a line: what scripts/bench runs.

The bound is libsodium, measured in the same run: times differ from machine to machine, the share of
the bound that is reached differs much less. `ratio` is that share, so more is always better.
"""

import argparse
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from scripts import bench_growth, bench_network, bench_parts
from scripts.bench_audit import audit
from scripts.bench_disk import disk
from scripts.bench_line import FULL, QUICK, TINY, Bound, Lines, Sizes, earlier, lines
from scripts.bench_minting import minting
from tfchain.cli.collecting import collect_seldom

Measure = Callable[[Lines, Sizes, Path, tuple[Bound, Bound]], None]

FIGURES: Final[Mapping[str, Measure]] = {
    "codec": lambda out, sizes, _, bounds: bench_parts.codec(out, sizes, bounds[0]),
    "execute": lambda out, sizes, _, bounds: bench_parts.kinds(out, sizes, bounds[0]),
    "crowd": lambda out, sizes, _, bounds: bench_parts.crowd(out, sizes, bounds[0]),
    "tree": lambda out, sizes, _, bounds: bench_parts.tree(out, sizes, bounds[0]),
    "commit": lambda out, sizes, at, bounds: bench_parts.commit(out, sizes, at, bounds[1]),
    "audit": lambda out, sizes, at, bounds: audit(out, sizes, at, *bounds),
    "minting": lambda out, sizes, at, _: minting(out, sizes, at),
    "network": bench_network.network,
    "growth": lambda out, sizes, at, _: bench_growth.growth(out, sizes, at),
    "disk": lambda out, sizes, at, _: disk(out, sizes, at),
    "start": lambda out, sizes, at, _: bench_network.start(out, sizes, at),
}
MILLION: Final = 1_000_000


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument(
        "--only",
        action="append",
        choices=("verify", *FIGURES),
        metavar="NAME",
        help=f"one of verify, {', '.join(FIGURES)}; may be repeated. The bound is always measured",
    )
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="less of everything, within two minutes")
    size.add_argument("--tiny", action="store_true", help="shows that it runs; no figure counts")
    parser.add_argument("--million", action="store_true", help="a tree of 10^6 leaves too")
    parser.add_argument(
        "--month", action="store_true", help="audit a whole month of 5,500 nodes too: half an hour"
    )
    parser.add_argument(
        "--month-chain",
        type=Path,
        metavar="FILE",
        help="as --month, its chain taken from here; made here if there is none yet",
    )
    parser.add_argument(
        "--compare", type=earlier, default=[], metavar="FILE", help="lines of an earlier run"
    )
    parser.add_argument(
        "--large", action="store_true", help="growth to 10^6 nodes and 10^6 blocks too"
    )
    parser.add_argument(
        "--table", type=earlier, metavar="FILE", help="print the growth in an earlier run's lines"
    )
    options = parser.parse_args()
    if options.table is not None:
        print(bench_growth.table(options.table))
        return
    sizes = TINY if options.tiny else QUICK if options.quick else FULL
    if options.million:
        sizes = replace(sizes, leaves=(*sizes.leaves, MILLION))
    if options.large:
        sizes = replace(
            sizes,
            grown_nodes=(*sizes.grown_nodes, MILLION),
            grown_blocks=(*sizes.grown_blocks, MILLION),
        )
    whole = options.month or options.month_chain is not None
    sizes = replace(sizes, whole_month=whole, month_chain=options.month_chain)
    collect_seldom()  # as tfchain itself does
    run(lines(options.compare), sizes, options.only or list(FIGURES))


def run(out: Lines, sizes: Sizes, wanted: list[str]) -> None:
    """Print the bound, then each wanted figure in the order of the table.

    The bound is measured again before each: a bound that was taken on a busy core flatters.
    """
    bounds = bench_parts.bounds(out, sizes)
    for name, measure in FIGURES.items():
        if name in wanted:
            bounds = bench_parts.bounds_again(sizes, bounds)
            with tempfile.TemporaryDirectory(prefix="tfchain-bench-") as folder:
                measure(out, sizes, Path(folder), bounds)


if __name__ == "__main__":
    main()
