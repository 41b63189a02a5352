"""The simulated log disk keeps what was synced, and any beginning of the rest."""

import pytest

from tfchain.sim.chance import Chance
from tfchain.sim.disk import LogDisk


def test_what_was_appended_is_replayed() -> None:
    disk = LogDisk()
    disk.append(b"one")
    disk.append(b"two")
    assert disk.replay() == (b"one", b"two")


def test_an_end_marker_leaves_what_follows() -> None:
    disk = LogDisk()
    disk.append(b"one")
    disk.end()
    disk.append(b"two")
    assert disk.replay() == (b"two",)


@pytest.mark.parametrize("seed", range(20))
def test_a_power_cut_takes_an_end_of_what_was_not_synced(seed: int) -> None:
    disk = LogDisk()
    records = (b"one", b"two", b"three", b"four")
    for record in records[:2]:
        disk.append(record)
    disk.sync()
    for record in records[2:]:
        disk.append(record)
    disk.lose_power(Chance(str(seed)))
    left = disk.replay()
    assert left[:2] == records[:2]
    assert left == records[: len(left)]


def test_the_whole_tail_may_go_and_may_stay() -> None:
    counts = []
    for seed in range(60):
        disk = LogDisk()
        disk.append(b"x")
        disk.lose_power(Chance(str(seed)))
        counts.append(len(disk.replay()))
    assert sorted({*counts}) == [0, 1]


def test_what_was_replayed_is_on_the_disk() -> None:
    disk = LogDisk()
    disk.append(b"one")
    disk.replay()
    disk.lose_power(Chance("any"))
    assert disk.replay() == (b"one",)


def test_what_is_not_synced_can_be_seen() -> None:
    disk = LogDisk()
    disk.append(b"synced")
    disk.sync()
    assert disk.unsynced() == b""
    disk.append(b"fresh")
    assert b"fresh" in disk.unsynced() and b"synced" not in disk.unsynced()
