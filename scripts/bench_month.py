"""A month of the public grid, made from a seed: what its nodes were, did and said, as real ones do.

Six in ten just run. Three in ten are started anew now and then, some are off for hours, some sleep
under a farmerbot and wake once a day, one in a hundred tells what cannot be, and one says nothing.
"""

from collections.abc import Iterator
from random import Random  # noqa: TID251 -- seeded: the month is the same in every run
from typing import Final, TypeAlias

import numpy as np

from tfchain.base.units import PeriodIndex
from tfchain.chain.columns.public_rows import (
    AFTER,
    REPORT,
    STATE_DOWN,
    STATE_UP,
    TARGET_DOWN,
    TARGET_UP,
    Rows,
)
from tfchain.rules.periods import standard_bounds

PERIOD: Final = PeriodIndex(85)
START, END = standard_bounds(PERIOD)
LAST: Final = END + 97_200
EVERY_S: Final = 2_400
BOOT_S: Final = 180
DAY_S: Final = 86_400
GIB: Final = 1 << 30

Table: TypeAlias = np.ndarray[tuple[int, int], np.dtype[np.int64]]
"""Kind, time, uptime."""
Plain: TypeAlias = dict[str, object]


def month(nodes: int) -> Rows:
    """What so many nodes did in the month and in the 27 hours after it."""
    said = [(node, _node(Random(node))) for node in range(1, nodes + 1)]
    said = [(node, table) for node, table in said if len(table)]
    table = np.concatenate([table for _, table in said])
    return Rows(
        nodes=np.array([node for node, _ in said], dtype=np.int64),
        begins=np.cumsum([0, *(len(table) for _, table in said)], dtype=np.int64),
        times=table[:, 1].astype(np.uint32),
        uptimes=table[:, 2].astype(np.uint32),
        kinds=(table[:, 0] + np.where(table[:, 1] > END, AFTER, 0)).astype(np.uint8),
    )


def _node(chance: Random) -> Table:
    """All rows of a node; its character is the first thing that chance decides."""
    kind = chance.random()
    since = START + chance.randrange(EVERY_S)
    booted = since - chance.randrange(100 * DAY_S)
    if kind < 0.60:
        return _runs(chance, booted, since, LAST)
    if kind < 0.90:
        return _with_breaks(chance, booted, since, (120, 1_800))
    if kind < 0.94:
        return _with_breaks(chance, booted, since, (3_600, 3 * DAY_S))
    if kind < 0.98:
        return np.concatenate(list(_naps(chance, booted, since)))
    if kind < 0.99:
        return _lies(chance, _runs(chance, booted, since, LAST))
    return np.zeros((0, 3), dtype=np.int64)


def _runs(chance: Random, booted: int, since: int, until: int) -> Table:
    """Reports of a machine that runs, each a few seconds later than it should be."""
    count = max((until - since) // (EVERY_S + 6), 0)
    late = np.frombuffer(chance.randbytes(2 * count), dtype=np.uint8).astype(np.int64)
    times = since + np.cumsum(EVERY_S + late[:count] % 12) - EVERY_S
    uptimes = times - booted + late[count:] % 5 - 2
    table: Table = np.stack((np.full(count, REPORT), times, np.maximum(uptimes, 0)), axis=1)
    return table


def _with_breaks(chance: Random, booted: int, since: int, length: tuple[int, int]) -> Table:
    """Off a few times, each so long, and started anew."""
    tables = []
    for at in sorted(chance.sample(range(since, END), chance.randint(1, 4))):
        tables.append(_runs(chance, booted, since, at))
        booted = max(at, since) + chance.randint(*length)
        since = booted + BOOT_S
    return np.concatenate([*tables, _runs(chance, booted, since, LAST)])


def _naps(chance: Random, booted: int, since: int) -> Iterator[Table]:
    """Two hours awake, the rest of the day asleep; one wake-up in fifty takes too long."""
    while since < END:
        down = since + 7_200
        up = down + chance.randint(20 * 3_600, 23 * 3_600)
        slow = chance.random() < 0.02
        yield _runs(chance, booted, since, down - 60)
        yield _power((TARGET_DOWN, down), (STATE_DOWN, down + 6), (TARGET_UP, up))
        booted = up + (2_400 if slow else BOOT_S)
        since = booted + 60
        yield _power((STATE_UP, since - 6))
    yield _runs(chance, booted, since, LAST)


def _power(*moves: tuple[int, int]) -> Table:
    return np.array([(kind, time, 0) for kind, time in moves], dtype=np.int64)


def _lies(chance: Random, table: Table) -> Table:
    """A few uptimes that cannot be: far too low, or far too high."""
    for place in sorted(chance.sample(range(1, len(table)), 3)):
        table[place, 2] = max(table[place - 1, 2] + chance.choice((1_000, -10_000, 9_000)), 0)
    return table


def state(nodes: int) -> Plain:
    """What those nodes, their twins and their farms were, as a recorded period states it."""
    chance, farms = Random(nodes), nodes // 4 + 1
    return {
        "period": PERIOD,
        "start_block_ts": START + 4,
        "nodes": [_hardware(chance, node, farms) for node in range(1, nodes + 1)],
        "power": [],
        "farms": [{"id": farm, "name": f"farm number {farm}"} for farm in range(1, farms + 1)],
        "twins": [_twin(chance, node) for node in range(1, nodes + 1)],
        "payouts": {str(farm): f"G{farm:055d}" for farm in range(1, farms + 1)},
        "policies": [_policy(number) for number in range(1, 5)],
        "contracts": [],
    }


def _hardware(chance: Random, node: int, farms: int) -> Plain:
    cores = chance.choice((4, 8, 16, 32, 64))
    return {
        "id": node,
        "farm_id": chance.randint(1, farms),
        "twin_id": node + 10,
        "resources": {
            "cru": cores,
            "mru": cores * 4 * GIB - chance.randrange(GIB),
            "sru": cores * 64 * GIB,
            "hru": chance.choice((0, 0, 4_000_787_030_016)),
        },
        "farming_policy_id": chance.randint(1, 4),
        "certification": chance.choice(("Diy", "Diy", "Diy", "Certified")),
        "virtualized": False,
        "connection_price": chance.choice((25, 50, 80)),
    }


def _twin(chance: Random, node: int) -> Plain:
    return {"id": node + 10, "relay": "relay.grid.tf", "pk": list(chance.randbytes(33))}


def _policy(number: int) -> Plain:
    prices = {"cu": 2_400, "su": 1_000, "nu": 30, "ipv4": 5, "minimal_uptime": 95}
    return {"id": number, **prices, "immutable": number > 3, "default": number < 4}
