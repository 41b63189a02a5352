"""From reports to coins in the read model: statements, a dispute, a ruling, and a receipt put right."""

import json
import sqlite3
from typing import Any

from tfchain.base import merkle
from tfchain.base.address import to_text
from tfchain.base.crypto import plain_digest
from tfchain.base.shapes import encode_record
from tfchain.base.units import (
    UTFT_PER_TFT,
    Height,
    MilliUsd,
    NodeId,
    PeriodIndex,
    Round,
    ScheduleId,
    Seconds,
    Utft,
)
from tfchain.ledger import tables
from tfchain.ledger.commit import PREVOTE
from tfchain.ledger.disputes import NamedNode
from tfchain.ledger.evidence import DoubleVote
from tfchain.ledger.measures import ApproveBatch, FixReceipt
from tfchain.ledger.minting import (
    APPROVED,
    COMMIT,
    DISPUTED,
    OPEN,
    PAID,
    POST,
    RECEIPT_TAG,
    SEALED,
)
from tfchain.tx.kinds.attest_mint import AttestMint
from tfchain.tx.kinds.dispute_nodes import DisputeNodes
from tfchain.web import receipts

BATCH = tables.batch_key(ScheduleId(0), PeriodIndex(0))


def receipt_of(town: Any) -> Any:
    return tables.RECEIPTS.need(town.state(), tables.in_batch(BATCH, 1))


def sealed(town: Any) -> None:
    """One node, up for a whole period, and nobody has committed to anything."""
    town.found()
    town.attend(4, 90)
    town.until(105)
    assert town.one("batches", period=0)["state"] == SEALED


def attested(town: Any, more: int = 0) -> str:
    batch = tables.BATCHES.need(town.state(), BATCH)
    body = AttestMint(
        schedule=batch.schedule,
        period=batch.period,
        root=batch.root,
        total=batch.total + more,
        count=batch.count,
        salt=bytes(32),
    )
    return str(town.run(town.tx(town.guardian, body))[0])


def paid(town: Any) -> None:
    """Disputed, for nobody attested in time; approved by a late word."""
    sealed(town)
    while town.one("batches", period=0)["state"] != DISPUTED:
        town.at(town.second + 5)
    assert attested(town) == "ok"
    while town.one("batches", period=0)["state"] != PAID:
        town.run()


def test_a_batch_tells_when_it_came_where(town: Any) -> None:
    paid(town)
    moves = {row["state"]: row["height"] for row in town.all("batch_moves", period=0)}
    assert list(moves) == [OPEN, POST, COMMIT, SEALED, APPROVED, PAID, DISPUTED]  # at blocks' ends
    assert moves[SEALED] < moves[DISPUTED] < moves[APPROVED] < moves[PAID]
    [said] = town.all("attestations")
    assert said["guardian"] == to_text(town.guardian.address)
    receipt, mint = receipt_of(town), town.one("mints")
    assert (mint["account"], mint["amount"]) == (to_text(receipt.account), receipt.amount)
    assert town.one("blocks", height=mint["height"])["minted"] == receipt.amount > 0
    assert town.one("receipts", period=0)["reason"] == ""


def test_lines_are_what_the_receipt_adds_up(town: Any) -> None:
    sealed(town)
    lines = town.all("lines", node_id=1)
    receipt = receipt_of(town)
    assert sum(row["credited"] for row in lines if row["start"] == receipt.start) == 60
    assert {row["verdict"] for row in lines} >= {"first", "up"}


def test_a_refused_report_is_a_line_too(town: Any) -> None:
    town.found()
    assert town.at(20, town.report(20, 10**12)) == ("bad_uptime",)
    assert town.one("lines")["verdict"] == "refused: bad_uptime"
    assert town.all("uptime_event") == []
    assert town.one("transactions", code="bad_uptime")["kind"] == "report_uptime"
    assert town.one("blocks", height=3)["refused"] == 1


