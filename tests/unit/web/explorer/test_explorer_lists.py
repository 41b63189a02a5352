"""Lists: whatever the page's length, walking it shows every row once, in order."""

import sqlite3
from contextlib import closing
from urllib.parse import parse_qsl

import pytest

from tfchain.errors import Malformed
from tfchain.index.model import Model
from tfchain.web.explorer.asked import Asked
from tfchain.web.explorer.lists import Listing, run

LISTS = {
    "batches": Listing(
        select="SELECT * FROM batches", keys=('"end"', "schedule", "period"), sorts="iii"
    ),
    "accounts": Listing(select="SELECT * FROM accounts", keys=("balance", "account"), sorts="it"),
    "nodes": Listing(
        select="SELECT nodes.* FROM nodes", keys=("nodes.node_id",), sorts="i", newest_first=False
    ),
    "one kind": Listing(
        select="SELECT * FROM transactions",
        where="kind = ?",
        values=("transfer",),
        keys=("height", "position"),
        sorts="ii",
    ),
}


def asked(query: str) -> Asked:
    return Asked(path={}, query=dict(parse_qsl(query.removeprefix("?"))), now=0)


@pytest.mark.parametrize("most", [1, 2, 7])
@pytest.mark.parametrize("listing", LISTS.values(), ids=LISTS)
def test_every_row_is_shown_once(listing: Listing, most: int, shown: Model) -> None:
    with closing(sqlite3.connect(shown.path)) as rows:
        rows.row_factory = sqlite3.Row
        whole = run(rows, listing, asked(""), most=1_000)
        walked, query = [], ""
        while True:
            found = run(rows, listing, asked(query), most=most)
            assert len(found.rows) <= most
            assert found.first is (query == "")
            walked += [tuple(row) for row in found.rows]
            on = [link.href for link in found.pager if link.label in {"Older", "Next"}]
            if not on:
                break
            query = on[0]
        back = {link.label: link.href for link in found.pager}
    assert whole.pager == ()
    assert walked == [tuple(row) for row in whole.rows]
    assert back.get("Newest", back.get("First")) == ("?" if query else None)


@pytest.mark.parametrize(
    "place", ["1", "1.2.3", "x.y", f"{2**63}.a", "1.a'b", ".", "1.\u0661" * 40]
)
def test_what_is_no_place_in_a_list_is_refused(place: str, shown: Model) -> None:
    with closing(sqlite3.connect(shown.path)) as rows, pytest.raises(Malformed):
        run(rows, LISTS["accounts"], Asked(path={}, query={"at": place}, now=0))
