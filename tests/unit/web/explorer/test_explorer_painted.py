"""The explorer on rows that the recording has not: votes, disputes, faults, and names that are not nice."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tfchain.base.address import from_text
from tfchain.base.units import FarmId, Height, MilliUsd, Power, Seconds, TwinId, Utft
from tfchain.index import own
from tfchain.index.database import FILE
from tfchain.index.following import Watch
from tfchain.index.mirrors import BY_TAG
from tfchain.index.model import Model
from tfchain.index.sheet import Form, Sheet
from tfchain.index.step import Moved
from tfchain.ledger import changes, proposals, tables
from tfchain.ledger.cultivation import FarmIp, FarmIps
from tfchain.ledger.measures import Measure, SetPrice
from tfchain.ledger.proposals import FarmVote, Proposal
from tfchain.ledger.records import Farm
from tfchain.ledger.state import Table
from tfchain.ledger.terms import Gone
from tfchain.ledger.validators import ValidatorAddress
from tfchain.node.heads import Heads
from tfchain.web.app import application
from tfchain.web.asking import Asking
from tfchain.web.parts import Web

SOMEBODY: Final = from_text("5FVyjVdbSGEFE7WmsbUe6edydAZvvj1UZoKDynvA4SbgqNM3")
VALIDATOR: Final = "bd3c6e35adefc6f0fd72c3e4cb02fa7d5f09b9d9"
HOSTILE: Final = "<img src=x onerror=alert(1)>\u202e\"' &amp;"


class Paint:
    """A copy of the read model, to write on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._connection = sqlite3.connect(folder / FILE)
        self._sheet = Sheet(self._connection)

    def row(self, table: "Table[Any]", key: bytes, row: object) -> None:
        """A row of the ledger, as the projection would show it."""
        moved = Moved(tag=table.tag, key=key, before=None, after=row)
        BY_TAG[table.tag].take(self._sheet, moved)

    def put(self, form: Form, **cells: Any) -> None:
        self._sheet.put(form, **cells)

    def run(self, statement: str, *values: Any) -> None:
        self._connection.execute(statement, values)

    @asynccontextmanager
    async def browse(self) -> AsyncIterator[httpx.AsyncClient]:
        self._sheet.flush()
        self._connection.commit()
        with closing(Asking(self.folder)) as ask:
            watch = Watch(Heads(Height(93)), print)
            web = Web(ask=ask, watch=watch, client=None, now=lambda: 1_795_281_216)
            transport = httpx.ASGITransport(application(web))
            async with httpx.AsyncClient(transport=transport, base_url="http://web") as http:
                yield http

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def paint(shown: Model, tmp_path: Path) -> Any:
    with (
        closing(sqlite3.connect(shown.path)) as whole,
        closing(sqlite3.connect(tmp_path / FILE)) as copy,
    ):
        whole.backup(copy)
    with closing(Paint(tmp_path)) as painting:
        yield painting


def a_proposal(number: int, measure: Measure, state: int) -> Proposal:
    return Proposal(
        id=number,
        measure=measure,
        proposer=SOMEBODY,
        farm_id=FarmId(2),
        text_hash=bytes(32),
        link="https://forum/<b>",
        threshold=1,
        opened=Height(40),
        until=Seconds(1_795_281_300),
        state=state,
        closed=Height(45),
        enacted=Height(46),
        electorate=(),
        farms_yes=1,
        farms_no=0,
        yes=7_000_000,
        no=0,
        casts=1,
        guardians_yes=(SOMEBODY,),
        guardians_no=(),
        vetoes=(),
    )


def a_change(number: int, action: changes.Action, state: int) -> changes.Change:
    return changes.Change(
        id=number,
        action=action,
        force=False,
        proposer=SOMEBODY,
        opened=Height(10),
        until=Seconds(1_795_281_300),
        state=state,
        closed=Height(12),
        yes=(SOMEBODY,),
    )


async def test_governance_shows_who_voted_what_and_what_it_changed(paint: Paint) -> None:
    enacted = a_proposal(1, SetPrice(price=MilliUsd(90)), proposals.ENACTED)
    paint.row(tables.PROPOSALS, tables.id_key(1), enacted)
    vote = FarmVote(
        farm_id=FarmId(2), account=SOMEBODY, weight=7_000_000, yes=True, height=Height(41)
    )
    paint.row(tables.VOTES, tables.id_key(1) + tables.id_key(2), vote)
    carried = a_change(1, changes.SetConstant(name="consensus.propose", value=900), changes.CARRIED)
    paint.row(tables.CHANGES, tables.id_key(1), carried)
    join = changes.Join(key=SOMEBODY, power=Power(1), bond=Utft(10**9), reward_account=SOMEBODY)
    paint.row(tables.CHANGES, tables.id_key(2), a_change(2, join, changes.OPEN))
    out = changes.SetPower(validator=ValidatorAddress(bytes.fromhex(VALIDATOR)), power=Power(0))
    paint.row(tables.CHANGES, tables.id_key(3), a_change(3, out, changes.EXPIRED))
    async with paint.browse() as http:
        listed = (await http.get("/explorer/governance")).text
        proposal = (await http.get("/explorer/governance/proposals/1")).text
        texts = [(await http.get(f"/explorer/governance/changes/{n}")).text for n in (1, 2, 3)]
        farm = (await http.get("/explorer/farms/2")).text
        found = await http.get("/explorer/search", params={"q": "1"})
    assert "set price: price 90" in listed
    assert "set constant: name consensus.propose, value 900" in listed
    assert 'href="/explorer/governance/changes/3"' in listed
    assert "7.000000 for it, 0.000000 against it." in proposal
    assert 'href="/explorer/farms/2"' in proposal
    assert "https://forum/&lt;b&gt;" in proposal
    assert "expired" in texts[2]
    assert "100.0000000 TFT" in texts[1]
    assert 'href="/explorer/governance/proposals/1"' in farm
    assert 'href="/explorer/governance/changes/1"' in found.text


