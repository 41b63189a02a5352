"""A devnet's beacon: lit, seen, put out; and nobody else's word is taken."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tfchain.errors import Malformed, Unavailable
from tfchain.node.devnet.beacon import (
    BEACON_BYTES_MAX,
    Beacon,
    beacons_folder,
    lit,
    read_beacon,
    seen,
)

HERE = Beacon(pid=os.getpid(), chain_id="devnet-1", urls=("http://127.0.0.1:1", "http://[::1]:2"))


@pytest.fixture
def gone() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def test_a_beacon_is_seen_while_it_is_lit(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    with lit(folder, HERE):
        assert seen(folder) == [HERE]
        (file,) = folder.iterdir()
        assert file.stat().st_mode & 0o777 == 0o600
        assert folder.stat().st_mode & 0o777 == 0o700
    assert seen(folder) == []
    assert list(folder.iterdir()) == []


def test_a_beacon_goes_out_when_its_devnet_fails(tmp_path: Path) -> None:
    with pytest.raises(KeyError), lit(tmp_path, HERE):
        raise KeyError
    assert seen(tmp_path) == []


def test_the_beacon_of_a_killed_devnet_is_put_out(tmp_path: Path, gone: int) -> None:
    with lit(tmp_path, HERE), lit(tmp_path, Beacon(pid=gone, chain_id="c", urls=("u",))):
        assert len(list(tmp_path.iterdir())) == 2
        assert seen(tmp_path) == [HERE]
        assert len(list(tmp_path.iterdir())) == 1


def test_no_folder_is_no_beacon(tmp_path: Path) -> None:
    assert seen(tmp_path / "none") == []


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Unavailable, match="file"), lit(tmp_path / "file", HERE):
        pytest.fail("nothing is lit")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff\xfe", id="no text"),
        pytest.param(b"[" * 100_000, id="too deep and too long"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"{}", id="no fields"),
        pytest.param(b'{"pid": true, "chain_id": "c", "urls": ["u"]}', id="a truth for a process"),
        pytest.param(b'{"pid": -1, "chain_id": "c", "urls": ["u"]}', id="everybody's process"),
        pytest.param(b'{"pid": 1, "chain_id": 1, "urls": ["u"]}', id="a number for a chain"),
        pytest.param(b'{"pid": 1, "chain_id": "c", "urls": []}', id="no address"),
        pytest.param(b'{"pid": 1, "chain_id": "c", "urls": [1]}', id="a number for an address"),
        pytest.param(b" " * BEACON_BYTES_MAX + b"{}", id="too long"),
    ],
)
def test_other_bytes_are_no_beacon(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(Malformed):
        read_beacon(content)
    (tmp_path / "devnet-1.json").write_bytes(content)
    assert seen(tmp_path) == []


def test_a_number_that_no_process_has_is_nobody(tmp_path: Path) -> None:
    plain = {"pid": 1 << 80, "chain_id": "c", "urls": ["u"]}
    (tmp_path / "devnet-1.json").write_text(json.dumps(plain), encoding="utf-8")
    assert seen(tmp_path) == []


def test_the_folder_is_the_user_s(tmp_path: Path) -> None:
    assert beacons_folder({"XDG_RUNTIME_DIR": str(tmp_path)}) == tmp_path / "tfchain"
    state = {"XDG_RUNTIME_DIR": str(tmp_path / "none"), "XDG_STATE_HOME": str(tmp_path)}
    assert beacons_folder(state) == tmp_path / "tfchain"
    assert beacons_folder({}) == Path("~/.local/state/tfchain").expanduser()
