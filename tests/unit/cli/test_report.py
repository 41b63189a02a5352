"""The audit's report: tables in the public program's layout, one page that trusts no name, whole or not there."""

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

import pytest

from tfchain.base.address import from_text, to_text
from tfchain.base.crypto import plain_digest
from tfchain.base.shapes import encode_record
from tfchain.base.units import (
    UTFT_PER_TFT,
    Address,
    FarmId,
    Height,
    MilliUsd,
    NodeId,
    PeriodIndex,
    PolicyId,
    Round,
    ScheduleId,
    Seconds,
    TwinId,
    Utft,
)
from tfchain.chain import audit_report as audited
from tfchain.chain.audit_report import MintingBlock, Report
from tfchain.chain.receipts import receipt_id
from tfchain.cli.report import folder
from tfchain.cli.report.figures import (
    FAULT_ROWS,
    MINT_ROWS,
    MOVED_ROWS,
    NODE_ROWS,
    Figures,
    band_of,
    has_moved,
)
from tfchain.cli.report.page import page
from tfchain.cli.report.settled import Settled, settled
from tfchain.cli.report.write import write_report
from tfchain.ledger import tables
from tfchain.ledger.commit import NIL, PREVOTE
from tfchain.ledger.evidence import DoubleVote
from tfchain.ledger.minting import (
    DISPUTED,
    OPEN,
    PAID,
    SEALED,
    Answer,
    Batch,
    MintRecord,
    Receipt,
)
from tfchain.ledger.records import Resources
from tfchain.ledger.uptime import (
    BOOT_REQUEST_EXPIRED,
    CLOCK_SKEW,
    MISSING_RELAY,
    UPTIME_TOO_HIGH,
)
from tfchain.ledger.validators import ValidatorAddress
from tfchain.rules.regime import BELOW_SLA, VIOLATION, VIRTUALIZED

GIB: Final = 1 << 30
START: Final = 1_700_000_000
MONTH: Final = 2_630_880
GUARDIAN: Final = Address(bytes([7]) * 32)
HOSTILE: Final = "<script>alert('\"1\"')</script>&\u202e"
"""What nobody may register on this ledger, but what an imported chain may hold."""

Change = Callable[[Receipt], Receipt]


def _receipt(node: int, period: int = 0, farm: int = 1) -> Receipt:
    """A node of 8 cores that was up for the whole month: 278.325 TFT."""
    start = START + period * MONTH
    return Receipt(
        schedule=ScheduleId(0),
        period=PeriodIndex(period),
        node_id=NodeId(node),
        twin_id=TwinId(node + 100),
        farm_id=FarmId(farm),
        farm_name=f"farm-{farm}",
        stellar_address="GAAAWHF" if farm == 2 else "",
        account=Address(bytes([farm]) * 32),
        regime=3,
        start=Seconds(start),
        end=Seconds(start + MONTH),
        uptime=Seconds(MONTH),
        uptime_permille=1_000,
        floor_permille=950,
        cru=8,
        mru=32 * GIB,
        hru=2_000 * GIB,
        sru=500 * GIB + GIB // 2,
        cu=7_750_000,
        su=3_666_666,
        nu=0,
        ip_seconds=5_400,
        policy_id=PolicyId(1),
        price_cu=2_400,
        price_su=1_000,
        price_nu=30,
        price_ipv4=5,
        minimal_uptime=95,
        certified=False,
        connection_price=MilliUsd(80),
        base_musd=22_266,
        musd=22_266,
        violation=0,
        evidence=(),
        slow_boots=0,
        reason="",
        amount=Utft(2_783_250_000),
        text_hash=b"",
        in_use=Resources(cru=0, mru=0, hru=0, sru=0),
    )


def _unpaid(receipt: Receipt, reason: str) -> Receipt:
    return replace(receipt, musd=0, amount=Utft(0), reason=reason)


def _violated(receipt: Receipt, violation: int, *evidence: int) -> Receipt:
    return replace(_unpaid(receipt, VIOLATION), violation=violation, evidence=evidence)


