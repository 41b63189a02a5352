"""A month of the public grid: `minting compute` beside grid3's minting, and columns beside rows.

Both programs of a pair take one core, so that what is measured is their time on it and not what else
the machine does. grid3 is given its events as it wants them, in memory, and computes uptime. Ours is
measured twice: as a command that reads a file, computes uptime and pay, and writes receipts with text
and hash; and without reading and writing, its events in memory too.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Final, TypeAlias

from grid3.minting import mintingnode
from grid3.minting.period import Period

from scripts.bench_line import Bound, Lines, Sizes
from scripts.bench_month import PERIOD, START, month, state
from tfchain.chain.columns.public_receipts import receipts
from tfchain.chain.columns.public_rows import (
    AFTER,
    REPORT,
    STATE_DOWN,
    STATE_UP,
    TARGET_UP,
    Row,
    Rows,
)
from tfchain.chain.grid import compute
from tfchain.chain.grid_columns import read_recorded
from tfchain.cli.minting import compute_files

RUNS: Final = 3
"""Of each short work; the least time counts. The long ones are done once."""
_UPTIME: Final = re.compile(r'"measured_uptime":(\d+)')

Theirs: TypeAlias = tuple[object, ...]


def minting(lines: Lines, sizes: Sizes, folder: Path) -> None:
    """Events a second of the whole command and of both programs."""
    _month(lines, folder, month(sizes.month_nodes), state(sizes.month_nodes))
    rows = month(sizes.month_by_rows)
    count = rows.kinds.size
    recorded = read_recorded(state(sizes.month_by_rows) | _columns(rows), rows.encode())
    by_rows = Bound(name="rows", value=count / _spent(lambda: compute(recorded.period), 1))
    spent = _spent(lambda: receipts(recorded.period, recorded.known))
    lines.rate("columns_to_rows", count / spent, "events/s", by_rows)


def _month(lines: Lines, folder: Path, rows: Rows, plain: dict[str, object]) -> None:
    file, answer, count = folder / "month", folder / "receipts", rows.kinds.size
    line = json.dumps({"seed": 1, "input": plain | _columns(rows)})
    file.write_bytes(line.encode() + b"\n" + rows.encode())
    spent = _spent(lambda: compute_files([str(file)], str(answer)))
    bound = Bound(name="grid3.minting", value=count / _grid3(rows, _uptimes(answer)))
    lines.rate("minting_compute_month", count / spent, "events/s", bound)
    recorded = read_recorded(plain | _columns(rows), rows.encode())
    spent = _spent(lambda: receipts(recorded.period, recorded.known))
    lines.rate("minting_in_memory_month", count / spent, "events/s", bound)


def _columns(rows: Rows) -> dict[str, object]:
    counts = {"nodes": int(rows.nodes.size), "rows": int(rows.kinds.size)}
    return {"events": [], "columns": counts}


def _spent(work: Callable[[], object], runs: int = RUNS) -> float:
    """Seconds of a core: the least of so many runs."""
    times = []
    for _ in range(runs):
        began = process_time()
        work()
        times.append(process_time() - began)
    return min(times)


def _uptimes(answer: Path) -> dict[int, int]:
    [line] = answer.read_text("utf-8").splitlines()
    found = {}
    for row in json.loads(line)["results"]:
        told = _UPTIME.search(row["receipt"])
        assert told is not None, row
        found[row["node_id"]] = int(told[1])
    return found


def _grid3(rows: Rows, due: dict[int, int]) -> float:
    """Seconds that grid3 takes for the same events; what it finds is what we found.

    It treats power changes past the end in a way of its own: nodes with one are not compared.
    """
    mintingnode.logging_mode = None  # it prints every step otherwise
    period, spent = Period(offset=PERIOD), 0.0
    for place, number in enumerate(rows.nodes.tolist()):
        own = list(rows.of(place))
        inside = [_told(*each) for each in enumerate(own) if each[1][0] < AFTER]
        after = [_told(*each) for each in enumerate(own) if each[1][0] >= AFTER]
        node = mintingnode.MintingNode(number, period)
        node.power_state = node.power_target = "Up"
        began = process_time()
        mintingnode.process_period(node, inside, period)
        mintingnode.process_post_period(node, after, period)
        mintingnode.final_check(node, START + 4, period.end)
        spent += process_time() - began
        if not any(kind > AFTER for kind, _, _ in own):
            assert node.uptime == due[number], number
    return spent


def _told(index: int, row: Row) -> Theirs:
    kind, time, uptime = row
    what = kind & ~AFTER
    if what == REPORT:
        return mintingnode.NodeUptimeReported(uptime, time, index)  # type: ignore[no-any-return]
    word = "Up" if what in {TARGET_UP, STATE_UP} else "Down"
    kind_of = (
        mintingnode.PowerStateChanged
        if what in {STATE_DOWN, STATE_UP}
        else mintingnode.PowerTargetChanged
    )
    return kind_of(word, time, index)  # type: ignore[no-any-return]
