"""`tfchain show`: each thing for people and for scripts; what is not there is a plain no."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import pytest
from typer.testing import CliRunner, Result

from tfchain.base.address import to_text
from tfchain.base.shapes import encode_record
from tfchain.base.units import Address, FarmId, Height, MilliUsd, NodeId, Seconds, TwinId, Utft
from tfchain.cli import show as verb
from tfchain.errors import Rejected, Unavailable
from tfchain.ledger.cultivation import RENT_CONTRACT, CapacityContract
from tfchain.ledger.measures import SetPrice
from tfchain.ledger.proposals import ENACTED, Docket, FarmVote, Proposal
from tfchain.ledger.records import Farm
from tfchain.tx.capacity import NOTHING, UNLOADED

SOMEBODY: Final = to_text(Address(bytes(32)))
FARM: Final = Farm(
    id=FarmId(1),
    twin_id=TwinId(2),
    name="first_farm",
    payout_account=Address(bytes(32)),
    stellar_address="",
)
PROPOSAL: Final = Proposal(
    id=1,
    measure=SetPrice(price=MilliUsd(90)),
    proposer=Address(bytes(32)),
    farm_id=FarmId(1),
    text_hash=bytes(32),
    link="https://example.org",
    threshold=5,
    opened=Height(3),
    until=Seconds(9),
    state=ENACTED,
    closed=Height(4),
    enacted=Height(5),
    electorate=(),
    farms_yes=1,
    farms_no=0,
    yes=7,
    no=0,
    casts=2,
    guardians_yes=(),
    guardians_no=(),
    vetoes=(),
)
CONTRACT: Final = CapacityContract(
    id=3,
    twin_id=TwinId(4),
    node_id=NodeId(1),
    type=RENT_CONTRACT,
    reserved=NOTHING,
    used=NOTHING,
    farm_id=FarmId(1),
    public_ips=0,
    deployment_hash=b"",
    deployment_data=b"",
    created=Seconds(1),
    rented=False,
    own=False,
    counted_at=Seconds(2),
    consumed_at=Seconds(2),
    billed_at=Seconds(2),
    unbilled=7,
    unbilled_extra=0,
    grace_since=Seconds(0),
    owed=Utft(0),
    owed_extra=Utft(0),
    paid=Utft(5),
    discount=4,
)
VOTE: Final = FarmVote(
    farm_id=FarmId(6), account=Address(bytes(32)), weight=7, yes=True, height=Height(4)
)
DOCKET: Final = Docket(last=2, open=(), passed=(), halted=False)


def _row(table: str, key: str, row: object) -> dict[str, Any]:
    plain = None if row is None else encode_record(row).hex()
    place = f"/v1/proofs/{table}/{key}" if key else f"/v1/proofs/{table}"
    return {place: {"table": table, "row": plain}}


ANSWERS: Final[dict[str, Any]] = {
    **_row("proposals", "00000001", PROPOSAL),
    **_row("proposals", "00000002", None),
    **_row("votes", "000000012300000000", VOTE),
    **_row("votes", "000000012300000001", None),
    **_row("docket", "", DOCKET),
    **_row("capacity", "00000003", CONTRACT),
    **_row("capacity", "00000004", replace(CONTRACT, grace_since=Seconds(9))),
    **_row("capacity", "00000005", None),
    **_row("loads", "00000001", replace(UNLOADED, rent_id=3)),
    **_row("loads", "00000002", None),
    **_row("standings", "00000001", None),
    f"/v1/accounts/{SOMEBODY}": {"balance": "500", "nonce": "3"},
    "/v1/proofs/farms/00000001": {"table": "farms", "row": encode_record(FARM).hex()},
    "/v1/proofs/nodes/00000009": {"table": "nodes", "row": None},
    "/v1/proofs/nodes/00000008": {},
    "/v1/txs/" + "ab" * 32: {"status": "committed", "height": 7, "position": 0, "code": "ok"},
    "/v1/batches/0/4": {"state": "sealed", "count": 3},
    "/v1/batches/0/4/receipts?from=2&limit=1": {"receipts": [{"node_id": 2, "amount": "5"}]},
    "/v1/batches/0/4/receipts?from=3&limit=1": {"receipts": [{"node_id": 4, "amount": "5"}]},
    "/v1/batches/0/4/receipts?from=5&limit=1": {"receipts": 1},
    "/v1/batches/0/4/mints?from=2&limit=1": {"mints": [{"node_id": 2, "height": 9}]},
    "/v1/blocks/7": {"height": 7, "time": 10**30, "txs": [{"code": "ok"}] * 60, "signed": 1},
    "/v1/validators": {"height": 7, "validators": [{"key": "5F", "power": "3"}, 1]},
    "/v1/batches?last=20": {"batches": [{"schedule": 0, "period": 4, "start": 10**30}]},
    "/v1/batches?last=19": {"batches": {}},
}


class Serving(BaseHTTPRequestHandler):
    """Says what stands in the table above."""

    def do_GET(self) -> None:
        known = self.path in ANSWERS
        body = json.dumps(ANSWERS.get(self.path, {"error": "no"})).encode()
        self.send_response(200 if known else 404)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # type: ignore[explicit-override]  # noqa: A002
        """Silent."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Serving) as one:
        thread = threading.Thread(target=one.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{one.server_address[1]}"
        one.shutdown()
        thread.join()


def _show(*arguments: str) -> Result:
    nowhere = {"TFCHAIN_NODE": "", "XDG_RUNTIME_DIR": "", "XDG_STATE_HOME": "nowhere"}
    return CliRunner().invoke(verb.app, [*arguments], env={"COLUMNS": "120", **nowhere})


@pytest.mark.parametrize(
    ("arguments", "name", "value"),
    [
        pytest.param(("account", SOMEBODY), "balance", "500", id="an account"),
        pytest.param(("farm", "1"), "name", "first_farm", id="a farm"),
        pytest.param(("tx", "ab" * 32), "height", 7, id="a transaction"),
        pytest.param(("batch", "0/4"), "state", "sealed", id="a batch"),
        pytest.param(("receipt", "0/4", "2"), "amount", "5", id="a receipt"),
        pytest.param(("mint", "0/4", "2"), "height", 9, id="a mint record"),
        pytest.param(("block", "7"), "height", 7, id="a block"),
        pytest.param(("proposal", "1"), "state", "enacted", id="a proposal"),
        pytest.param(("standing", "1"), "frauds", 0, id="a standing"),
        pytest.param(("capacity", "3"), "type", "rent", id="a contract for a whole node"),
        pytest.param(("capacity", "3"), "discount", "gold", id="the discount of its bill"),
        pytest.param(("capacity", "3"), "state", "active", id="a contract that is paid"),
        pytest.param(("capacity", "4"), "state", "grace", id="a contract that is not"),
        pytest.param(("load", "1"), "rent_id", 3, id="what is taken of a node"),
    ],
)
def test_a_thing_is_shown(arguments: tuple[str, ...], name: str, value: object, url: str) -> None:
    plain = json.loads(_show(*arguments, "--node", url, "--json").stdout)
    assert plain[name] == value
    shown = _show(*arguments, "--node", url)
    assert shown.exit_code == 0
    assert name in shown.stdout
    assert str(value) in shown.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("node", "9"), id="a node"),
        pytest.param(("receipt", "0/4", "3"), id="a receipt"),
        pytest.param(("batch", "0/5"), id="a batch"),
        pytest.param(("proposal", "2"), id="a proposal"),
        pytest.param(("capacity", "5"), id="a contract that has ended"),
        pytest.param(("load", "2"), id="a node without users"),
    ],
)
def test_what_is_not_there_is_a_no(arguments: tuple[str, ...], url: str) -> None:
    result = _show(*arguments, "--node", url)
    assert isinstance(result.exception, Rejected)
    assert result.exception.code == "not_found"


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("batch", "4"), id="no period"),
        pytest.param(("batch", "a/b"), id="no numbers"),
        pytest.param(("batch", "256/1"), id="a schedule too high"),
        pytest.param(("node", "0"), id="no such number"),
        pytest.param(("tx", "abcd"), id="a short id"),
        pytest.param(("tx", "nobody"), id="no hex"),
        pytest.param(("history", "set_prices"), id="no measure"),
        pytest.param(("account", "nobody"), id="no address"),
    ],
)
def test_a_wrong_call_is_told(arguments: tuple[str, ...], url: str) -> None:
    assert _show(*arguments, "--node", url).exit_code == 2


