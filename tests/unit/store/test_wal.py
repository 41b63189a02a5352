"""The write-ahead log: torn ends are cut, damage stops the node, markers end heights."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tfchain.errors import Unavailable
from tfchain.store import wal_records
from tfchain.store.wal import ROTATE_BYTES, Wal, inspect_wal, open_wal
from tfchain.store.wal_records import HEAD_BYTES, PAYLOAD_BYTES_MAX, frame

Run = Callable[..., subprocess.CompletedProcess[str]]

FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from tfchain.errors import Unavailable
from tfchain.store.wal import open_wal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
log = open_wal(Path(sys.argv[1]))
log.append(b"kept")
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
for call in (lambda: log.append(bytes(200)), lambda: log.append(b"x"), log.sync, log.reset):
    try:
        call()
        print("went on")
    except Unavailable as refusal:
        print(refusal)
"""

KILLED_AFTER_APPEND = """
import os, signal, sys
from pathlib import Path
from tfchain.store.wal import open_wal
log = open_wal(Path(sys.argv[1]))
log.append(b"vote")
os.kill(os.getpid(), signal.SIGKILL)
"""


def _written(path: Path, *payloads: bytes) -> None:
    log = open_wal(path)
    for payload in payloads:
        log.append(payload)
    log.sync()
    log.close()


def _replayed(path: Path, *, tolerate: bool = False) -> list[bytes]:
    log = open_wal(path, tolerate=tolerate)
    payloads = list(log.replay())
    log.close()
    return payloads


def _flip(path: Path, offset: int) -> None:
    content = bytearray(path.read_bytes())
    content[offset] ^= 1
    path.write_bytes(content)


def test_a_new_log_is_empty(tmp_path: Path) -> None:
    assert _replayed(tmp_path / "wal") == []


def test_records_come_back_in_order_over_several_openings(tmp_path: Path) -> None:
    _written(tmp_path / "wal", b"one", b"two")
    _written(tmp_path / "wal", b"three")
    assert _replayed(tmp_path / "wal") == [b"one", b"two", b"three"]


def test_a_kill_after_append_loses_nothing(tmp_path: Path, other_process: Run) -> None:
    other_process(KILLED_AFTER_APPEND, tmp_path / "wal")
    assert _replayed(tmp_path / "wal") == [b"vote"]


def test_the_largest_record_fits_and_a_larger_one_is_our_bug(tmp_path: Path) -> None:
    _written(tmp_path / "wal", bytes(PAYLOAD_BYTES_MAX))
    assert _replayed(tmp_path / "wal") == [bytes(PAYLOAD_BYTES_MAX)]
    with pytest.raises(AssertionError):
        _written(tmp_path / "wal", bytes(PAYLOAD_BYTES_MAX + 1))


