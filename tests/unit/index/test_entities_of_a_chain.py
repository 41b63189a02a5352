"""Entities against the ledger that they are made of: on a recorded devnet, and in a town of our own."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tfchain.base.address import to_text
from tfchain.base.units import FarmId, NodeId, Seconds, Utft
from tfchain.index.database import LedgerRows
from tfchain.index.entities import ENTITIES, ENUMS
from tfchain.index.model import Model
from tfchain.index.own import OF_ENTITY
from tfchain.index.schema import snake
from tfchain.ledger import tables
from tfchain.ledger.measures import CertifyFarm, CertifyNode
from tfchain.ledger.records import Resources
from tfchain.tx.kinds.add_farm_ip import AddFarmIp
from tfchain.tx.kinds.cancel_contract import CancelContract
from tfchain.tx.kinds.create_contract import CreateContract
from tfchain.tx.kinds.delete_node import DeleteNode
from tfchain.tx.kinds.remove_farm_ip import RemoveFarmIp
from tfchain.tx.kinds.rent_node import RentNode
from tfchain.tx.kinds.report_consumption import Consumed, ReportConsumption
from tfchain.tx.kinds.set_dedicated import SetDedicated
from tfchain.tx.kinds.set_power_state import SetPowerState
from tfchain.tx.kinds.set_power_target import SetPowerTarget
from tfchain.tx.kinds.set_stellar_address import SetStellarAddress
from tfchain.tx.kinds.transfer import Transfer
from tfchain.tx.kinds.update_contract import UpdateContract
from tfchain.tx.kinds.update_node import UpdateNode
from tfchain.tx.kinds.update_used_resources import UpdateUsedResources, UsedResources

SMALL = Resources(cru=2, mru=4 << 30, hru=0, sru=50 << 30)


@pytest.fixture
def rows(shown: Model) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(shown.path)) as connection:
        connection.row_factory = sqlite3.Row
        yield connection


def ledger(rows: sqlite3.Connection, table: Any) -> list[Any]:
    found = LedgerRows(rows).scan(table.stored_at(b""))
    return [table.decode(value) for _, value in found]


def test_each_farm_twin_and_node_is_as_the_ledger_has_it(rows: sqlite3.Connection) -> None:
    twins, farms, nodes = (
        ledger(rows, table) for table in (tables.TWINS, tables.FARMS, tables.NODES)
    )
    assert (len(twins), len(farms), len(nodes)) == (15, 3, 12)
    for twin in twins:
        row = rows.execute("SELECT * FROM twin WHERE twin_id = ?", (twin.id,)).fetchone()
        assert (row["account_id"], row["relay"]) == (to_text(twin.account), twin.relay)
    for farm in farms:
        row = rows.execute("SELECT * FROM farm WHERE farm_id = ?", (farm.id,)).fetchone()
        assert (row["name"], row["twin_id"]) == (farm.name, farm.twin_id)
    for node in nodes:
        row = rows.execute(
            "SELECT * FROM node JOIN node_resources_total AS has ON has.node_id = node.id"
            " WHERE node.node_id = ?",
            (node.id,),
        ).fetchone()
        assert (row["farm_id"], row["twin_id"], row["country"]) == (
            node.farm_id,
            node.twin_id,
            node.country,
        )
        has = Resources(cru=row["cru"], mru=row["mru"], hru=row["hru"], sru=row["sru"])
        assert has == node.resources
        assert row["created"] == row["created_at"] == node.created


def test_each_receipt_mint_and_balance_is_as_the_ledger_has_it(rows: sqlite3.Connection) -> None:
    for receipt in ledger(rows, tables.RECEIPTS):
        row = rows.execute(
            "SELECT * FROM receipts WHERE node_id = ? AND period = ?",
            (receipt.node_id, receipt.period),
        ).fetchone()
        assert (row["amount"], row["uptime"]) == (receipt.amount, receipt.uptime)
        assert row["text_hash"] == receipt.text_hash.hex()
    minted = {to_text(one.account): 0 for one in ledger(rows, tables.MINTS)}
    for mint in ledger(rows, tables.MINTS):
        minted[to_text(mint.account)] += mint.amount
    shown = rows.execute("SELECT target, sum(amount) FROM mint_transaction GROUP BY target")
    assert dict(map(tuple, shown)) == {who: sum_ for who, sum_ in minted.items() if sum_}
    accounts = list(LedgerRows(rows).scan(tables.ACCOUNTS.stored_at(b"")))
    assert len(accounts) == 21
    for key, value in accounts:
        row = rows.execute(
            "SELECT * FROM accounts WHERE account = ?",
            (to_text(key[2:]),),  # type: ignore[arg-type]
        ).fetchone()
        account = tables.ACCOUNTS.decode(value)
        assert (row["balance"], row["nonce"]) == (account.balance, account.nonce)


def test_what_was_minted_is_told_alike_everywhere(rows: sqlite3.Connection) -> None:
    def sum_of(query: str) -> int:
        return int(rows.execute(query).fetchone()[0])

    paid = sum_of("SELECT sum(amount) FROM mint_transaction")
    assert paid == sum_of("SELECT sum(minted) FROM blocks") == sum_of("SELECT minted FROM batches")
    first = sum_of("SELECT minted_ever FROM supply WHERE height = 0")
    last = sum_of("SELECT minted_ever FROM supply ORDER BY height DESC LIMIT 1")
    assert last - first == paid == sum_of("SELECT sum(amount) FROM mints")


def test_every_report_is_an_event_and_a_line(rows: sqlite3.Connection) -> None:
    reports = rows.execute(
        "SELECT body, height FROM transactions WHERE kind = 'report_uptime' AND code = 'ok'"
    ).fetchall()
    events = rows.execute("SELECT node_id, uptime, timestamp FROM uptime_event ORDER BY id")
    bodies = [json.loads(row["body"]) for row in reports]
    due = [(body["node_id"], int(body["uptime"]), body["t"]) for body in bodies]
    assert [tuple(row) for row in events] == due
    for receipt in ledger(rows, tables.RECEIPTS):
        credited = rows.execute(
            "SELECT sum(credited), max(total) FROM lines WHERE node_id = ? AND start = ?",
            (receipt.node_id, receipt.start),
        ).fetchone()
        assert tuple(credited) == (receipt.uptime, receipt.uptime)


def test_a_node_is_as_old_as_its_last_report(rows: sqlite3.Connection) -> None:
    for row in rows.execute("SELECT * FROM node"):
        last = rows.execute(
            "SELECT uptime, time_ms FROM uptime_event JOIN blocks"
            " ON height = CAST(substr(uptime_event.id, 1, 10) AS INTEGER)"
            " WHERE node_id = ? ORDER BY uptime_event.id DESC LIMIT 1",
            (row["node_id"],),
        ).fetchone()
        assert (row["uptime"], row["updated_at"]) == (last["uptime"], last["time_ms"] // 1_000)


def test_power_is_unknown_until_somebody_tells(rows: sqlite3.Connection) -> None:
    told = {
        row["node_id"]
        for table in ("power_state_report", "power_target_report")
        for row in rows.execute(f"SELECT node_id FROM {table}")
    }
    assert 0 < len(told) < 12
    for row in rows.execute("SELECT * FROM node"):
        power = tables.UPTIMES.decode(
            LedgerRows(rows).get(tables.UPTIMES.stored_at(tables.id_key(row["node_id"]))) or b""
        ).power
        words = ["Up" if up else "Down" for up in (power.state_up, power.target_up)]
        due = words if row["node_id"] in told else [None, None]
        assert [row["power_state"], row["power_target"]] == due


def test_ids_are_block_events(rows: sqlite3.Connection) -> None:
    seen = set[str]()
    for form in OF_ENTITY.values():
        for row in rows.execute(f'SELECT id FROM "{form.name}"'):
            height, place, digits = row["id"].split("-")
            assert (len(height), len(place), len(digits)) == (10, 6, 5)
            assert row["id"] not in seen, "an id is one entity's alone"
            seen.add(row["id"])
            block = rows.execute("SELECT id FROM blocks WHERE height = ?", (int(height),))
            known = block.fetchone()
            assert digits == ("00000" if known is None else known["id"][:5])


def test_enums_hold_only_their_own_words(rows: sqlite3.Connection) -> None:
    for entity in ENTITIES.values():
        for field in entity.fields:
            if field.sort == "enum":
                query = f'SELECT DISTINCT "{snake(field.name)}" FROM "{snake(entity.name)}"'
                found = {row[0] for row in rows.execute(query)}
                assert found <= {*ENUMS[field.type], None}


# --- a town ---------------------------------------------------------------------------------------


def test_a_farm_says_what_its_owner_says_of_it(town: Any) -> None:
    town.found()
    farm = town.one("farm")
    assert (farm["name"], farm["stellar_address"], farm["certification"]) == (
        "town",
        None,
        "NotCertified",
    )
    body = SetStellarAddress(farm_id=FarmId(1), address="GTOWN")
    assert town.run(town.tx(town.farmer, body)) == ("ok",)
    assert town.one("farm")["stellar_address"] == "GTOWN"
    first, second = town.all("twin")
    assert (first["relay"], first["public_key"]) == ("relay.town", None)
    assert (second["relay"], second["public_key"]) == (None, "0x0102")
    assert town.one("farms")["payout_account"] == to_text(town.farmer.address)


def test_addresses_come_change_hands_and_go(town: Any) -> None:
    town.found()
    for last in (5, 6):
        ip = AddFarmIp(farm_id=FarmId(1), ip=f"185.69.166.{last}/24", gateway="185.69.166.1")
        assert town.run(town.tx(town.farmer, ip)) == ("ok",)
    first, second = town.all("public_ip")
    assert first["farm_id"] == second["farm_id"] == town.one("farm")["id"]
    assert (first["ip"], first["contract_id"]) == ("185.69.166.5/24", 0)
    assert town.run(town.tx(town.user, contract(ips=1))) == ("ok",)
    assert [row["contract_id"] for row in town.all("public_ip")] == [1, 0]
    assert town.run(town.tx(town.user, CancelContract(contract_id=1))) == ("ok",)
    gone = RemoveFarmIp(farm_id=FarmId(1), ip="185.69.166.5/24")
    assert town.run(town.tx(town.farmer, gone)) == ("ok",)
    assert town.one("public_ip") == second


def test_a_node_grows_sleeps_and_goes(town: Any) -> None:
    town.found()
    made = town.one("node")
    assert (made["node_id"], made["uptime"], made["power_state"]) == (1, None, None)
    assert made["created"] == made["updated_at"]
    larger = Resources(cru=32, mru=128 << 30, hru=0, sru=2000 << 30)
    message = town.registration(3, larger).acceptance
    grows = UpdateNode(
        node_id=NodeId(1),
        resources=larger,
        country="France",
        city="Lille",
        virtualized=True,
        acceptance=message,
    )
    assert town.run(town.tx(town.farmer, grows)) == ("ok",)
    assert town.one("node_resources_total")["cru"] == 32
    grown = town.one("node")
    assert (grown["country"], grown["virtualized"]) == ("France", 1)
    assert grown["id"] == made["id"] and grown["updated_at"] > made["updated_at"]
    asked = town.tx(town.farmer, SetPowerTarget(node_id=NodeId(1), up=False))
    assert town.run(asked) == ("ok",)
    assert (town.one("node")["power_state"], town.one("node")["power_target"]) == ("Up", "Down")
    t = Seconds(1_700_000_000 + town.second + 1)
    told = town.tx(town.farmer, SetPowerState(node_id=NodeId(1), t=t, up=False))
    assert town.run(told) == ("ok",)
    assert town.one("node")["power_state"] == "Down"
    assert town.one("power_state_report")["new_power_state"] == "Down"
    assert town.run(town.tx(town.farmer, DeleteNode(node_id=NodeId(1)))) == ("ok",)
    assert town.all("node") == town.all("node_resources_total") == []
    assert town.one("gone_nodes")["node_id"] == town.one("nodes")["node_id"] == 1


def contract(ips: int = 0, name: bytes = b"\x01") -> CreateContract:
    return CreateContract(
        node_id=NodeId(1),
        reserved=SMALL,
        public_ips=ips,
        deployment_hash=name * 32,
        deployment_data=b'{"type":"vm"}',
    )


def used(town: Any, number: int = 1) -> bytes:
    t = Seconds(1_700_000_000 + town.second + 1)
    told = (UsedResources(contract_id=number, used=SMALL),)
    return bytes(town.tx(town.farmer, UpdateUsedResources(node_id=NodeId(1), t=t, contracts=told)))


def test_a_contract_is_used_billed_and_given_back(town: Any) -> None:
    town.found(10**12)
    assert town.run(town.tx(town.user, contract())) == ("ok",)
    made = town.one("node_contract")
    assert (made["contract_id"], made["twin_id"], made["node_id"]) == (1, 2, 1)
    assert (made["state"], made["resources_used_id"]) == ("Created", None)
    assert made["deployment_data"] == '{"type":"vm"}'
    town.until(4)
    assert town.run(used(town)) == ("ok",)
    assert (town.one("node")["dedicated"], town.one("node")["extra_fee"]) == (0, None)
    resources = town.one("contract_resources")
    assert (resources["contract_id"], resources["cru"]) == (made["id"], 2)
    assert town.one("node_contract")["resources_used_id"] == resources["id"]
    town.until(16)
    bill = town.one("contract_bill_report")
    assert bill["amount_billed"] == town.one("capacity")["paid"] > 0
    assert bill["discount_received"] in {"None", "Default", "Bronze", "Silver", "Gold"}
    t = Seconds(1_700_000_000 + 17)
    traffic = (Consumed(contract_id=1, window=Seconds(5), traffic=1_000),)
    sent = ReportConsumption(node_id=NodeId(1), t=t, contracts=traffic)
    assert town.run(town.tx(town.farmer, sent)) == ("ok",)
    assert town.one("nru_consumption")["nru"] == 1_000
    other = UpdateContract(contract_id=1, deployment_hash=b"\x02" * 32, deployment_data=b"\xff")
    assert town.run(town.tx(town.user, other)) == ("ok",)
    assert town.one("node_contract")["deployment_data"] == "ff"
    before = town.one("accounts", account=to_text(town.user.address))["balance"]
    assert town.run(town.tx(town.user, CancelContract(contract_id=1))) == ("ok",)
    ended = town.one("node_contract")
    assert (ended["state"], ended["id"]) == ("Deleted", made["id"])
    assert town.all("capacity") == []
    after = town.one("accounts", account=to_text(town.user.address))["balance"]
    last = town.all("contract_bill_report")[-1]
    assert last["amount_billed"] == before - after - 100_000  # all but the fee
    assert town.one("burn_transaction", block=town.model.height)["amount"] > 0


def test_who_cannot_pay_comes_into_grace_and_out_of_funds(town: Any) -> None:
    town.found(10**9)
    assert town.run(town.tx(town.user, contract())) == ("ok",)
    assert town.run(used(town)) == ("ok",)
    left = town.one("accounts", account=to_text(town.user.address))["balance"]
    poor = Transfer(to=town.farmer.address, amount=Utft(left - 100_000))
    assert town.run(town.tx(town.user, poor)) == ("ok",)
    while town.one("node_contract")["state"] == "Created":
        town.run()
    assert town.one("node_contract")["state"] == "GracePeriod"
    while town.one("node_contract")["state"] == "GracePeriod":
        town.at(town.second + 10)
    assert town.one("node_contract")["state"] == "OutOfFunds"


def test_a_node_that_is_let_as_a_whole(town: Any) -> None:
    town.found(10**12)
    assert town.one("node")["dedicated"] == 0 and town.one("node")["extra_fee"] is None
    dedicated = SetDedicated(node_id=NodeId(1), dedicated=True, extra_fee=5_000)
    assert town.run(town.tx(town.farmer, dedicated)) == ("ok",)
    assert (town.one("node")["dedicated"], town.one("node")["extra_fee"]) == (1, 5_000)
    assert town.run(town.tx(town.user, RentNode(node_id=NodeId(1)))) == ("ok",)
    rent = town.one("rent_contract")
    assert (rent["contract_id"], rent["node_id"], rent["state"]) == (1, 1, "Created")
    assert town.run(town.tx(town.farmer, DeleteNode(node_id=NodeId(1)))) == ("ok",)
    town.at(town.second + 12)
    assert town.one("rent_contract")["state"] == "Deleted"


def test_what_guardians_certify_is_shown(town: Any) -> None:
    town.found()
    town.decide(CertifyNode(node_id=NodeId(1), certified=True))
    town.decide(CertifyFarm(farm_id=FarmId(1), gold=True))
    assert town.one("node")["certification"] == "Certified"
    assert town.one("farm")["certification"] == "Gold"
    assert town.all("transactions", kind="enact")[0]["sender"] is None


def test_the_price_and_the_policies_of_the_genesis_are_there(town: Any) -> None:
    assert town.one("price_stored")["new_price"] == "0.08"
    policies = town.all("farming_policy")
    assert [row["cu"] for row in policies] == [2400, 3000]
    assert {row["farm_certification"] for row in policies} == {"NotCertified"}
    assert town.one("pricing_policy")["cu_value"] == 100_000
