"""What an audit says of evidence: who, what, where, and what it cost."""

from tfchain.base.units import Height, Round
from tfchain.chain.audit_report import Found, Report
from tfchain.cli.audit import lines_of
from tfchain.ledger.commit import PREVOTE
from tfchain.ledger.evidence import DoubleVote

WHO = bytes(range(20))
PIECE = DoubleVote(
    validator=WHO,
    kind=PREVOTE,
    height=Height(7),
    round=Round(1),
    first_id=b"",
    first_signature=bytes(64),
    second_id=bytes(32),
    second_signature=bytes(64),
)
REPORT = Report(chain_id="devnet-1", genesis_hash=bytes(32))


def test_who_signed_twice_is_named_with_what_was_burned() -> None:
    report = Report(
        chain_id="devnet-1",
        genesis_hash=bytes(32),
        supply_genesis=50_000_000,
        supply_burned=10_000_000,
        supply_held=40_000_000,
        faults=[Found(block=9, piece=PIECE, burned=10_000_000)],
    )
    told = list(lines_of(report))
    assert (
        f"fault       block 9: validator {WHO.hex()} signed two prevotes at height 7, round 1;"
        " 1.0000000 TFT burned"
    ) in told
    assert (
        "supply      genesis 5.0000000 TFT + minted 0.0000000 TFT - burned 1.0000000 TFT"
        " = held 4.0000000 TFT"
    ) in told


def test_where_nobody_did_nothing_is_said_of_it() -> None:
    assert not [line for line in lines_of(REPORT) if "fault" in line or "burned" in line]