def _batch(receipts: Sequence[Receipt], state: int = PAID) -> Batch:
    """The batch of these receipts. Its root is any: the report says what the audit found."""
    first, total = receipts[0], sum(row.amount for row in receipts)
    return Batch(
        schedule=first.schedule,
        period=first.period,
        start=first.start,
        end=first.end,
        state=state,
        commit_until=Seconds(0),
        attest_until=Seconds(0),
        pay_at=Seconds(0),
        node_last=NodeId(max(row.node_id for row in receipts)),
        cursor=0,
        count=len(receipts),
        total=total,
        frontier=(),
        root=plain_digest(bytes([first.period])),
        kept=0,
        guardians=(GUARDIAN,),
        answers=(Answer(guardian=GUARDIAN, agrees=True, late=False),),
        payable=total,
        pay_cursor=0,
        minted=total if state == PAID else 0,
        mints_count=0,
        mints_frontier=(),
        mints_root=b"",
    )


class Found:
    """An audited chain: its rows, and what the audit says of it."""

    def __init__(self) -> None:
        self.rows: dict[bytes, bytes] = {}
        self.report = Report(
            chain_id="test-00000000",
            genesis_hash=bytes([1]) * 32,
            height=1_234,
            block_id=bytes([2]) * 32,
            state_root=bytes([3]) * 32,
            transactions=5_678,
            signatures=9_012,
            supply_genesis=1_000 * UTFT_PER_TFT,
        )

    def add(self, receipts: Sequence[Receipt], **changes: object) -> Batch:
        """A batch; a paid one with its mint records."""
        batch = replace(_batch(receipts), **changes)  # type: ignore[arg-type]
        name = tables.batch_key(batch.schedule, batch.period)
        self.rows[tables.BATCHES.stored_at(name)] = encode_record(batch)
        for row in receipts:
            place = tables.in_batch(name, row.node_id)
            self.rows[tables.RECEIPTS.stored_at(place)] = encode_record(row)
            if batch.state == PAID:
                self.rows[tables.MINTS.stored_at(place)] = encode_record(_mint(row))
        self._count(batch)
        return batch

    def _count(self, batch: Batch) -> None:
        report = self.report
        report.batches.append(batch)
        report.receipts_compared += batch.count
        if batch.state >= SEALED:
            report.second[batch.schedule, batch.period] = batch.root
        if batch.minted:
            block = MintingBlock(
                height=100 + batch.period,
                schedule=batch.schedule,
                period=batch.period,
                root=batch.root,
                nodes=batch.count,
                amount=batch.minted,
            )
            report.minting_blocks.append(block)
            report.supply_minted += batch.minted
        report.supply_held = report.supply_genesis + report.supply_minted


def _mint(receipt: Receipt) -> MintRecord:
    return MintRecord(
        schedule=receipt.schedule,
        period=receipt.period,
        node_id=receipt.node_id,
        account=receipt.account,
        owed=receipt.amount,
        amount=receipt.amount,
        lock=0,
        receipt=receipt_id(receipt),
        height=Height(100 + receipt.period),
    )


@pytest.fixture
def found() -> Found:
    """A paid batch of four nodes in two farms; one has a violation, one was not up enough."""
    chain = Found()
    chain.add(
        [
            _receipt(1),
            _violated(_receipt(2), UPTIME_TOO_HIGH, START + 1, 5, START + 9, 70, START + 10),
            _unpaid(replace(_receipt(4, farm=2), uptime_permille=900), BELOW_SLA),
            _receipt(5, farm=2),
        ]
    )
    return chain


def _write(place: Path, chain: Found, trusted: int | None = None) -> Path:
    write_report(place, chain.report, chain.rows, trusted, lambda _: None)
    return place


