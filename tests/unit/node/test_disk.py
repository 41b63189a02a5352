"""Store, log and signer are held against each other before a validator says its first word."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from tfchain.base.units import Height, Millis, Round
from tfchain.bft.events import Signed
from tfchain.bft.messages import Proposal, Vote
from tfchain.errors import Rejected, Unavailable
from tfchain.ledger.commit import NO_POL, PRECOMMIT, PREVOTE
from tfchain.node.config import NodeConfig
from tfchain.node.disk import opened_disk, opened_parts
from tfchain.node.home import Home, Seeds, create_home, load_config
from tfchain.node.node import Node
from tfchain.node.recovery import last_shown, place_of
from tfchain.replica.log import event_record, height_record
from tfchain.store.layout import commit_key
from tfchain.store.signer import NOTHING_SIGNED
from tfchain.store.signer_files import encode_state, open_signer
from tfchain.store.wal import open_wal

RunNode = Callable[..., AbstractAsyncContextManager[Node]]
ID = bytes(32)
NAME = bytes(64)


def opened(home: Home, *, allow: bool = False) -> Height:
    """Open and close; the height of the store."""
    with opened_disk(home, load_config(home), allow_old_store=allow) as disk:
        return disk.chain.height()


def vote(height: int, round_: int = 0, kind: int = PREVOTE) -> Vote:
    return Vote(
        kind=kind,
        height=Height(height),
        round=Round(round_),
        block_id=ID,
        validator=0,
        signature=NAME,
    )


def write_log(home: Home, *records: bytes) -> None:
    home.wal.unlink(missing_ok=True)
    wal = open_wal(home.wal)
    for record in records:
        wal.append(record)
    wal.sync()
    wal.close()


def own(height: int, round_: int = 0, kind: int = PREVOTE) -> bytes:
    return event_record(Signed(message=vote(height, round_, kind)))


def sign(home: Home, height: int, round_: int, step: int) -> None:
    signer = open_signer(home.validator_key, home.signer_state)
    signer.sign(height, round_, step, b"said")
    signer.close()


def spoil(path: Path, byte: int) -> None:
    content = bytearray(path.read_bytes())
    content[byte] ^= 1
    path.write_bytes(content)


def test_a_new_home_opens_at_its_genesis(home: Home) -> None:
    assert opened(home) == 0
    assert opened(home) == 0


@pytest.mark.parametrize(
    ("message", "place"),
    [
        pytest.param(vote(7, 2), (7, 2, 2), id="a prevote"),
        pytest.param(vote(7, 2, PRECOMMIT), (7, 2, 3), id="a precommit"),
        pytest.param(
            Proposal(
                height=Height(7), round=Round(2), pol_round=NO_POL, block_id=ID, time_ms=Millis(0)
            ),
            (7, 2, 1),
            id="a proposal",
        ),
    ],
)
def test_a_message_stands_where_the_signer_counts(
    message: Vote | Proposal, place: tuple[int, int, int]
) -> None:
    """1.6.5."""
    assert place_of(message) == place


def test_a_signer_one_height_ahead_is_legal_where_the_log_leads_there(home: Home) -> None:
    """Scenario 22: what led to a word is on the disk before it is signed, and so is the lock."""
    sign(home, 1, 5, 3)
    write_log(home, height_record(Height(1)), own(1, 5, PRECOMMIT))
    assert opened(home) == 0


def test_a_word_without_the_log_that_led_to_it_is_refused_or_never_followed_by_another(
    home: Home,
) -> None:
    """1.7.6: without its lock a validator that precommitted could help to decide a second block."""
    sign(home, 1, 5, 3)
    with pytest.raises(Unavailable, match="the log is missing, and this validator signed at"):
        opened(home)
    with opened_disk(home, load_config(home), allow_old_store=True) as disk:
        assert disk.signer is not None
        with pytest.raises(Rejected, match="double_sign"):
            disk.signer.sign(1, 6, 2, b"without the lock")
        assert disk.signer.sign(2, 0, 2, b"the next height")
    home.wal.unlink(missing_ok=True)


def test_a_silent_height_stays_silent_over_a_restart(home: Home) -> None:
    sign(home, 3, 0, 1)
    opened(home, allow=True)
    with opened_disk(home, load_config(home), allow_old_store=False) as disk:
        assert disk.signer is not None
        with pytest.raises(Rejected, match="double_sign"):
            disk.signer.sign(3, 9, 3, b"still unknown")


def test_a_store_from_an_old_backup_is_refused_by_name(home: Home) -> None:
    """Scenario 28."""
    sign(home, 2, 0, 1)
    with pytest.raises(Unavailable, match="ends at height 0, but this validator signed at 2"):
        opened(home)
    assert opened(home, allow=True) == 0


def test_another_genesis_is_refused(
    home: Home, tmp_path: Path, genesis: str, config: NodeConfig
) -> None:
    opened(home)
    home.genesis.write_text(genesis.replace('salt = ""', 'salt = "x"'), encoding="utf-8")
    with pytest.raises(Unavailable, match="another chain"):
        opened(home)


def test_an_open_home_is_refused_to_a_second(home: Home) -> None:
    with opened_disk(home, load_config(home), allow_old_store=False) as disk:
        assert disk.signer is not None
        with pytest.raises(Unavailable, match="in use"):
            opened(home)
    opened(home)


def test_a_follower_s_home_is_locked_by_its_store(
    tmp_path: Path, genesis: str, config: NodeConfig
) -> None:
    seeds = Seeds(node=bytes([1]) * 32, validator=None)
    home = create_home(tmp_path / "follower", genesis, config, seeds)
    with opened_disk(home, config, allow_old_store=False) as disk:
        assert disk.signer is None
        with pytest.raises(Unavailable, match="in use"):
            opened(home)


def test_a_log_of_this_height_is_kept(home: Home) -> None:
    sign(home, 1, 0, 2)
    write_log(home, height_record(Height(1)), own(1))
    with opened_disk(home, load_config(home), allow_old_store=False) as disk:
        assert len(list(disk.wal.replay())) == 2


def test_a_log_of_another_height_is_refused_by_name(home: Home) -> None:
    write_log(home, height_record(Height(9)))
    with pytest.raises(Unavailable, match="the log is at height 9, the store asks for 1"):
        opened(home)
    assert home.wal.exists()


def test_a_log_without_the_last_word_is_refused_by_name(home: Home) -> None:
    """Scenario 25: a disk that lied about syncing lost the end of the log, at a clean cut."""
    sign(home, 1, 0, 3)
    write_log(home, height_record(Height(1)), own(1))
    with pytest.raises(Unavailable, match="does not lead to what this validator signed last"):
        opened(home)
    assert opened(home, allow=True) == 0
    assert (home.folder / "wal.aside").exists()


def test_a_log_of_a_newer_store_is_put_aside_when_the_old_store_is_allowed(home: Home) -> None:
    write_log(home, height_record(Height(9)))
    with opened_disk(home, load_config(home), allow_old_store=True) as disk:
        assert list(disk.wal.replay()) == []
    assert (home.folder / "wal.aside").exists()


def test_a_log_that_knows_more_than_the_signer_is_refused(home: Home) -> None:
    sign(home, 1, 0, 2)
    write_log(home, height_record(Height(1)), own(1, 0, PRECOMMIT))
    with pytest.raises(Unavailable, match=r"the signer state is older.*the log"):
        opened(home)


async def test_a_chain_that_knows_more_than_the_signer_is_refused(
    home: Home, running: RunNode, people: Any
) -> None:
    async with running(home) as node:
        await node.heads.wait_for(2)
        key = node.validator
    assert key is not None
    home.signer_state.write_bytes(encode_state(NOTHING_SIGNED, key))
    home.wal.unlink()
    with pytest.raises(Unavailable, match=r"the signer state is older.*carries a later vote"):
        opened(home)


@pytest.mark.parametrize(
    ("signed", "legal"),
    [
        pytest.param((1, 0, 2), True, id="nothing signed is lost with the damage"),
        pytest.param((1, 0, 3), False, id="a later word may be lost with the damage"),
    ],
)
def test_a_damaged_log_opens_only_if_no_word_is_lost(
    home: Home, signed: tuple[int, int, int], legal: bool
) -> None:
    sign(home, *signed)
    records = [height_record(Height(1)), own(1), own(1, 0, PRECOMMIT), own(1, 1)]
    write_log(home, *records)
    spoil(home.wal, sum(12 + len(record) for record in records[:2]) + 14)
    if not legal:
        with pytest.raises(Unavailable, match="the log is damaged at byte"):
            opened(home)
        return
    with opened_disk(home, load_config(home), allow_old_store=False) as disk:
        assert len(list(disk.wal.replay())) == 2
    assert (home.folder / "wal.damaged").exists()


def test_a_damaged_signer_state_is_refused(home: Home) -> None:
    spoil(home.signer_state, 40)
    with pytest.raises(Unavailable, match="signer state is damaged"):
        opened(home)


async def test_a_chain_that_shows_an_older_word_is_looked_back_upon(
    home: Home, running: RunNode, people: Any
) -> None:
    """1.6.7: the key signed block 1; that it did not sign the last one must not hide that."""
    async with running(home) as node:
        await node.heads.wait_for(2)
        key, chain = node.validator, node.disk.chain
        shown = [last_shown(chain, key, look_back) for look_back in (1, 16)] if key else []
    with opened_parts(home, load_config(home)) as (chain, _):
        last = chain.height()
        chain.store.write([(commit_key(last), None)])
        assert key is not None
        assert last_shown(chain, key, 1) == (0, 0, 0)
        assert last_shown(chain, key, 2)[0] == last - 1
        assert last_shown(chain, people.address(people.poor), 16) == (0, 0, 0)
    assert [place[0] > 0 for place in shown] == [True, True]
    home.signer_state.write_bytes(encode_state(NOTHING_SIGNED, key))
    with pytest.raises(Unavailable, match=rf"block {last - 1} carries a later vote of this key"):
        opened(home)


def test_one_key_in_two_homes_starts_once(
    home: Home, tmp_path: Path, genesis: str, config: NodeConfig
) -> None:
    """1.6.8: the lock is on the key file itself, whichever name leads to it."""
    seeds = Seeds(node=bytes([7]) * 32, validator=None)
    other = create_home(tmp_path / "other", genesis, config, seeds)
    other.validator_key.symlink_to(home.validator_key)
    other.signer_state.write_bytes(home.signer_state.read_bytes())
    with (
        opened_disk(home, load_config(home), allow_old_store=False),
        pytest.raises(Unavailable, match=r"the validator key is in use.*never run"),
    ):
        opened(other)
    assert opened(other) == 0


def test_a_state_without_its_key_is_refused(home: Home) -> None:
    home.validator_key.unlink()
    with pytest.raises(Unavailable, match="a signer state stands here, but no validator key"):
        opened(home)


def test_a_missing_signer_state_is_refused(home: Home) -> None:
    home.signer_state.unlink()
    with pytest.raises(Unavailable, match="signer state is missing"):
        opened(home)
