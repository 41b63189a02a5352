"""A backup: what is in it and what never is, and that both ways back are ways."""

import shutil
import stat
import sys
import tarfile
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import trio

from tfchain.errors import Unavailable
from tfchain.node.backup import RESTORE, Backup, back_up
from tfchain.node.config import NodeConfig, Place, write_config
from tfchain.node.disk import opened_disk, opened_parts
from tfchain.node.home import Home, Seeds, create_home, load_config, load_genesis
from tfchain.node.node import Node
from tfchain.store.still import held_still

RunNode = Callable[..., AbstractAsyncContextManager[Node]]
HEIGHT = 3


@pytest.fixture(params=["auto", "sqlite"])
async def kept(home: Home, running: RunNode, request: pytest.FixtureRequest) -> Home:
    """A home at rest, with a few blocks and all kinds of keys."""
    config = NodeConfig(p2p=Place(), http=Place(), log="warning", store=request.param)
    home.config.write_text(write_config(config), encoding="utf-8")
    shutil.copy(home.node_key, home.guardian_key)
    async with running(home) as node:
        await node.heads.wait_for(HEIGHT)
    return home


def made(home: Home, file: Path, *, with_keys: bool = False) -> Backup:
    told: list[tuple[int, int]] = []
    found = back_up(
        home, file, with_keys=with_keys, told_of=lambda done, size: told.append((done, size))
    )
    assert told[-1] == (found.size, found.size)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not list(file.parent.glob("*.new"))
    return found


def archives(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith("one.tar")]


def content(file: Path) -> dict[str, bytes]:
    with tarfile.open(file) as archive:
        found = {}
        for entry in archive:
            stream = archive.extractfile(entry)
            assert stream is not None
            assert (entry.uid, entry.uname, entry.mode) == (0, "", 0o600)
            found[entry.name] = stream.read()
        return found


def unpacked(file: Path, folder: Path) -> None:
    with tarfile.open(file) as archive:
        rows = [entry for entry in archive if entry.name.startswith("data/")]
        archive.extractall(folder, rows, filter="data")


async def test_nothing_secret_is_in_it(kept: Home, tmp_path: Path) -> None:
    found = made(kept, tmp_path / "one.tar")
    inside = content(tmp_path / "one.tar")
    assert found.keys == ()
    assert found.height >= HEIGHT
    assert found.files == len(inside) - 1
    assert {RESTORE, "config.toml", "genesis.toml", "data/KIND"} <= set(inside)
    assert all(name.startswith("data/") or "." in name for name in inside)
    for path in (kept.node_key, kept.validator_key, kept.signer_state):
        secret = path.read_bytes().strip()
        for form in (secret, *([bytes.fromhex(secret.decode())] if path.suffix == ".key" else [])):
            assert not [name for name, raw in inside.items() if form in raw]
    assert b"Left out: all keys" in inside[RESTORE]


async def test_keys_are_in_it_where_they_are_asked_for_but_never_what_was_signed(
    kept: Home, tmp_path: Path
) -> None:
    found = made(kept, tmp_path / "one.tar", with_keys=True)
    inside = content(tmp_path / "one.tar")
    assert found.keys == ("node.key", "validator.key", "guardian.key")
    assert inside["validator.key"] == kept.validator_key.read_bytes()
    assert "signer.state" not in inside
    assert b"and node.key, validator.key, guardian.key" in inside[RESTORE]
    assert b"(signer.state)" in inside[RESTORE]


async def test_back_into_its_own_home_it_catches_up_and_is_silent_where_it_signed(
    kept: Home, running: RunNode, tmp_path: Path
) -> None:
    height = made(kept, tmp_path / "one.tar").height
    async with running(kept) as node:
        await node.heads.wait_for(height + 3)
    shutil.rmtree(kept.store)
    unpacked(tmp_path / "one.tar", kept.folder)
    config = load_config(kept)
    with (
        pytest.raises(Unavailable, match="this validator signed at"),
        opened_disk(kept, config, allow_old_store=False),
    ):
        pytest.fail("it was opened")
    with opened_disk(kept, config, allow_old_store=True) as disk:
        assert disk.chain.height() == height
        assert disk.signer is not None
        assert disk.signer.last()[0] >= height + 3


async def test_on_a_new_machine_another_node_goes_on_from_it(
    kept: Home, running: RunNode, tmp_path: Path
) -> None:
    height = made(kept, tmp_path / "one.tar").height
    seeds = Seeds(node=bytes([9]) * 32, validator=None)
    new = create_home(tmp_path / "new", load_genesis(kept), load_config(kept), seeds)
    unpacked(tmp_path / "one.tar", new.folder)
    async with running(new) as node:
        assert node.heads.current == height
        assert node.validator is None


async def test_a_running_node_is_left_alone(kept: Home, running: RunNode, tmp_path: Path) -> None:
    async with running(kept):
        with pytest.raises(Unavailable, match="in use"):
            made(kept, tmp_path / "one.tar")
    assert archives(tmp_path) == []


async def test_no_node_starts_meanwhile(kept: Home) -> None:
    """In a process of its own: a process is never in its own way."""
    start = [sys.executable, "-m", "tfchain", "start", "--halt-height", "1", "--home"]
    with held_still(kept.store) as rows:
        assert rows
        done = await trio.run_process(
            [*start, str(kept.folder)], check=False, capture_stderr=True, capture_stdout=True
        )
        assert (done.returncode, done.stdout) == (3, b"")
        assert b"in use" in done.stderr
    with opened_parts(kept, load_config(kept)) as (chain, _):
        assert chain.height() >= HEIGHT


def test_a_home_that_never_ran_has_nothing_to_keep(home: Home, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="nothing to keep yet"):
        made(home, tmp_path / "one.tar")


async def test_a_file_is_never_overwritten(kept: Home, tmp_path: Path) -> None:
    (tmp_path / "one.tar").write_text("mine")
    with pytest.raises(Unavailable, match="there already"):
        made(kept, tmp_path / "one.tar")
    assert (tmp_path / "one.tar").read_text() == "mine"


async def test_a_backup_that_was_cut_short_is_none(kept: Home, tmp_path: Path) -> None:
    def stop(_done: int, _size: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        back_up(kept, tmp_path / "one.tar", with_keys=False, told_of=stop)
    assert archives(tmp_path) == []


async def test_a_folder_that_cannot_be_written_is_named(kept: Home, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot write the backup"):
        made(kept, tmp_path / "absent" / "one.tar")
