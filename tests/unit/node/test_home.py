"""A node's home: laid out whole or not at all, its keys for its owner alone."""

import stat
from pathlib import Path

import pytest

from tfchain.client import keys
from tfchain.errors import Malformed, Unavailable
from tfchain.node.config import NodeConfig
from tfchain.node.home import (
    Home,
    Seeds,
    create_home,
    load_config,
    load_genesis,
    load_node_seed,
    load_text,
)

SEEDS = Seeds(node=bytes([1]) * 32, validator=bytes([2]) * 32, guardian=bytes([3]) * 32)


def test_a_new_home_has_all_that_a_node_needs(
    tmp_path: Path, genesis: str, config: NodeConfig
) -> None:
    home = create_home(tmp_path / "deep" / "home", genesis, config, SEEDS)
    assert load_config(home) == config
    assert load_genesis(home) == genesis
    assert load_node_seed(home) == SEEDS.node
    assert keys.load(home.guardian_key).address == keys.Key(bytes([3]) * 32).address
    assert stat.S_IMODE(home.folder.stat().st_mode) == 0o700
    for path in (home.node_key, home.validator_key, home.guardian_key, home.signer_state):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_a_follower_has_no_validator_key(tmp_path: Path, genesis: str, config: NodeConfig) -> None:
    home = create_home(tmp_path / "home", genesis, config, Seeds(node=SEEDS.node, validator=None))
    assert not home.validator_key.exists()
    assert not home.signer_state.exists()
    assert not home.guardian_key.exists()


def test_a_folder_with_anything_in_it_is_left_alone(
    tmp_path: Path, genesis: str, config: NodeConfig
) -> None:
    (tmp_path / "note").write_text("mine")
    with pytest.raises(Unavailable, match="not empty"):
        create_home(tmp_path, genesis, config, SEEDS)
    assert [path.name for path in tmp_path.iterdir()] == ["note"]


def test_a_bad_genesis_makes_no_home(tmp_path: Path, config: NodeConfig) -> None:
    with pytest.raises(Malformed, match="genesis"):
        create_home(tmp_path / "home", "name = 1", config, SEEDS)
    assert not (tmp_path / "home").exists()


def test_a_place_that_is_a_file_is_named(tmp_path: Path, genesis: str, config: NodeConfig) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="cannot make the home"):
        create_home(tmp_path / "file" / "home", genesis, config, SEEDS)


def test_a_folder_that_is_no_home_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="tfchain init"):
        load_config(Home(tmp_path))


def test_a_node_key_that_others_may_read_is_refused(home: Home) -> None:
    home.node_key.chmod(0o640)
    with pytest.raises(Unavailable, match="open to others"):
        load_node_seed(home)


def test_a_text_is_bounded_before_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"12345")
    assert load_text(tmp_path / "text", 5) == "12345"
    with pytest.raises(Malformed, match="more than 4 bytes"):
        load_text(tmp_path / "text", 4)


def test_a_text_of_any_bytes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"\xff")
    with pytest.raises(Malformed, match="not UTF-8"):
        load_text(tmp_path / "text", 5)


def test_seeds_do_not_show_themselves() -> None:
    assert "\\x0" not in repr(SEEDS)
    assert "01" not in repr(SEEDS)