async def test_a_hostile_name_is_only_ever_text(paint: Paint) -> None:
    farm = Farm(
        id=FarmId(9),
        twin_id=TwinId(2),
        name="evil",
        payout_account=SOMEBODY,
        stellar_address="",
    )
    paint.row(tables.FARMS, tables.id_key(9), farm)
    async with paint.browse():
        pass
    paint.run("UPDATE farms SET name = ?, stellar_address = ?", HOSTILE, HOSTILE)
    paint.run("UPDATE nodes SET country = ?, city = ?", HOSTILE, HOSTILE)
    paint.run("UPDATE transactions SET code = ?, kind = ? WHERE height = 93", HOSTILE, HOSTILE)
    paint.run("UPDATE params SET chain_id = ?", HOSTILE)
    paint.run("UPDATE lines SET verdict = ?", HOSTILE)
    paint.run("UPDATE receipts SET reason = ?, text = ?", HOSTILE, HOSTILE)
    async with paint.browse() as http:
        for path in (
            "",
            "/farms",
            "/farms/9",
            "/nodes",
            "/nodes/4",
            "/nodes/5/statements/1795281129",
            "/batches/0/0",
            "/blocks/93",
            "/transactions",
            "/governance",
            "/search?q=img",
            "/nodes?country=" + "%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E",
        ):
            answer = await http.get(f"/explorer{path}")
            if answer.is_redirect:
                answer = await http.get(answer.headers["location"])
            assert answer.status_code == 200, path
            assert "<img" not in answer.text, path
        assert "&lt;img" in (await http.get("/explorer/farms/9")).text
        assert "\u202e" not in (await http.get("/explorer/farms/9")).text


async def test_faults_and_missed_votes_are_shown(paint: Paint) -> None:
    paint.put(own.MISSED_VOTES, height=50, validator=VALIDATOR)
    fault = {"validator": VALIDATOR, "twice": "prevotes", "fault_height": 48, "fault_round": 0}
    paint.put(own.FAULTS, height=51, place=0, **fault)
    async with paint.browse() as http:
        assert VALIDATOR in (await http.get("/explorer/blocks/50")).text
        assert "prevotes" in (await http.get("/explorer/blocks/51")).text
        validator = (await http.get(f"/explorer/validators/{VALIDATOR}")).text
        assert 'href="/explorer/blocks/50"' in validator
        assert "its bond is burned" in validator
        assert "1 missed" in (await http.get("/explorer/validators")).text


async def test_a_validator_that_has_left_keeps_its_blocks(paint: Paint) -> None:
    paint.run("DELETE FROM seats WHERE validator = ?", VALIDATOR)
    async with paint.browse() as http:
        text = (await http.get(f"/explorer/validators/{VALIDATOR}")).text
    assert "<bdi>left</bdi>" in text
    assert 'href="/explorer/blocks/47"' in text


async def test_a_node_that_was_deleted_keeps_its_receipts(paint: Paint) -> None:
    paint.run("DELETE FROM nodes WHERE node_id = 7")
    paint.row(tables.GONE, tables.id_key(7), Gone(at=Seconds(1_795_281_200)))
    async with paint.browse() as http:
        text = (await http.get("/explorer/nodes/7")).text
    assert "Its owner deleted it at 2026-11-21 17:13:20 UTC." in text
    assert 'href="/explorer/nodes/7/statements/1795281129"' in text


async def test_a_guardian_that_differs_is_shown(paint: Paint) -> None:
    first = "(SELECT min(guardian) FROM attestations)"
    paint.run(f"UPDATE attestations SET total = 1 WHERE guardian = {first}")
    async with paint.browse() as http:
        text = (await http.get("/explorer/batches/0/0")).text
    assert text.count("<bdi>differs</bdi>") == 1
    assert text.count("<bdi>agrees</bdi>") == 3


async def test_addresses_of_a_farm_are_counted(paint: Paint) -> None:
    ip = FarmIp(ip="185.206.122.1/24", gateway="185.206.122.254", contract_id=0)
    paint.row(tables.FARM_IPS, tables.id_key(2), FarmIps(ips=(ip,)))
    async with paint.browse() as http:
        text = (await http.get("/explorer/farms/2")).text
    assert '<span id="ips"><bdi>1</bdi></span>' in text
