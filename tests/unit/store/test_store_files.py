"""Files that survive a crash, and what an operator is told when the disk says no."""

import errno
import os
from pathlib import Path

import pytest

from tfchain.errors import Unavailable
from tfchain.store.files import remedy_for, replace_file, told, write_all


def test_a_replaced_file_is_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "file"
    replace_file(path, b"old")
    replace_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_replacement_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    replace_file(path, b"old")
    (tmp_path / "file.new").mkdir()
    with pytest.raises(IsADirectoryError):
        replace_file(path, b"new")
    assert path.read_bytes() == b"old"


def test_a_leftover_of_a_crash_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "file.new").write_bytes(b"half of something longer")
    (tmp_path / "file.new").chmod(0o644)
    replace_file(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600


def test_every_byte_is_written_to_a_slow_taker() -> None:
    into, out = os.pipe()
    write_all(out, b"x" * 1000)
    os.close(out)
    assert os.read(into, 2000) == b"x" * 1000
    os.close(into)


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        pytest.param(errno.ENOSPC, "free space", id="full"),
        pytest.param(errno.EDQUOT, "free space", id="quota"),
        pytest.param(errno.EACCES, "the right", id="no right"),
        pytest.param(errno.EROFS, "the right", id="read-only"),
        pytest.param(errno.ENOENT, "check the path", id="absent"),
        pytest.param(errno.EIO, "check the disk", id="a dying disk"),
    ],
)
def test_each_reason_has_a_remedy(number: int, remedy: str) -> None:
    assert remedy in remedy_for(OSError(number, "said"))


def test_what_where_and_remedy_are_told(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as refusal, told("cannot do it", tmp_path):
        raise OSError(errno.ENOSPC, "said")
    assert refusal.value.what == "cannot do it (No space left on device)"
    assert refusal.value.where == str(tmp_path)


def test_a_reason_without_a_number_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="the system refused"), told("cannot do it", tmp_path):
        raise OSError