def test_who_voted_what_stands_beside_the_proposal(url: str) -> None:
    one = _show("proposal", "1", "--node", url, "--json")
    assert one.exit_code == 0, one.exception
    plain = json.loads(one.stdout)
    assert plain["measure"] == {"set_price": {"price": 90}}
    assert [(vote["farm_id"], vote["yes"]) for vote in plain["votes"]] == [(6, True)]


@pytest.mark.parametrize(("measure", "rows"), [((), 1), (("set_price",), 1), (("halt",), 0)])
def test_the_history_of_a_measure(measure: tuple[str, ...], rows: int, url: str) -> None:
    found = _show("history", *measure, "--node", url, "--json")
    assert found.exit_code == 0, found.exception
    assert len(json.loads(found.stdout)["enacted"]) == rows
    shown = _show("history", *measure, "--node", url).stdout
    assert ("set_price: price=90" in shown) == bool(rows)


def test_what_cannot_be_used_is_told(url: str) -> None:
    for arguments in (("node", "8"), ("receipt", "0/4", "5"), ("period", "--last", "19")):
        assert isinstance(_show(*arguments, "--node", url).exception, Unavailable)
    assert isinstance(_show("node", "1").exception, Unavailable)


def test_tables_show_what_they_can_of_an_odd_answer(url: str) -> None:
    assert "3" in _show("validators", "--node", url).stdout
    assert "0/4" in _show("period", "--node", url).stdout
    block = _show("block", "7", "--node", url).stdout
    assert "10 more; --json has all" in block
    assert "1000000000000000000000000000000" in block


def test_a_proof_from_what_is_no_node_is_told(url: str) -> None:
    result = _show("node", "1", "--node", url, "--proof")
    assert isinstance(result.exception, Unavailable)