def test_a_record_over_the_bound_is_not_read_however_sound_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1.7.1: the bound holds on reading too, so that no length has memory handed out for it."""
    _written(tmp_path / "wal", b"four", b"fives")
    monkeypatch.setattr(wal_records, "PAYLOAD_BYTES_MAX", 4)
    assert _replayed(tmp_path / "wal") == [b"four"]


def test_an_empty_record_is_our_bug(tmp_path: Path) -> None:
    log = open_wal(tmp_path / "wal")
    with pytest.raises(AssertionError):
        log.append(b"")
    log.close()


def test_a_reset_ends_the_height_and_what_follows_stays(tmp_path: Path) -> None:
    """1.7.3."""
    log = open_wal(tmp_path / "wal")
    log.append(b"height 1")
    log.reset()
    log.append(b"height 2")
    log.sync()
    log.close()
    log.close()
    assert _replayed(tmp_path / "wal") == [b"height 2"]


def test_a_reset_forgets_what_opening_found(tmp_path: Path) -> None:
    _written(tmp_path / "wal", b"height 1")
    log = open_wal(tmp_path / "wal")
    log.reset()
    assert list(log.replay()) == []
    log.close()


def test_a_reset_starts_a_new_file_only_when_the_old_one_is_long(tmp_path: Path) -> None:
    """1.7.7."""
    path, sizes = tmp_path / "wal", []
    log = open_wal(path)
    for _ in range(3):
        log.append(bytes(ROTATE_BYTES // 2 - HEAD_BYTES))
        log.reset()
        sizes.append(path.stat().st_size)
    log.append(b"after")
    log.close()
    assert sizes == [ROTATE_BYTES // 2 + HEAD_BYTES, 0, ROTATE_BYTES // 2 + HEAD_BYTES]
    assert _replayed(path) == [b"after"]


@pytest.mark.parametrize(
    ("cut", "left"),
    [
        pytest.param(0, [b"one", b"two"], id="nothing torn"),
        pytest.param(1, [b"one"], id="one byte short"),
        pytest.param(3, [b"one"], id="no payload"),
        pytest.param(HEAD_BYTES + 2, [b"one"], id="a single byte of it"),
        pytest.param(HEAD_BYTES + 3, [b"one"], id="none of it"),
    ],
)
def test_a_torn_last_record_is_cut_off(tmp_path: Path, cut: int, left: list[bytes]) -> None:
    """Scenario 24."""
    path = tmp_path / "wal"
    _written(path, b"one", b"two")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - cut])
    log = open_wal(path)
    assert list(log.replay()) == left
    assert log.torn_bytes == (HEAD_BYTES + 3 - cut if left == [b"one"] else 0)
    log.append(b"three")
    log.close()
    assert _replayed(path) == [*left, b"three"]


@pytest.mark.parametrize("offset", [HEAD_BYTES + 3, HEAD_BYTES * 2 + 3], ids=["head", "payload"])
def test_a_last_record_with_a_wrong_crc_is_cut_off(tmp_path: Path, offset: int) -> None:
    path = tmp_path / "wal"
    _written(path, b"one", b"two")
    _flip(path, offset)
    log = open_wal(path)
    assert (list(log.replay()), log.torn_bytes) == ([b"one"], HEAD_BYTES + 3)
    log.close()


def test_a_tail_of_zeros_is_a_torn_end(tmp_path: Path) -> None:
    path = tmp_path / "wal"
    _written(path, b"one")
    path.write_bytes(path.read_bytes() + bytes(5000))
    assert _replayed(path) == [b"one"]


@pytest.mark.parametrize(
    "offset",
    [HEAD_BYTES + 3, HEAD_BYTES + 6, HEAD_BYTES * 2 + 4],
    ids=["length", "checksum", "payload"],
)
def test_damage_in_the_middle_stops_the_node(tmp_path: Path, offset: int) -> None:
    """Scenario 24 and 1.7.6: dropping the rest in silence could drop our own signed votes."""
    path = tmp_path / "wal"
    _written(path, b"one", b"two", b"three")
    _flip(path, offset)
    damaged = path.read_bytes()
    with pytest.raises(Unavailable, match=f"damaged at byte {HEAD_BYTES + 3}") as refusal:
        open_wal(path)
    assert refusal.value.where == str(path)
    assert "store and signer state stay" in refusal.value.remedy
    assert path.read_bytes() == damaged
    found, payloads = inspect_wal(path)
    assert (found.damage, payloads) == (HEAD_BYTES + 3, [b"one"])


def test_tolerated_damage_keeps_the_records_before_it_and_the_file_aside(tmp_path: Path) -> None:
    path = tmp_path / "wal"
    log = open_wal(path)
    log.append(b"old height")
    log.reset()
    log.append(b"one")
    start = path.stat().st_size
    log.append(b"two")
    log.append(b"three")
    log.close()
    _flip(path, start + HEAD_BYTES)
    damaged = path.read_bytes()
    for _ in range(2):
        assert _replayed(path, tolerate=True) == [b"one"]
    assert (tmp_path / "wal.damaged").read_bytes() == damaged
    _written(path, b"four")
    assert _replayed(path) == [b"one", b"four"]


def test_damage_before_the_end_marker_is_of_no_account(tmp_path: Path) -> None:
    path = tmp_path / "wal"
    log = open_wal(path)
    log.append(b"durable elsewhere")
    log.reset()
    log.append(b"one")
    log.close()
    _flip(path, HEAD_BYTES)
    assert _replayed(path) == [b"one"]


def test_a_record_at_another_place_than_it_names_is_no_record(tmp_path: Path) -> None:
    """A block in a proposal may hold the bytes of a log record; they must not be read as one."""
    path = tmp_path / "wal"
    _written(path, b"one")
    path.write_bytes(path.read_bytes() + b"torn" + frame(0, b"forged") + frame(999, b"forged"))
    assert _replayed(path) == [b"one"]


def test_a_full_disk_stops_the_log_for_good(tmp_path: Path, other_process: Run) -> None:
    """Scenario 27 and 1.7.4."""
    first, *others = other_process(FULL_DISK, tmp_path / "wal").stdout.splitlines()
    assert "cannot write the log (File too large)" in first
    assert "free space" in first
    assert [("earlier write failed" in line) for line in others] == [True, True, True]
    assert _replayed(tmp_path / "wal") == [b"kept"]


def test_a_log_that_is_no_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "wal").mkdir()
    with pytest.raises(Unavailable, match="cannot open the log"):
        open_wal(tmp_path / "wal")
    with pytest.raises(Unavailable, match="cannot read the log"):
        inspect_wal(tmp_path / "wal")


def test_a_log_in_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="check the path"):
        open_wal(tmp_path / "nowhere" / "wal")


def test_inspecting_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "wal"
    _written(path, b"one")
    path.write_bytes(path.read_bytes() + b"torn")
    before = path.read_bytes()
    found, payloads = inspect_wal(path)
    assert (found.damage, payloads) == (None, [b"one"])
    assert path.read_bytes() == before


def test_a_log_cannot_be_used_once_closed(tmp_path: Path) -> None:
    log: Wal = open_wal(tmp_path / "wal")
    log.close()
    with pytest.raises(Unavailable, match="cannot write the log"):
        log.append(b"late")
    with pytest.raises(Unavailable, match="an earlier write failed"):
        log.append(b"later")
