"""A figure, the bound it is held against, and how many of what each run measures."""

import json
import os
import platform
import subprocess
import time
from argparse import ArgumentTypeError
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

ROOT: Final = Path(__file__).resolve().parent.parent

Row: TypeAlias = dict[str, Any]
"""A printed line: a figure's name, value and bound, and whatever else stood there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much of everything one run measures."""

    measure_s: float
    """How long a short figure is repeated."""
    checks: int
    """Signatures that the bound goes through again and again."""
    people: int
    """Each with a twin, a farm and a node; the transactions of a block of each kind."""
    leaves: tuple[int, ...]
    crowd: int
    """Nodes in state while reports are executed."""
    changed: int
    """Leaves that one update of the tree changes."""
    blocks_written: int
    nodes: int
    """That report in every block of the audited chain."""
    blocks: int
    validators: int
    senders: int
    transfers: int
    """Of each sender, signed before the network starts: half for full load, half for half of it."""
    window: int
    """Transactions that the load has under way, at most. Where each block holds so many, it is the load
    that was measured, and not the network."""
    load_s: float
    start_nodes: int
    whole_month: bool = False
    """6 million reports of 5,500 nodes too: a quarter of an hour to sign them, ten minutes to audit them."""
    month_chain: Path | None = None
    """Where its chain is kept from run to run."""
    grown_nodes: tuple[int, ...]
    """In state, where a block is measured as state grows."""
    grown_blocks: tuple[int, ...]
    """Behind the tip, where it is measured as the chain does."""
    disk_blocks: int
    """Full of reports of `nodes`."""
    month_nodes: int
    """Of the public grid's month."""
    month_by_rows: int
    """Nodes of the month that the slower program goes through too."""


FULL: Final = Sizes(
    measure_s=1.0,
    checks=2_000,
    people=1_000,
    leaves=(10_000, 100_000),
    crowd=100_000,
    changed=1_000,
    blocks_written=20,
    nodes=1_000,
    blocks=100,
    validators=4,
    senders=400,
    transfers=400,
    window=8_000,
    load_s=15.0,
    start_nodes=10_000,
    grown_nodes=(1_000, 10_000, 100_000),
    grown_blocks=(1_000, 10_000, 100_000),
    disk_blocks=300,
    month_nodes=5_500,
    month_by_rows=250,
)
QUICK: Final = Sizes(
    measure_s=0.3,
    checks=2_000,
    people=200,
    leaves=(10_000,),
    crowd=10_000,
    changed=1_000,
    blocks_written=5,
    nodes=250,
    blocks=50,
    validators=4,
    senders=100,
    transfers=200,
    window=1_000,
    load_s=6.0,
    start_nodes=1_000,
    grown_nodes=(1_000, 10_000),
    grown_blocks=(1_000, 10_000),
    disk_blocks=100,
    month_nodes=1_000,
    month_by_rows=100,
)
TINY: Final = Sizes(
    measure_s=0.02,
    checks=128,
    people=5,
    leaves=(100,),
    crowd=100,
    changed=10,
    blocks_written=2,
    nodes=5,
    blocks=46,
    validators=1,
    senders=5,
    transfers=20,
    window=40,
    load_s=1.0,
    start_nodes=10,
    grown_nodes=(10, 20),
    grown_blocks=(10, 20),
    disk_blocks=20,
    month_nodes=20,
    month_by_rows=20,
)
"""Shows that everything runs; its figures say nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What a figure cannot be better than, measured in the same run."""

    name: str
    value: float


@dataclass(slots=True, kw_only=True)
class Lines:
    """Prints figures. `ratio` is the share of the bound that is reached: more is always better."""

    earlier: Mapping[str, Mapping[str, float]]
    commit: str
    machine: str
    printed: list[str] = field(default_factory=list)

    def rate(self, name: str, value: float, unit: str, bound: Bound) -> None:
        """A figure of which more is better."""
        self._print(name, value, unit, bound, value / bound.value)

    def cost(self, name: str, value: float, unit: str, bound: Bound) -> None:
        """A figure of which less is better."""
        self._print(name, value, unit, bound, bound.value / value if value else 0.0)

    def _print(self, name: str, value: float, unit: str, bound: Bound, ratio: float) -> None:
        row: dict[str, object] = {
            "name": name,
            "value": _short(value),
            "unit": unit,
            "bound": bound.name,
            "bound_value": _short(bound.value),
            "ratio": _short(ratio),
            "commit": self.commit,
            "machine": self.machine,
            "load": round(os.getloadavg()[0], 2),
        }
        before = self.earlier.get(name)
        if before is not None and before["ratio"]:
            row["earlier_value"] = before["value"]
            row["earlier_ratio"] = before["ratio"]
            row["ratio_to_earlier"] = _short(ratio / before["ratio"])
        print(json.dumps(row), flush=True)


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def lines(compared: Sequence[Row]) -> Lines:
    """Where figures go; `compared`: lines of an earlier run, the last of a name counts."""
    earlier = {row["name"]: row for row in compared}
    return Lines(earlier=earlier, commit=_commit(), machine=_machine())


def earlier(path: str) -> list[Row]:
    """The lines of an earlier run; raises `ArgumentTypeError`, which names the file and the line."""
    try:
        texts = Path(path).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as fault:
        raise ArgumentTypeError(f"cannot read {path}: {fault}") from fault
    return [_row(text, f"{path}, line {place}") for place, text in enumerate(texts, 1) if text]


def _row(text: str, where: str) -> Row:
    try:
        row = json.loads(text)
    except ValueError as fault:
        raise ArgumentTypeError(f"{where}: no figure as this prints them ({fault})") from fault
    shapes = {"name": str, "value": float, "bound_value": float}
    if type(row) is not dict or any(type(row.get(key)) is not each for key, each in shapes.items()):
        raise ArgumentTypeError(f"{where}: a figure has {', '.join(shapes)}")
    return row


def _commit() -> str:
    """The commit that is measured, with a plus where its files were changed."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        return head + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*words: str) -> str:
    asked = ["git", "-C", str(ROOT), *words]
    return subprocess.run(asked, capture_output=True, check=True, text=True).stdout.strip()


def _machine() -> str:
    texts = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    model = next((text.partition(":")[2].strip() for text in texts if "model name" in text), "?")
    return f"{os.cpu_count()} x {model}, Python {platform.python_version()}"


def seconds_of(work: Callable[[], object], measure_s: float) -> float:
    """The least time that one call took, of calls for so long and of three at the least.

    The least and not the mean: everything else on the machine only ever adds to it.
    """
    least, calls, until = float("inf"), 0, time.perf_counter() + measure_s
    while calls < 3 or time.perf_counter() < until:
        began = time.perf_counter()
        work()
        least = min(least, time.perf_counter() - began)
        calls += 1
    return least
