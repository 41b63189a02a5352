"""A listing as a section of a page: its table, or a word where it has no rows."""

import sqlite3

from tfchain.web.explorer.lists import Run, section_of
from tfchain.web.pages import parts
from tfchain.web.pages.parts import Table

COLUMNS = parts.words("#Number")


def table_of(run: Run) -> Table:
    rows = [parts.row(f"{row['number']}") for row in run.rows]
    return Table(id="farms-table", caption="Farms", columns=COLUMNS, rows=rows)


def run_of(select: str) -> Run:
    with sqlite3.connect(":memory:") as rows:
        rows.row_factory = sqlite3.Row
        return Run(rows=rows.execute(select).fetchall(), pager=(), first=True)


def test_rows_are_shown_and_nothing_is_told() -> None:
    run = run_of("SELECT 7 AS number")
    shown = section_of(run, table_of(run), "All farms", "There are none.")
    assert shown.table is not None
    assert (shown.id, shown.title, shown.told) == ("farms", "All farms", "")


def test_without_rows_a_word_stands_where_the_table_would() -> None:
    run = run_of("SELECT 7 AS number WHERE 0")
    shown = section_of(run, table_of(run), "All farms", "There are none.")
    assert shown.table is None
    assert (shown.id, shown.title, shown.told) == ("farms", "All farms", "There are none.")
