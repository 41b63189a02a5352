"""Who says two things at one place is found out, in whichever file of a log the second word stands."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.kills_words import Words
from tfchain.base.units import Height, Round
from tfchain.bft.events import Signed
from tfchain.bft.messages import Vote, sign_bytes
from tfchain.chain.genesis import read_genesis
from tfchain.ledger.commit import NIL, PREVOTE
from tfchain.node.devnet.homes import Member, Stamp, key_of, lay_out, stamped, template_text
from tfchain.replica.log import event_record, height_record
from tfchain.store.files import replace_file
from tfchain.store.signer import PREVOTE as PREVOTE_STEP
from tfchain.store.signer_files import open_signer
from tfchain.store.wal import open_wal

KEY = key_of(1, "validator/0")


@pytest.fixture
def member(tmp_path: Path) -> Member:
    genesis = stamped(template_text(), Stamp(time=1_700_000_000, salt="s"), 1, 1)
    (made,) = lay_out(tmp_path, genesis, 1, 1, "sqlite").members
    return made


@pytest.fixture
def words(member: Member) -> Iterator[Words]:
    genesis = read_genesis(member.home.genesis.read_text("utf-8"))
    gathered = Words(chain_id=genesis.params.chain_id, keys=(KEY.address,))
    yield gathered
    gathered.close()


@pytest.fixture
def say(member: Member, words: Words) -> Callable[[bytes], None]:
    """A prevote of height 1 goes into the log, past the signer."""

    def one(block_id: bytes) -> None:
        vote = Vote(
            kind=PREVOTE,
            height=Height(1),
            round=Round(0),
            block_id=block_id,
            validator=0,
            signature=bytes(64),
        )
        signature = KEY.sign(sign_bytes(words.chain_id, vote))
        log = open_wal(member.home.wal)
        log.append(height_record(Height(1)))
        log.append(event_record(Signed(message=replace(vote, signature=signature))))
        log.close()

    return one


def sign(member: Member) -> None:
    signer = open_signer(member.home.validator_key, member.home.signer_state)
    signer.sign(1, 0, PREVOTE_STEP, b"said")
    signer.close()


def test_the_same_word_again_is_no_second_one(
    member: Member, words: Words, say: Callable[[bytes], None]
) -> None:
    sign(member)
    for _ in range(2):
        say(NIL)
        words.gather(member)
    words.check_signers()
    assert (len(words.said), words.doubles, words.faults) == (1, 0, [])


def test_another_word_at_the_same_place_is_found(
    member: Member, words: Words, say: Callable[[bytes], None]
) -> None:
    sign(member)
    say(NIL)
    words.gather(member)
    say(bytes(32))
    words.gather(member)
    assert words.doubles == 1
    assert "signed two statements at (1, 0, 2)" in words.faults[0]


def test_a_log_is_read_to_its_end_when_another_follows_it(
    member: Member, words: Words, say: Callable[[bytes], None]
) -> None:
    sign(member)
    say(NIL)
    words.gather(member)
    say(bytes(32))
    replace_file(member.home.wal, b"")
    words.gather(member)
    assert (words.logs, words.doubles) == (2, 1)


def test_a_word_that_the_signer_does_not_know_is_found(
    member: Member, words: Words, say: Callable[[bytes], None]
) -> None:
    say(NIL)
    words.gather(member)
    words.check_signers()
    assert words.faults == ["validator-0 was heard at (1, 0, 2), past its signer"]