def test_a_ruling_leaves_a_node_out(town: Any) -> None:
    sealed(town)
    assert attested(town, more=1) == "too_early"
    while town.one("batches", period=0)["state"] != DISPUTED:
        town.at(town.second + 5)
    assert attested(town, more=1) == "ok"
    named = NamedNode(node_id=NodeId(1), receipt=bytes(32), amount=Utft(1))
    said = DisputeNodes(schedule=ScheduleId(0), period=PeriodIndex(0), named=(named,))
    assert town.run(town.tx(town.guardian, said)) == ("ok",)
    [dispute] = town.all("disputes")
    assert json.loads(dispute["json"])["named"][0]["node_id"] == 1
    ruling = ApproveBatch(schedule=ScheduleId(0), period=PeriodIndex(0), without=(NodeId(1),))
    town.decide(ruling)
    assert json.loads(town.one("rulings")["json"])["without"] == [1]
    while town.one("batches", period=0)["state"] != PAID:
        town.run()
    assert town.one("mints")["amount"] == 0
    assert town.all("mint_transaction") == []


def test_a_receipt_is_put_right(town: Any) -> None:
    paid(town)
    receipt = receipt_of(town)
    more = FixReceipt(
        schedule=ScheduleId(0),
        period=PeriodIndex(0),
        receipt=encode_record(receipt),
        index=0,
        path=(),
        uptime=Seconds(60),
        cu=receipt.cu,
        su=receipt.su,
        nu=0,
        musd=MilliUsd(receipt.musd + 1_000),
        amount=Utft(receipt.amount + 777),
        correct_receipt=b"\x05" * 32,
    )
    assert merkle.leaf_hash(RECEIPT_TAG, encode_record(receipt)) == bytes.fromhex(
        town.one("batches", period=0)["root"]
    )
    town.decide(more)
    fixup = town.one("fixups")
    assert fixup["text_hash"] == plain_digest(fixup["text"].encode()).hex()
    assert json.loads(fixup["text"])["fixup_reward"] == {"musd": 1_000, "tft": 777}
    town.run()
    assert town.one("fixup_mints")["amount"] == 777
    assert town.all("mint_transaction")[-1]["amount"] == 777
    assert town.one("blocks", height=town.one("fixup_mints")["height"])["minted"] == 777


def test_the_receipts_api_shows_the_fixup_behind_the_receipt(town: Any) -> None:
    test_a_receipt_is_put_right(town)
    fixup, receipt = town.one("fixups"), town.one("receipts", period=0)
    shown = json.loads(receipts.of_node(connection_of(town), 1))
    assert [next(iter(row["receipt"])) for row in shown] == ["Minting", "Fixup"]
    assert [row["hash"] for row in shown] == [receipt["text_hash"], fixup["text_hash"]]
    assert shown[1]["receipt"]["Fixup"]["minted_receipt"] == receipt["text_hash"]
    alone = receipts.by_hash(connection_of(town), fixup["text_hash"])
    assert alone == f'{{"Fixup":{fixup["text"]}}}'


def connection_of(town: Any) -> sqlite3.Connection:
    connection: sqlite3.Connection = town.model._connection
    connection.row_factory = sqlite3.Row
    return connection


def test_who_signs_twice_is_told(town: Any) -> None:
    town.found()
    member = town.tip.validators.validators[0]
    piece = DoubleVote(
        validator=member.address,
        kind=PREVOTE,
        height=Height(1),
        round=Round(0),
        first_id=bytes([1]) * 32,
        first_signature=bytes(64),
        second_id=bytes([2]) * 32,
        second_signature=bytes(64),
    )
    town.at(10, evidence=(piece,))
    fault = town.one("faults")
    assert (fault["validator"], fault["twice"]) == (member.address.hex(), "prevotes")
    assert (fault["height"], fault["fault_height"]) == (3, 1)
    assert town.one("seats")["bond"] == 0
    assert town.one("burn_transaction")["amount"] == 100 * UTFT_PER_TFT


def test_a_vote_that_is_missing_is_noted_once_the_next_block_tells(town: Any) -> None:
    town.found()
    assert town.one("blocks", height=1)["missed"] == 0
    assert town.one("blocks", height=2)["missed"] is None
    assert town.all("missed_votes") == []
