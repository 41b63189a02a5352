"""`tfchain wal show` and `wal check` on stopped homes, sound ones and damaged ones."""

import json
from pathlib import Path
from time import time

import pytest
from typer.testing import CliRunner

from tfchain.base.address import to_text
from tfchain.base.crypto import public_key
from tfchain.base.units import Address, Height, Millis, Round
from tfchain.bft import events as bft
from tfchain.bft.messages import Proposal, Vote
from tfchain.cli import wal
from tfchain.ledger.commit import NIL, NO_POL, PRECOMMIT, PREVOTE
from tfchain.node.config import NodeConfig, Place
from tfchain.node.disk import opened_parts
from tfchain.node.home import Home, Seeds, create_home, load_config
from tfchain.node.wal_words import kind_and_text
from tfchain.replica.log import event_record, height_record
from tfchain.store.signer_files import open_signer
from tfchain.store.wal import open_wal

SEED = bytes([1]) * 32
TEMPLATE = Path(__file__).resolve().parents[3] / "genesis" / "devnet.toml"
ID = bytes(range(32))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A validator that was opened once, at height 0."""
    name = to_text(Address(public_key(SEED)))
    text = TEMPLATE.read_text(encoding="utf-8").replace("time = 0", f"time = {int(time())}") + (
        f'[[account]]\naddress = "{name}"\nbalance = 1000000000\n'
        f'[[validator]]\nkey = "{name}"\npower = 1\nreward_account = "{name}"\n'
        f'[[guardian]]\naccount = "{name}"\n'
    )
    config = NodeConfig(p2p=Place(), http=Place())
    seeds = Seeds(node=bytes([2]) * 32, validator=SEED)
    made = create_home(tmp_path / "home", text, config, seeds)
    with opened_parts(made, config):
        pass
    return made


def vote(round_: int, kind: int, block_id: bytes = ID) -> Vote:
    return Vote(
        kind=kind,
        height=Height(1),
        round=Round(round_),
        block_id=block_id,
        validator=0,
        signature=bytes(64),
    )


def own(round_: int, kind: int) -> bytes:
    return event_record(bft.Signed(message=vote(round_, kind)))


def write(home: Home, *records: bytes) -> None:
    log = open_wal(home.wal)
    for record in records:
        log.append(record)
    log.close()


def called(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(wal.app, list(words))
    return done.exit_code, done.output


def as_json(home: Home, verb: str, *options: str) -> dict[str, object]:
    _, text = called(verb, "--home", str(home.folder), "--json", *options)
    plain = json.loads(text)
    assert isinstance(plain, dict)
    return plain


def sign(home: Home, round_: int, step: int) -> None:
    signer = open_signer(home.validator_key, home.signer_state)
    signer.sign(1, round_, step, b"said")
    signer.close()


def spoil(path: Path, byte: int) -> None:
    content = bytearray(path.read_bytes())
    content[byte] ^= 1
    path.write_bytes(content)


def test_records_are_listed_with_their_places(home: Home) -> None:
    write(home, height_record(Height(1)), own(0, PREVOTE))
    code, text = called("show", "--home", str(home.folder))
    assert code == 0
    assert "         0         9  height    height 1 begins" in text
    assert "own       prevote height 1, round 0, 0001020304050607, by validator 0" in text
    assert "2 records in" in text


def test_heights_that_are_in_the_store_are_listed_only_when_asked_for(home: Home) -> None:
    log = open_wal(home.wal)
    log.append(height_record(Height(1)))
    log.reset()
    log.append(height_record(Height(2)))
    log.close()
    kinds = [
        [row["kind"] for row in rows]
        for options in ((), ("--all",))
        if isinstance(rows := as_json(home, "show", *options)["records"], list)
    ]
    assert kinds == [["height"], ["height", "end", "height"]]


def test_torn_bytes_are_named(home: Home) -> None:
    write(home, height_record(Height(1)), own(0, PREVOTE))
    home.wal.write_bytes(home.wal.read_bytes()[:-3])
    assert as_json(home, "show")["torn_bytes"] == 12 + len(own(0, PREVOTE)) - 3
    _, text = called("show", "--home", str(home.folder))
    assert "torn end of" in text
    code, text = called("check", "--home", str(home.folder))
    assert code == 0
    assert "replay height 1 from 1 records" in text


def test_damage_is_named_and_judged(home: Home) -> None:
    """1.7.6 as an operator sees it: where, whether anything signed is lost, and the way on."""
    write(home, height_record(Height(1)), own(0, PREVOTE), own(0, PRECOMMIT), own(1, PREVOTE))
    sign(home, 0, 2)
    at = 21 + 12 + len(own(0, PREVOTE))
    spoil(home.wal, at + 14)
    _, text = called("show", "--home", str(home.folder))
    assert f"damaged at byte {at}" in text
    assert "not what was written" in text
    code, text = called("check", "--home", str(home.folder))
    assert code == 0, text
    assert "after keeping the damaged log aside" in text
    sign(home, 0, 3)
    code, text = called("check", "--home", str(home.folder))
    assert code == 1
    assert "it would refuse: the log is damaged" in text
    assert "--allow-old-store" in text
    plain = as_json(home, "check")
    assert plain["starts"] is False
    assert plain["signer"] == "height 1, round 0, precommit"


def test_a_home_without_a_log_is_checked_too(home: Home) -> None:
    code, text = called("check", "--home", str(home.folder))
    assert code == 0
    assert "log        none" in text
    assert "it would begin height 1" in text
    assert "signer     nothing" in text
    code, _ = called("show", "--home", str(home.folder))
    assert code == 1


def test_a_follower_has_no_signer(home: Home) -> None:
    home.validator_key.unlink()
    home.signer_state.unlink()
    _, text = called("check", "--home", str(home.folder))
    assert "none: this node follows" in text


def test_a_running_home_is_not_looked_into(home: Home) -> None:
    with opened_parts(home, load_config(home)):
        done = CliRunner().invoke(wal.app, ["check", "--home", str(home.folder)])
    assert "in use" in str(done.exception)


@pytest.mark.parametrize(
    ("payload", "kind", "text"),
    [
        pytest.param(b"", "end", "in the store", id="an end marker"),
        pytest.param(b"\x07", "unknown", "an unknown record", id="what nobody writes"),
        pytest.param(event_record(bft.Started()), "started", "round 0", id="a start"),
        pytest.param(
            event_record(bft.VoteReceived(vote=vote(3, PRECOMMIT, NIL))),
            "vote",
            "precommit height 1, round 3, nil, by validator 0",
            id="a vote for nothing",
        ),
        pytest.param(
            event_record(bft.TimedOut(height=Height(1), round=Round(2), step=bft.PREVOTE_STEP)),
            "timeout",
            "height 1, round 2, prevote timed out",
            id="a timeout",
        ),
        pytest.param(
            event_record(bft.BlockChecked(block_id=ID, valid=False, time_ms=Millis(5))),
            "checked",
            "0001020304050607 is invalid",
            id="a verdict",
        ),
        pytest.param(
            event_record(bft.Built(round=Round(1), block_id=ID, time_ms=Millis(5))),
            "built",
            "round 1, 0001020304050607",
            id="a block of ours",
        ),
        pytest.param(
            event_record(
                bft.ProposalReceived(
                    proposal=Proposal(
                        height=Height(1),
                        round=Round(2),
                        pol_round=1,
                        block_id=ID,
                        time_ms=Millis(5),
                        signature=bytes(64),
                    ),
                    arrival_ms=Millis(9),
                )
            ),
            "proposal",
            "of round 1 again, came at 9 ms",
            id="a proposal again",
        ),
    ],
)
def test_a_record_reads_aloud(payload: bytes, kind: str, text: str) -> None:
    found, said = kind_and_text(payload)
    assert found == kind
    assert text in said


def test_a_fresh_proposal_of_ours_says_no_earlier_round() -> None:
    message = Proposal(
        height=Height(1),
        round=Round(0),
        pol_round=NO_POL,
        block_id=ID,
        time_ms=Millis(5),
        signature=bytes(64),
    )
    kind, text = kind_and_text(event_record(bft.Signed(message=message)))
    assert (kind, text) == ("own", "proposal height 1, round 0, 0001020304050607")
