"""`tfchain statement --page`: all that a farmer asks for, on one page that stands alone."""

import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tfchain.base.units import NodeId, PeriodIndex
from tfchain.chain.statement import Statement
from tfchain.cli import main
from tfchain.cli import statement as verb
from tfchain.cli.front import front
from tfchain.cli.report import statement_page as pages
from tfchain.cli.report.statement_page import statement_page
from tfchain.rules.regime import BELOW_SLA
from tfchain.web.pages.words import plain_tft, usd, utc


@pytest.fixture(scope="module")
def recorded(golden_folder: Path) -> Path:
    return golden_folder / "devnet.tfc"


@pytest.fixture(scope="module")
def slept(recorded: Path) -> Statement:
    """A node that the farmerbot sent to sleep and woke again."""
    return verb.statement_of(recorded, NodeId(10), PeriodIndex(0))


@pytest.fixture(scope="module")
def violated(recorded: Path) -> Statement:
    return verb.statement_of(recorded, NodeId(4), PeriodIndex(0))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.asks: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # type: ignore[explicit-override]
        self.tags.append(tag)
        self.asks += [str(value) for name, value in attrs if name in ("src", "href")]


def _cells(page: str, table: str) -> Iterator[list[str]]:
    body = page.partition(f'id="{table}-caption"')[2].partition("</table>")[0]
    for line in re.findall(r"<tr role=\"row\">(.*?)</tr>", body, re.DOTALL)[1:]:
        yield [re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<td.*?</td>", line)]


def _shown(page: str, place: str) -> str:
    return re.sub(r"<[^>]+>", "", re.findall(rf'id="{place}">(.*?)</d', page, re.DOTALL)[0])


def test_the_page_says_what_it_came_to(slept: Statement) -> None:
    page, receipt = statement_page(slept), slept.receipt
    assert slept.mint is not None
    assert slept.payout is not None
    assert _shown(page, "price") == f"{usd(receipt.connection_price)} USD a TFT"
    assert _shown(page, "usd") == f"{usd(receipt.musd)} USD"
    assert _shown(page, "owed") == f"{plain_tft(receipt.amount)} TFT"
    assert _shown(page, "minted") == f"{plain_tft(slept.mint.amount)} TFT"
    assert _shown(page, "block") == str(slept.mint.height)
    assert _shown(page, "date") == f"{utc(slept.payout.time)} UTC"
    assert _shown(page, "transaction") == slept.payout.transaction.hex()
    assert _shown(page, "n-credited") == f"{slept.credited}"


def test_every_line_is_on_the_page(slept: Statement) -> None:
    rows = list(_cells(statement_page(slept), "lines-table"))
    assert [row[-1] for row in rows] == [line.verdict for line in slept.lines]
    assert [row[5] for row in rows] == [str(line.credited) for line in slept.lines]


def test_every_sleep_and_wake_has_its_verdict(slept: Statement) -> None:
    told = [(row[2], row[4]) for row in _cells(statement_page(slept), "power-table")]
    ends = [line for line in slept.lines if line.what != "report" or line.verdict == "slept"]
    assert told == [(line.what, line.verdict) for line in ends]
    assert {("asked to sleep", "noted"), ("sleep", "sleeps"), ("report", "slept")} < set(told)


def test_every_downtime_is_on_the_page(violated: Statement) -> None:
    told = list(_cells(statement_page(violated), "down-table"))
    assert told == [
        [utc(since), utc(until), str(until - since)] for since, until in violated.downtimes
    ]
    assert told


def test_a_violation_is_told_with_its_evidence(violated: Statement) -> None:
    page = statement_page(violated)
    assert "Violation: uptime_too_high." in page
    assert f"last report at {violated.receipt.evidence[0]}" in page


def test_the_running_period_says_that_it_runs(recorded: Path) -> None:
    page = statement_page(verb.statement_of(recorded, NodeId(1), None))
    assert "Not settled yet." in page
    for absent in ('id="minted"', 'id="transaction"', 'id="leaf"'):
        assert absent not in page


def test_an_unpaid_period_says_why(slept: Statement) -> None:
    unpaid = replace(slept, receipt=replace(slept.receipt, reason=BELOW_SLA))
    assert f"The reason: {BELOW_SLA}." in statement_page(unpaid)


def test_a_node_that_said_nothing_has_a_page(slept: Statement) -> None:
    page = statement_page(replace(slept, lines=(), downtimes=()))
    for text in ("Nothing was reported.", "never asked to sleep", "Every second of the period"):
        assert text in page


def test_long_tables_are_cut(slept: Statement, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "LINE_ROWS", 2)
    page = statement_page(slept)
    assert len(list(_cells(page, "lines-table"))) == 2
    assert f"{len(slept.lines) - 2} more in the CSV" in page


def test_the_page_stands_alone(slept: Statement) -> None:
    reader = _Reader()
    reader.feed(statement_page(slept))
    assert "script" not in reader.tags
    assert set(reader.asks) <= {"data:,", "#statement"}


def test_a_hostile_name_is_only_a_name(slept: Statement) -> None:
    hostile = "<script>alert(1)</script>&\u202e"
    named = replace(slept, chain_id=hostile, receipt=replace(slept.receipt, farm_name=hostile))
    page = statement_page(named)
    assert "<script" not in page
    assert "\u202e" not in page


def test_the_page_goes_to_a_file(recorded: Path, tmp_path: Path, slept: Statement) -> None:
    path = tmp_path / "page.html"
    line = ["statement", str(recorded), "--node", "10", "--period", "0", "--page", str(path)]
    result = CliRunner().invoke(front(main.VERBS, main.VERBS), line)
    assert result.exit_code == 0
    assert path.read_text(encoding="utf-8") == statement_page(slept)
