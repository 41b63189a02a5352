"""`tfchain audit --report DIR`: what an audit found, as tables for programs and a page for people.

Nothing in it depends on the day, the machine or the path: two guardians who audited the same blocks
get the same bytes, and may compare the hashes of what they look at.
"""

import csv
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from tfchain.base.units import PeriodIndex
from tfchain.chain.audit_report import Report
from tfchain.chain.receipts import v3_text
from tfchain.cli.report import folder, rows
from tfchain.cli.report.figures import Figures
from tfchain.cli.report.page import page
from tfchain.cli.report.settled import Settled, is_settled, receipt_of, settled
from tfchain.ledger import tables
from tfchain.ledger.minting import Batch, Receipt
from tfchain.ledger.state import Reader

Advance = Callable[[int], None]
"""Told how many more receipts are written."""


class _Files:
    """The three files of a folder, open. Lines end with a line feed alone, as in the originals."""

    def __init__(self, stack: ExitStack, place: Path) -> None:
        self._overview = _opened(stack, place / folder.OVERVIEW)
        self._payouts = _opened(stack, place / folder.PAYOUTS)
        self._receipts = _opened(stack, place / folder.RECEIPTS)
        self._to_overview = csv.writer(self._overview, lineterminator="\n")
        self._to_payouts = csv.writer(self._payouts, lineterminator="\n")
        self._to_overview.writerow(rows.OVERVIEW)

    def add(self, line: Settled, text: str) -> None:
        """A receipt into each file that has a line for it."""
        self._to_overview.writerow(rows.overview_line(line))
        self._receipts.write(rows.json_line(line, text))
        if line.pay:
            self._to_payouts.writerow(rows.payouts_line(line, text))


def _opened(stack: ExitStack, path: Path) -> TextIO:
    return stack.enter_context(path.open("w", encoding="utf-8", newline=""))


def write_report(
    place: Path, report: Report, state: Reader, trusted: int | None, advance: Advance
) -> None:
    """Write the whole report to `place`, or nothing.

    Args:
        place: a folder that is not there yet, is empty, or holds an earlier report.
        report: what the audit found.
        state: the rows that it recomputed.
        trusted: the height whose block was named beforehand, if one was.
        advance: called now and then with the number of receipts written since.

    Raises:
        Unavailable: the place holds something else, or the disk refuses.
    """
    batches = sorted(filter(is_settled, report.batches), key=_by_time)
    figures = Figures()
    with folder.whole_folder(place) as part:
        with ExitStack() as stack:
            files = _Files(stack, part)
            for batch in batches:
                with _own_files(part, batch, len(batches)) as own:
                    for line, before in _lines(state, figures, batch, advance):
                        text = v3_text(line.receipt)
                        figures.add(line, before)
                        for each in (files, *own):
                            each.add(line, text)
        _write_batches(part / folder.BATCH_LIST, report)
        (part / folder.PAGE).write_text(page(report, figures, trusted), encoding="utf-8")


def _write_batches(path: Path, report: Report) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        to = csv.writer(file, lineterminator="\n")
        to.writerow(rows.BATCHES)
        for batch in report.batches:
            second = report.second.get((batch.schedule, batch.period), b"")
            to.writerow(rows.batch_line(batch, second))


def _by_time(batch: Batch) -> tuple[int, int]:
    return batch.end, batch.schedule


def _lines(
    state: Reader, figures: Figures, batch: Batch, advance: Advance
) -> Iterator[tuple[Settled, Receipt | None]]:
    """The batch's receipts, each with the node's own of the period before."""
    figures.begin(batch)
    last = _batch_before(state, batch)
    for line in settled(state, batch):
        node = line.receipt.node_id
        yield line, None if last is None else receipt_of(state, last, node)
        advance(1)


def _batch_before(state: Reader, batch: Batch) -> Batch | None:
    if not batch.period:
        return None
    key = tables.batch_key(batch.schedule, PeriodIndex(batch.period - 1))
    stored = state.get(tables.BATCHES.stored_at(key))
    return None if stored is None else tables.BATCHES.decode(stored)


@contextmanager
def _own_files(part: Path, batch: Batch, count: int) -> Iterator[tuple[_Files, ...]]:
    """Where there are several batches, each also has its own files: the public program's are one's."""
    if count < 2:
        yield ()
        return
    place = part / folder.BATCHES / f"{batch.schedule}-{batch.period}"
    place.mkdir(parents=True)
    with ExitStack() as stack:
        yield (_Files(stack, place),)
