"""Governance: what was proposed, who voted what on it, and which constants it left behind."""

import json
from collections.abc import Sequence
from sqlite3 import Connection, Row
from typing import Any, Final

from tfchain.ledger import changes, proposals
from tfchain.ledger.measures import CHAMBERS, MEASURES
from tfchain.tx.registry import name_of
from tfchain.web.explorer import bodies, cells
from tfchain.web.explorer.asked import Asked
from tfchain.web.explorer.cells import coded, fact
from tfchain.web.explorer.lists import Listing, run, section_of
from tfchain.web.pages import charts, parts, words
from tfchain.web.pages.parts import Cell, Exhibit, Fact, Table
from tfchain.web.pages.sections import Page, Section

CHANGE_STATES: Final = ("open", "carried", "expired")
_TONES: Final = {
    "enacted": "good",
    "carried": "good",
    "passed": "good",
    "failed": "bad",
    "vetoed": "bad",
    "declined": "bad",
}
_CHAMBERS: Final = {row.name: CHAMBERS[row.chamber] for row in MEASURES}
HISTORY: Final = 50


def what_of(held: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The name of a measure, and its fields."""
    [(name, fields)] = held.items()
    return name, fields


def _told(held: dict[str, Any]) -> str:
    """A measure in one line."""
    name, fields = what_of(held)
    said = ", ".join(
        f"{key.replace('_', ' ')} {bodies.cell_of(key, value).text}"
        for key, value in list(fields.items())[:4]
    )
    return f"{name.replace('_', ' ')}: {said}"


def listed(rows: Connection, asked: Asked) -> Page:
    """Proposals of farms and guardians, changes of validators, and the constants that hold now."""
    return Page(
        title="Governance",
        over="explorer",
        here="governance",
        lead="Farms vote with the weight of their nodes, guardians and validators with more than two thirds of theirs.",
        live=True,
        sections=[
            _proposals(rows, asked),
            _changes(rows, asked),
            _history(rows),
            *_rules(rows),
            *_constants(rows),
        ],
    )


def _proposals(rows: Connection, asked: Asked) -> Section:
    listing = Listing(select="SELECT * FROM proposals", keys=("proposal",), sorts="i")
    found = run(rows, listing, asked, "proposals")
    table = Table(
        id="proposals-table",
        caption="Proposals, the newest first",
        columns=parts.words("#Proposal", "~What", "State", "#Opened", "#Yes", "#No", "Proposer"),
        rows=[_proposal_row(row) for row in found.rows],
    )
    return section_of(found, table, "Proposals", "Farms and guardians have proposed nothing yet.")


def _state(name: str) -> Cell:
    return Cell(text=name, tone=_TONES.get(name, ""))


def _proposal_row(row: Row) -> parts.Row:
    return parts.row(
        Cell(text=f"{row['proposal']}", href=cells.proposal_at(row["proposal"])),
        _told(json.loads(row["json"])["measure"]),
        _state(proposals.STATES[row["state"]]),
        cells.maybe_block(row["opened"]),
        f"{row['farms_yes']:,}",
        f"{row['farms_no']:,}",
        cells.account(row["proposer"]),
    )


def _changes(rows: Connection, asked: Asked) -> Section:
    listing = Listing(select="SELECT * FROM changes", keys=("change",), sorts="i")
    found = run(rows, listing, asked, "changes")
    table = Table(
        id="changes-table",
        caption="Changes, the newest first",
        columns=parts.words("#Change", "~What", "State", "#Opened", "#Closed", "#Yes", "Proposer"),
        rows=[_change_row(row) for row in found.rows],
    )
    return section_of(
        found, table, "Changes by validators", "Validators have proposed nothing yet."
    )


def _action(held: dict[str, Any]) -> dict[str, Any]:
    """What a change would do; one that only validators can ask for has no name of its own."""
    action: dict[str, Any] = held["action"]
    return {"join": action} if "reward_account" in action else action


def _change_row(row: Row) -> parts.Row:
    held = json.loads(row["json"])
    return parts.row(
        Cell(text=f"{row['change']}", href=cells.change_at(row["change"])),
        _told(_action(held)),
        _state(CHANGE_STATES[row["state"]]),
        cells.maybe_block(row["opened"]),
        cells.maybe_block(row["closed"]),
        f"{len(held['yes']):,}",
        cells.account(row["proposer"]),
    )


def _history(rows: Connection) -> Section:
    """What votes made of the constants, the newest first."""
    carried = rows.execute(
        "SELECT change AS number, closed AS height, json FROM changes WHERE state = ?"
        " ORDER BY change DESC LIMIT ?",
        (changes.CARRIED, HISTORY),
    ).fetchall()
    enacted = rows.execute(
        "SELECT proposal AS number, enacted AS height, json FROM proposals WHERE state = ?"
        " ORDER BY proposal DESC LIMIT ?",
        (proposals.ENACTED, HISTORY),
    ).fetchall()
    lines = [(row["height"], _carried(row)) for row in carried]
    lines += [(row["height"], _enacted(row)) for row in enacted]
    if not lines:
        told = "Every constant is as the genesis has it."
        return Section(id="history", title="What votes changed", told=told)
    table = Table(
        id="history-table",
        caption="Changes that took effect, the newest first",
        columns=parts.words("#Block", "~What", "By"),
        rows=[line for _, line in sorted(lines, key=lambda one: -one[0])[:HISTORY]],
    )
    return Section(id="history", title="What votes changed", table=table)


def _carried(row: Row) -> parts.Row:
    by = Cell(text=f"change {row['number']}", href=cells.change_at(row["number"]))
    return parts.row(cells.maybe_block(row["height"]), _told(_action(json.loads(row["json"]))), by)


def _enacted(row: Row) -> parts.Row:
    by = Cell(text=f"proposal {row['number']}", href=cells.proposal_at(row["number"]))
    return parts.row(
        cells.maybe_block(row["height"]), _told(json.loads(row["json"])["measure"]), by
    )


def _rules(rows: Connection) -> list[Section]:
    found = rows.execute("SELECT * FROM rules ORDER BY name").fetchall()
    if not found:
        return []
    table = Table(
        id="rules-table",
        caption="Rules that a vote set",
        columns=parts.words("Rule", "#Value", "#Proposal"),
        rows=[
            parts.row(
                words.name(row["name"]),
                f"{row['value']:,}",
                Cell(
                    text=f"{row['proposal']}",
                    href=cells.proposal_at(row["proposal"]) if row["proposal"] else "",
                ),
            )
            for row in found
        ],
        look="narrow",
    )
    return [Section(id="rules", title="Rules", table=table)]


def _constants(rows: Connection) -> list[Section]:
    row = rows.execute("SELECT json FROM params").fetchone()
    if row is None:
        return []
    held = json.loads(row["json"])
    for fee in held["fees"]:
        fee["kind"] = name_of(fee["kind"])
    facts, tables = bodies.told(json.dumps(held))
    policies = rows.execute("SELECT json FROM policies ORDER BY policy_id").fetchall()
    _, found = bodies.told(json.dumps({"policies": [json.loads(one["json"]) for one in policies]}))
    return [
        Section(id="constants", title="Constants", told="As they hold now.", facts=facts),
        *(Section(id=table.id, title=table.caption, table=table) for table in (*tables, *found)),
    ]


def change(rows: Connection, asked: Asked) -> Page | None:
    """One change, and which validators voted for it."""
    number = asked.number("change")
    row = rows.execute("SELECT * FROM changes WHERE change = ?", (number,)).fetchone()
    if row is None:
        return None
    held = json.loads(row["json"])
    facts, tables = bodies.told(json.dumps(_action(held)))
    return Page(
        title=f"Change {number}",
        over="governance",
        here="governance",
        lead=_told(_action(held)),
        live=True,
        sections=[
            Section(id="what", title="What it does", facts=facts),
            *(Section(id=table.id, title=table.caption, table=table) for table in tables),
            Section(id="vote", title="The vote", facts=_change_facts(row)),
            _accounts("yes", "Voted for it", held["yes"]),
        ],
    )


def _change_facts(row: Row) -> list[Fact]:
    facts = [
        fact("state", "State", CHANGE_STATES[row["state"]]),
        coded("proposer", "Proposer", row["proposer"], cells.account_at(row["proposer"])),
        fact("until", "Voted on until", f"{words.utc(row['until'])} UTC"),
        fact("force", "May shift a third of the power", "yes" if row["force"] else "no"),
    ]
    for name, label in (("opened", "Opened in block"), ("closed", "Closed in block")):
        if row[name]:
            facts.append(fact(name, label, f"{row[name]:,}", cells.block_at(row[name])))
    return facts


def _accounts(name: str, title: str, found: Sequence[str]) -> Section:
    if not found:
        return Section(id=name, title=title, told="Nobody.")
    table = Table(
        id=f"{name}-table",
        caption=title,
        columns=parts.words("Account"),
        rows=[parts.row(cells.account(one)) for one in found],
        look="narrow",
    )
    return Section(id=name, title=title, table=table)


def proposal(rows: Connection, asked: Asked) -> Page | None:
    """One proposal, with every vote."""
    number = asked.number("proposal")
    row = rows.execute("SELECT * FROM proposals WHERE proposal = ?", (number,)).fetchone()
    if row is None:
        return None
    held = json.loads(row["json"])
    facts, tables = bodies.told(json.dumps(held["measure"]))
    return Page(
        title=f"Proposal {number}",
        over="governance",
        here="governance",
        lead=_told(held["measure"]),
        live=True,
        sections=[
            Section(id="what", title="What it does", facts=facts),
            *(Section(id=table.id, title=table.caption, table=table) for table in tables),
            Section(id="vote", title="The vote", facts=_proposal_facts(row, held)),
            _weights(rows, asked, row),
            _accounts("guardians-yes", "Guardians for it", held["guardians_yes"]),
            _accounts("guardians-no", "Guardians against it", held["guardians_no"]),
            _accounts("vetoes", "Guardians that veto it", held["vetoes"]),
        ],
    )


def _proposal_facts(row: Row, held: dict[str, Any]) -> list[Fact]:
    name, _ = what_of(held["measure"])
    facts = [
        fact("state", "State", proposals.STATES[row["state"]]),
        fact("chamber", "Decided by", _CHAMBERS[name]),
        coded("proposer", "Proposer", row["proposer"], cells.account_at(row["proposer"])),
        fact("until", "Voted on until", f"{words.utc(row['until'])} UTC"),
        fact("threshold", "Farms that must vote", f"{row['threshold']:,}"),
        fact("link", "Its reasons", words.name(row["link"]) or "none given"),
        coded("text", "Hash of its reasons", held["text_hash"]),
    ]
    if row["farm_id"]:
        facts.insert(
            3, fact("farm", "For farm", f"{row['farm_id']}", cells.farm_at(row["farm_id"]))
        )
    for key, label in (
        ("opened", "Opened in block"),
        ("closed", "Decided in block"),
        ("enacted", "Done in block"),
    ):
        if row[key]:
            facts.append(fact(key, label, f"{row[key]:,}", cells.block_at(row[key])))
    return facts


def _weights(rows: Connection, asked: Asked, row: Row) -> Section:
    listing = Listing(
        select="SELECT * FROM votes",
        where="proposal = ?",
        values=(row["proposal"],),
        keys=("farm_id",),
        sorts="i",
        newest_first=False,
    )
    found = run(rows, listing, asked)
    if not found.rows:
        return Section(id="farms", title="Farms", told="No farm has voted.", pager=found.pager)
    drawn = charts.bars(
        "weight-chart",
        "Weight of the farms",
        f"{words.units(row['yes'])} for it, {words.units(row['no'])} against it.",
        [
            charts.Bar(label="for it", value=row["yes"], shown=words.units(row["yes"])),
            charts.Bar(
                label="against it", value=row["no"], shown=words.units(row["no"]), tone="bad"
            ),
        ],
    )
    table = Table(
        id="farms-table",
        caption="Votes of farms",
        columns=parts.words("#Farm", "Vote", "#Weight", "#Block", "By"),
        rows=[
            parts.row(
                cells.farm(one["farm_id"]),
                Cell(text="yes" if one["yes"] else "no", tone="good" if one["yes"] else "bad"),
                words.units(one["weight"]),
                cells.block(one["height"]),
                cells.account(one["account"]),
            )
            for one in found.rows
        ],
    )
    exhibit = Exhibit(drawn=drawn, caption="A farm weighs what its paid nodes offer.", table=table)
    return Section(id="farms", title="Farms", exhibit=exhibit, pager=found.pager)
