"""A validator that moves signs in one place at a time, whenever the power fails on the way."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from tfchain.base import crypto
from tfchain.errors import Rejected, Unavailable
from tfchain.node.config import NodeConfig
from tfchain.node.disk import opened_disk
from tfchain.node.home import Home, Seeds, create_home, load_config
from tfchain.node.moving import MOVED_BYTES_MAX, move_in, move_out
from tfchain.node.node import Node
from tfchain.store.signer import NOTHING_SIGNED, end_of
from tfchain.store.signer_files import encode_state, load_state, open_signer

RunNode = Callable[..., AbstractAsyncContextManager[Node]]
FRESH = bytes([77]) * 32


@pytest.fixture
def other(tmp_path: Path, genesis: str, config: NodeConfig) -> Home:
    """The home on the new machine, with the fresh key that `init` draws."""
    seeds = Seeds(node=bytes([9]) * 32, validator=FRESH)
    return create_home(tmp_path / "other", genesis, config, seeds)


def sign(home: Home, height: int) -> None:
    signer = open_signer(home.validator_key, home.signer_state)
    signer.sign(height, 0, 2, b"said")
    signer.close()


def start(home: Home) -> bytes | None:
    """Open as a start does; the key that would vote."""
    with opened_disk(home, load_config(home), allow_old_store=False) as disk:
        return None if disk.signer is None else disk.signer.key


async def test_a_moved_validator_goes_on_where_it_arrives_and_nowhere_else(
    home: Home, other: Home, running: RunNode, people: Any, tmp_path: Path
) -> None:
    key, file = crypto.public_key(people.validators[0]), tmp_path / "moved"
    async with running(home) as node:
        await node.heads.wait_for(3)
        with pytest.raises(Unavailable, match="in use"):
            move_out(home, load_config(home), file)
    moved = move_out(home, load_config(home), file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert not home.validator_key.exists()
    with pytest.raises(Unavailable, match=r"moved out.*start the home that it was moved to"):
        start(home)
    move_in(other, load_config(other), file)
    assert not file.exists()
    assert start(other) == key
    with opened_disk(other, load_config(other), allow_old_store=False) as disk:
        assert disk.signer is not None
        with pytest.raises(Rejected, match="double_sign"):
            disk.signer.sign(moved.last.height, 1, 2, b"the log stayed behind")
        assert disk.signer.sign(moved.last.height + 1, 0, 2, b"the next height")


def test_a_retired_home_follows_once_its_marker_is_gone(home: Home, tmp_path: Path) -> None:
    move_out(home, load_config(home), tmp_path / "moved")
    with pytest.raises(Unavailable, match="moved out"):
        move_out(home, load_config(home), tmp_path / "again")
    home.retired.unlink()
    assert start(home) is None
    with pytest.raises(Unavailable, match="no validator key stands here"):
        move_out(home, load_config(home), tmp_path / "again")


def test_a_validator_may_move_back(home: Home, tmp_path: Path) -> None:
    sign(home, 5)
    move_out(home, load_config(home), tmp_path / "moved")
    move_in(home, load_config(home), tmp_path / "moved")
    assert start(home) is not None


def test_a_move_that_was_cut_short_may_be_done_again(home: Home, tmp_path: Path) -> None:
    """The home is retired before the file exists: whatever the moment, one place at most signs."""
    home.retired.write_text("cut short here", encoding="utf-8")
    with pytest.raises(Unavailable, match=r"cut short: do it again"):
        start(home)
    move_out(home, load_config(home), tmp_path / "moved")
    assert not home.validator_key.exists()


def test_a_file_that_stands_there_is_never_written_over(home: Home, tmp_path: Path) -> None:
    (tmp_path / "moved").write_text("somebody's", encoding="utf-8")
    with pytest.raises(Unavailable, match="a file is there already"):
        move_out(home, load_config(home), tmp_path / "moved")
    assert start(home) is not None


def test_an_older_state_is_not_moved_in(home: Home, other: Home, tmp_path: Path) -> None:
    """A file that was copied before it was used, and comes a second time."""
    sign(home, 5)
    file, copy = tmp_path / "moved", tmp_path / "copy"
    move_out(home, load_config(home), file)
    copy.write_bytes(file.read_bytes())
    move_in(other, load_config(other), file)
    sign(other, 9)
    with pytest.raises(Unavailable, match=r"older than what this home knows: height 9"):
        move_in(other, load_config(other), copy)


async def test_a_state_older_than_the_blocks_is_not_moved_in(
    home: Home, running: RunNode, tmp_path: Path
) -> None:
    file, copy = tmp_path / "moved", tmp_path / "copy"
    move_out(home, load_config(home), file)
    copy.write_bytes(file.read_bytes())
    move_in(home, load_config(home), file)
    async with running(home) as node:
        await node.heads.wait_for(2)
    home.validator_key.unlink()
    home.signer_state.unlink()
    with pytest.raises(Unavailable, match="older than what this home knows"):
        move_in(home, load_config(home), copy)


async def test_an_old_signer_state_is_not_moved_out(
    home: Home, running: RunNode, people: Any, tmp_path: Path
) -> None:
    async with running(home) as node:
        await node.heads.wait_for(2)
    key = crypto.public_key(people.validators[0])
    home.signer_state.write_bytes(encode_state(NOTHING_SIGNED, key))
    with pytest.raises(Unavailable, match="signer state is older"):
        move_out(home, load_config(home), tmp_path / "moved")
    assert not home.retired.exists()


def test_another_validator_that_signed_is_not_replaced(
    home: Home, other: Home, tmp_path: Path
) -> None:
    sign(other, 1)
    move_out(home, load_config(home), tmp_path / "moved")
    with pytest.raises(Unavailable, match="a validator of its own, which has signed"):
        move_in(other, load_config(other), tmp_path / "moved")
    assert (tmp_path / "moved").exists()


def test_another_chain_is_refused(
    home: Home, tmp_path: Path, genesis: str, config: NodeConfig
) -> None:
    seeds = Seeds(node=bytes([9]) * 32, validator=None)
    text = genesis.replace('salt = ""', 'salt = "x"')
    stranger = create_home(tmp_path / "stranger", text, config, seeds)
    move_out(home, load_config(home), tmp_path / "moved")
    with pytest.raises(Unavailable, match="give a home of its own chain"):
        move_in(stranger, load_config(stranger), tmp_path / "moved")


@pytest.mark.parametrize("content", [b"", bytes(100), b"x" * (MOVED_BYTES_MAX + 5)])
def test_a_file_that_is_none_of_ours_is_refused(home: Home, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "moved").write_bytes(content)
    with pytest.raises(Unavailable, match="no moved validator"):
        move_in(home, load_config(home), tmp_path / "moved")


def test_a_file_of_another_version_is_refused(home: Home, tmp_path: Path) -> None:
    body = b"\x93\x63"
    (tmp_path / "moved").write_bytes(crypto.digest(b"tf/moved-key", body) + body)
    with pytest.raises(Unavailable, match="of another version"):
        move_in(home, load_config(home), tmp_path / "moved")


def test_what_travels_says_nothing_more_at_its_height(home: Home, tmp_path: Path) -> None:
    sign(home, 5)
    moved = move_out(home, load_config(home), tmp_path / "moved")
    assert moved.last.place == end_of(5)
    assert "seed" not in repr(moved)


def test_a_fresh_key_has_no_height_to_skip_over(home: Home, other: Home, tmp_path: Path) -> None:
    moved = move_out(home, load_config(home), tmp_path / "moved")
    assert moved.last.height == 0
    move_in(other, load_config(other), tmp_path / "moved")
    key = open_signer(other.validator_key, other.signer_state)
    key.close()
    assert load_state(other.signer_state, key.key) == moved.last