def _csv(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def _page(chain: Found, trusted: int | None = None) -> str:
    figures = Figures()
    for batch in chain.report.batches:
        figures.begin(batch)
        for line in settled(chain.rows, batch):
            figures.add(line, None)
    return page(chain.report, figures, trusted)


# --- tables -----------------------------------------------------------------------------------------


def test_the_overview_has_the_public_layout(tmp_path: Path, found: Found) -> None:
    """Heading, order, units and signs as the public program writes them, to the byte."""
    text = (_write(tmp_path / "r", found) / "overview.csv").read_text(encoding="utf-8")
    heading, first = text.splitlines()[:2]
    assert heading == (
        "node id,twin id,farm name (farm id),period start,period end,measured uptime,CU,SU,NU,"
        "USD reward,TFT reward,TFT price on connect,carbon offset USD generated,"
        "carbon offset TFT generated,cru,cru used,mru,mru used,hru,hru used,sru,sru used,IP used,"
        "DIY state,Virtualized,violation,stellar address"
    )
    assert first == (
        "1,101,farm-1 (1),2023-11-14 22:13:20 UTC,2023-12-15 09:01:20 UTC,2630880,7.750000,"
        "3.666666,0.000000,22.266 $,278.3250000,0.080 $,0.000 $,0.0000000 TFT,8,0.00%,32,0.00%,"
        "2000,0.00%,500.5,0.00%,1.50 hours,DIY,false,,"
    )
    assert text.count("\n") == 5
    assert "\r" not in text


@pytest.mark.parametrize(
    ("change", "column", "shown"),
    [
        pytest.param(
            lambda row: replace(row, certified=True), "DIY state", "CERTIFIED", id="certified"
        ),
        pytest.param(
            lambda row: _unpaid(row, VIRTUALIZED), "Virtualized", "true", id="a virtual machine"
        ),
        pytest.param(
            lambda row: _violated(row, UPTIME_TOO_HIGH, 1, 2, 3, 4, 5),
            "violation",
            "uptime_too_high | last report at 1 with uptime 2; report at 3 with uptime 4;"
            " in the block of 5",
            id="a violation with its reports",
        ),
        pytest.param(
            lambda row: _violated(row, CLOCK_SKEW, 1, 2, 3, 4, 5, 6, 7),
            "violation",
            "clock_skew | last report at 1 with uptime 2; report at 3 with uptime 4;"
            " in the block of 5; boot seen at 6 with uptime 7",
            id="a clock that drifts",
        ),
        pytest.param(
            lambda row: _violated(row, BOOT_REQUEST_EXPIRED, 3),
            "violation",
            "boot_request_expired | slow boots 3",
            id="slow boots",
        ),
        pytest.param(
            lambda row: _violated(row, MISSING_RELAY), "violation", "missing_relay", id="bare"
        ),
        pytest.param(
            lambda row: replace(row, farm_name="=cmd|' /C calc'!A0"),
            "farm name (farm id)",
            "'=cmd|' /C calc'!A0 (1)",
            id="a formula in disguise",
        ),
        pytest.param(
            lambda row: replace(row, farm_name='a,"b"\nc'),
            "farm name (farm id)",
            'a,"b"\N{REPLACEMENT CHARACTER}c (1)',
            id="a name that breaks lines",
        ),
        pytest.param(
            lambda row: replace(row, mru=1), "mru", "0.0000000009313225746154785", id="a byte"
        ),
        pytest.param(
            lambda row: replace(row, end=Seconds(1 << 60)),
            "period end",
            "1152921504606846976 s UTC",
            id="beyond every calendar",
        ),
    ],
)
def test_a_field_says_what_it_must(
    tmp_path: Path, found: Found, change: Change, column: str, shown: str
) -> None:
    found.add([change(_receipt(9, period=1))])
    heading, *lines = _csv(_write(tmp_path / "r", found) / "overview.csv")
    row = next(dict(zip(heading, line, strict=True)) for line in lines if line[0] == "9")
    assert row[column] == shown


def test_payouts_name_account_amount_and_receipt(tmp_path: Path, found: Found) -> None:
    """No heading; who is paid nothing has no line; the hash is that of the receipt's v3 text."""
    place = _write(tmp_path / "r", found)
    lines = _csv(place / "payouts.csv")
    assert [from_text(line[0]) for line in lines] == [bytes([1]) * 32, bytes([2]) * 32]
    assert [line[1] for line in lines] == ["278.3250000", "278.3250000"]
    kept = [json.loads(line) for line in (place / "receipts.jsonl").read_text().splitlines()]
    assert [line[2] for line in lines] == [kept[0]["hash"], kept[3]["hash"]]
    assert all(plain_digest(row["receipt"].encode()).hex() == row["hash"] for row in kept)


def test_receipts_carry_leaf_reason_and_coins(tmp_path: Path, found: Found) -> None:
    kept = (_write(tmp_path / "r", found) / "receipts.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in kept.splitlines()]
    assert [row["node_id"] for row in rows] == [1, 2, 4, 5]
    assert rows[0]["leaf"] == receipt_id(_receipt(1)).hex()
    assert (rows[0]["owed"], rows[0]["pay"], rows[0]["minted_in"]) == (
        "2783250000",
        "2783250000",
        100,
    )
    assert [row["violation"] for row in rows] == ["", "uptime_too_high", "", ""]
    assert [row["reason"] for row in rows] == ["", "violation", "below_sla", ""]
    assert rows[0]["account"] == to_text(Address(bytes([1]) * 32))


@pytest.mark.parametrize(
    ("state", "payable", "paid"),
    [
        pytest.param(SEALED, 2_783_250_000, ["278.3250000"], id="sealed: as owed"),
        pytest.param(SEALED, 1_000, ["0.0001000"], id="cut at the supply cap"),
        pytest.param(DISPUTED, 2_783_250_000, [], id="disputed: nobody is paid"),
    ],
)
def test_what_is_not_minted_yet(tmp_path: Path, state: int, payable: int, paid: list[str]) -> None:
    chain = Found()
    chain.add([_receipt(1)], state=state, payable=payable, minted=0)
    place = _write(tmp_path / "r", chain)
    assert [line[1] for line in _csv(place / "payouts.csv")] == paid
    assert json.loads((place / "receipts.jsonl").read_text())["minted_in"] is None


def test_several_batches_have_files_of_their_own_too(tmp_path: Path, found: Found) -> None:
    found.add([_receipt(1, period=1), _receipt(2, period=1)])
    place = _write(tmp_path / "r", found)
    for period, count in ((0, 4), (1, 2)):
        own = place / "batches" / f"0-{period}"
        assert len(_csv(own / "overview.csv")) == 1 + count
        assert len((own / "receipts.jsonl").read_text().splitlines()) == count
        assert len(_csv(own / "payouts.csv")) == 2
    assert len(_csv(place / "overview.csv")) == 1 + 4 + 2
    assert [line[3][:10] for line in _csv(place / "overview.csv")[4:6]] == [
        "2023-11-14",
        "2023-12-15",
    ]


def test_every_batch_is_listed_with_its_proof_of_capacity(tmp_path: Path, found: Found) -> None:
    found.add([_receipt(1, period=1)], state=OPEN, root=b"", count=0, total=0, minted=0)
    heading, paid, running = _csv(_write(tmp_path / "r", found) / "batches.csv")
    row = dict(zip(heading, paid, strict=True))
    assert row["proof_of_capacity"] == row["second_program"] == plain_digest(bytes([0])).hex()
    assert (row["state"], row["receipts"], row["owed"], row["minted"]) == (
        "paid",
        "4",
        "5566500000",
        "5566500000",
    )
    assert (row["guardians"], row["guardians_agree"]) == ("1", "1")
    assert running[4:] == ["open", "0", "0", "0", "", "", "1", "1"]


def test_one_batch_needs_no_folder_for_it(tmp_path: Path, found: Found) -> None:
    found.add([_receipt(1, period=1)], state=OPEN, root=b"", count=0, total=0, minted=0)
    place = _write(tmp_path / "r", found)
    assert {path.name for path in place.iterdir()} == folder.WHOLE


def test_a_chain_without_a_batch_has_a_report_too(tmp_path: Path) -> None:
    place = _write(tmp_path / "r", Found())
    assert len(_csv(place / "overview.csv")) == 1
    assert (place / "payouts.csv").read_text() == (place / "receipts.jsonl").read_text() == ""
    text = (place / "index.html").read_text(encoding="utf-8")
    assert "No batch is settled yet." in text
    assert "Nothing has been minted yet." in text


def test_the_same_audit_gives_the_same_bytes(tmp_path: Path, found: Found) -> None:
    one, other = _write(tmp_path / "one", found), _write(tmp_path / "other", found)
    for name in folder.WHOLE:
        assert (one / name).read_bytes() == (other / name).read_bytes()


def test_progress_counts_the_receipts(tmp_path: Path, found: Found) -> None:
    seen: list[int] = []
    write_report(tmp_path / "r", found.report, found.rows, None, seen.append)
    assert sum(seen) == found.report.receipts_compared


# --- the page ---------------------------------------------------------------------------------------


class Outline(HTMLParser):
    """Elements of a page, what they refer to, and whether each is closed where it must be."""

    VOID: Final = frozenset({"meta", "link"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.words = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(  # type: ignore[explicit-override]
        self, tag: str, attrs: list[tuple[str, str | None]]
    ) -> None:
        self.names.append(tag)
        for name, value in attrs:
            assert not name.startswith("on"), name
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src", "srcset", "action", "xlink:href", "data"):
                self.references.append(value or "")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(  # type: ignore[explicit-override]
        self, tag: str, attrs: list[tuple[str, str | None]]
    ) -> None:
        self.names.append(tag)

    def handle_endtag(self, tag: str) -> None:  # type: ignore[explicit-override]
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:  # type: ignore[explicit-override]
        if "style" not in self.open:
            self.words += data


def test_the_page_stands_alone(found: Found) -> None:
    """No script, no font, no picture: nothing that a browser would have to fetch."""
    text = _page(found)
    outline = Outline(text)
    assert "script" not in outline.names
    assert all(name.startswith("#") or name == "data:," for name in outline.references)
    assert "default-src 'none'" in text
    assert "://" not in text
    assert "url(" not in text
    assert "@import" not in text


def test_every_link_has_a_place(found: Found) -> None:
    outline = Outline(_page(found))
    places = {name.removeprefix("#") for name in outline.references if name.startswith("#")}
    assert places <= set(outline.ids)
    assert len(outline.ids) == len(set(outline.ids))


def test_a_hostile_name_is_only_a_name() -> None:
    """In tables, in charts, in the title: it is read as it stands, and its tricks are shown as marks."""
    chain = Found()
    chain.report.chain_id = HOSTILE
    chain.add([replace(_violated(_receipt(1), UPTIME_TOO_HIGH, 1, 2, 3, 4, 5), farm_name=HOSTILE)])
    chain.add([replace(_receipt(1, period=1), farm_name=HOSTILE)])
    text = _page(chain)
    outline = Outline(text)
    assert "<script" not in text
    assert "script" not in outline.names
    assert "\u202e" not in text
    shown = HOSTILE.replace("\u202e", "\N{REPLACEMENT CHARACTER}")
    assert outline.words.count(shown) >= 4


def test_the_page_says_what_was_audited(found: Found) -> None:
    words = Outline(_page(found)).words
    report = found.report
    for hashed in (report.genesis_hash, report.block_id, report.state_root, report.batches[0].root):
        assert hashed.hex() in words
    for number in ("1 to 1,234", "5,678", "9,012", "556.6500000", "1,000.0000000", "1,556.6500000"):
        assert number in words
    assert "1 of 1 agree" in words
    assert "equal" in words
    assert "Consistent, not anchored." in words


def test_an_anchored_history_says_where(found: Found) -> None:
    found.report.anchored = True
    words = Outline(_page(found, trusted=1_000)).words
    assert "Anchored." in words
    assert "not anchored" not in words
    assert "at height 1,000" in words


def test_a_violation_shows_its_evidence(found: Found) -> None:
    words = Outline(_page(found)).words
    assert (
        f"last report at {START + 1} with uptime 5; report at {START + 9} with uptime 70" in words
    )
    assert "Receipts with a violation: 1 of 4." in words
    assert "up, but less than its agreement asks for" in words


def test_evidence_is_shown_with_what_it_burned(found: Found) -> None:
    assert "No validator was caught" in _page(found)
    pieces = [
        DoubleVote(
            validator=ValidatorAddress(bytes([number]) * 20),
            kind=PREVOTE,
            height=Height(number),
            round=Round(3),
            first_id=NIL,
            first_signature=bytes(64),
            second_id=bytes(32),
            second_signature=bytes(64),
        )
        for number in range(101, FAULT_ROWS + 103)
    ]
    found.report.faults = [
        audited.Found(block=piece.height + 1, piece=piece, burned=10_000_000) for piece in pieces
    ]
    found.report.supply_burned = 10_000_000
    shown = _page(found)
    for text in ("prevotes", f"<code>{'8e' * 20}</code>", "TFT burned", "2 more in what"):
        assert text in shown, text
    assert "66" * 20 not in shown, "the newest are shown"
    assert shown.index("8e" * 20) < shown.index("67" * 20)


def test_a_large_network_is_cut_to_size(tmp_path: Path) -> None:
    """Tables say how many rows are elsewhere; the page of thousands of nodes is not much longer."""
    chain = Found()
    chain.add([_receipt(node, farm=node) for node in range(1, 250)])
    place = _write(tmp_path / "r", chain)
    text = (place / "index.html").read_text(encoding="utf-8")
    assert f"{249 - NODE_ROWS} more in overview.csv and payouts.csv" in text
    assert "239 more in payouts.csv" in text
    assert "224 more in overview.csv" in text
    assert len(text) < 400_000
    assert len(_csv(place / "payouts.csv")) == 249


def test_many_mints_add_up(tmp_path: Path) -> None:
    """More batches than the page has rows for: the newest stay, the rest is in a file."""
    chain = Found()
    for period in range(MINT_ROWS + 3):
        chain.add([_receipt(1, period=period)])
    text = (_write(tmp_path / "r", chain) / "index.html").read_text(encoding="utf-8")
    mints = text[text.index("mints-table-caption") :].partition("</div>")[0]
    assert mints.count('<tr role="row">') == 1 + MINT_ROWS
    assert "3 more in batches.csv" in text
    first = chain.report.supply_genesis + 4 * 2_783_250_000
    assert f"{first // UTFT_PER_TFT:,}.{first % UTFT_PER_TFT:07d}" in mints


def test_the_largest_changes_of_pay_stay() -> None:
    """Of more than there is room for, in whatever order they come."""
    figures, before = Figures(), _receipt(1)
    receipts = [replace(_receipt(1, period=1), amount=Utft(7 * 10**9 + at)) for at in range(99)]
    figures.begin(_batch(receipts))
    for receipt in receipts:
        figures.add(Settled(receipt=receipt, mint=None, pay=receipt.amount), before)
    for receipt in receipts:
        figures.add(Settled(receipt=receipt, mint=None, pay=receipt.amount), before)
    assert figures.moved_count == 198
    top = [one.after.amount - 7 * 10**9 for one in figures.moved]
    assert top == sorted(top, reverse=True)
    assert len(top) == MOVED_ROWS
    assert (top[0], top[1], top[-1]) == (98, 98, 99 - MOVED_ROWS // 2)
    assert [line.pay - 7 * 10**9 for line in figures.largest] == [
        98,
        98,
        97,
        97,
        96,
        96,
        95,
        95,
        94,
        94,
    ]


def test_mints_of_a_batch_may_stand_in_several_blocks(tmp_path: Path, found: Found) -> None:
    found.report.minting_blocks.append(
        replace(found.report.minting_blocks[0], height=107, amount=0)
    )
    text = (_write(tmp_path / "r", found) / "index.html").read_text(encoding="utf-8")
    assert "100 to 107" in text


def test_pay_that_moved_is_shown(tmp_path: Path, found: Found) -> None:
    """Node 1 falls to nothing, node 4 rises from nothing to more, node 5 stays, node 7 is new."""
    second = [
        _unpaid(_receipt(1, period=1), BELOW_SLA),
        replace(_receipt(4, period=1, farm=2), amount=Utft(9_000_000_000)),
        _receipt(5, period=1, farm=2),
        _receipt(7, period=1),
    ]
    found.add(second)
    text = (_write(tmp_path / "r", found) / "index.html").read_text(encoding="utf-8")
    table = text[text.index("moved-table-caption") :].partition("</table>")[0]
    nodes = [
        part.partition("<bdi>")[2].partition("</bdi>")[0]
        for part in table.split('data-label="Node"')[1:]
    ]
    assert nodes == ["4", "1"]


@pytest.mark.parametrize(
    ("before", "after", "moved"),
    [
        pytest.param(100, 100, False, id="the same"),
        pytest.param(100, 50, False, id="half is not more than half"),
        pytest.param(100, 49, True, id="less than half"),
        pytest.param(100, 150, False, id="half as much again"),
        pytest.param(100, 151, True, id="more than that"),
        pytest.param(0, 1, True, id="from nothing"),
        pytest.param(0, 0, False, id="still nothing"),
    ],
)
def test_pay_moves_by_more_than_half(before: int, after: int, moved: bool) -> None:
    assert has_moved(before, after) is moved


@pytest.mark.parametrize(
    ("uptime", "band"), [(1_000, 1_000), (999, 990), (950, 950), (949, 900), (1, 1), (0, 0)]
)
def test_an_uptime_falls_into_one_band(uptime: int, band: int) -> None:
    assert band_of(uptime) == band
