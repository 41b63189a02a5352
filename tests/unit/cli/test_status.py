"""`tfchain status`: a node's own words as lines and tables."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner, Result

from tfchain.cli import status as verb
from tfchain.errors import Unavailable

APP = typer.Typer()
APP.command()(verb.status)

STATUS: dict[str, Any] = {
    "version": "0.1",
    "chain_id": "devnet-1",
    "height": 42,
    "block_id": "ab" * 32,
    "time_ms": 1_700_000_000_000,
    "validator": None,
    "round": 0,
    "step": "propose",
    "peers": [
        {"key": "5" * 48, "connected": True, "where": "127.0.0.1:7400", "reason": ""},
        {"key": "6" * 48, "connected": False, "where": "", "reason": "refused"},
    ],
    "mempool": {"count": 3, "bytes": 400},
    "store": "store: memory",
    "supply": {"minted_ever": "15000000", "reserved": "0", "cap": "40000000000000000"},
    "totals": {"twins": 1, "farms": 2, "nodes": 3},
    "batches": [
        {
            "schedule": 0,
            "period": 7,
            "state": "sealed",
            "count": 3,
            "total": "20000000",
            "minted": "0",
            "guardians": ["guardian-a", "guardian-b"],
            "commitments": [{"guardian": "guardian-a"}],
            "attestations": [{"guardian": "guardian-a"}],
        },
        {"schedule": 0, "period": 8, "state": "open", "guardians": ["guardian-a"]},
    ],
}


class Serving(BaseHTTPRequestHandler):
    """Says what its server holds."""

    def do_GET(self) -> None:
        body: bytes = self.server.body  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # type: ignore[explicit-override]  # noqa: A002
        """Silent."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Serving) as one:
        one.body = json.dumps(STATUS).encode()  # type: ignore[attr-defined]
        thread = threading.Thread(target=one.serve_forever)
        thread.start()
        yield one
        one.shutdown()
        thread.join()


def _url(server: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}"


def _status(*arguments: str) -> Result:
    return CliRunner().invoke(APP, [*arguments], env={"COLUMNS": "160", "TFCHAIN_NODE": ""})


def test_people_get_lines_and_tables(server: ThreadingHTTPServer) -> None:
    result = _status("--node", _url(server))
    assert result.exit_code == 0
    for piece in (
        "devnet-1",
        "height     42",
        "1.5000000 TFT",
        "0/7",
        "sealed",
        "1 of 2",
        "refused",
    ):
        assert piece in result.stdout, piece


def test_scripts_get_the_answer_as_it_is(server: ThreadingHTTPServer) -> None:
    assert json.loads(_status("--node", _url(server), "--json").stdout) == STATUS


def test_the_environment_may_name_the_node(server: ThreadingHTTPServer) -> None:
    result = CliRunner().invoke(APP, ["--json"], env={"TFCHAIN_NODE": _url(server)})
    assert json.loads(result.stdout)["height"] == 42


def test_without_a_node_it_says_how_to_name_one() -> None:
    result = _status()
    assert isinstance(result.exception, Unavailable)
    assert "give --node URL, or set TFCHAIN_NODE" in str(result.exception)


@pytest.mark.parametrize("body", [b"{}", b"[]", b"no json", b'{"height":"1","time_ms":1}'])
def test_something_else_at_that_address_is_told(server: ThreadingHTTPServer, body: bytes) -> None:
    server.body = body  # type: ignore[attr-defined]
    result = _status("--node", _url(server))
    assert isinstance(result.exception, Unavailable)
    assert "no tfchain node" in str(result.exception)


def test_only_a_sealed_batch_misses_attestations() -> None:
    assert verb.missing(STATUS["batches"][0]) == ["guardian-b"]
    assert verb.missing(STATUS["batches"][1]) == []


def test_odd_answers_leave_gaps_and_break_nothing() -> None:
    odd: dict[str, Any] = {"batches": 5, "peers": [1], "supply": []}
    assert verb.rows(odd, "batches") == verb.rows(odd, "peers") == []
    assert list(verb.lines_of(odd))
    console = Console(record=True)
    console.print(verb.batches_table([{"guardians": 3, "total": 3}]))
    console.print(verb.peers_table([{}]))
