"""`tfchain doctor`: each thing that can be wrong is found, and said with its cure."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import time
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from tfchain import __version__
from tfchain.cli import doctor as verb
from tfchain.errors import Unavailable

APP = typer.Typer()
APP.command()(verb.doctor)
NOW = 1_700_000_000_000


def _status(**changes: Any) -> dict[str, Any]:
    healthy = {
        "version": __version__,
        "height": 9,
        "time_ms": NOW,
        "peers": [{"key": "first", "connected": True}],
        "batches": [],
    }
    return healthy | changes


def _wrong(status: dict[str, Any]) -> list[str]:
    return [finding.what for finding in verb.examined(status, NOW) if not finding.good]


def _batch(state: str) -> dict[str, Any]:
    return {"schedule": 0, "period": 4, "state": state, "guardians": ["a"], "attestations": []}


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        pytest.param({}, [], id="all is well"),
        pytest.param({"time_ms": NOW - 29_000}, [], id="a block of half a minute ago"),
        pytest.param({"time_ms": NOW - 40_000}, ["clock"], id="no block for long"),
        pytest.param({"time_ms": NOW + 60_000}, ["clock"], id="a clock that is behind"),
        pytest.param(
            {"peers": [{"key": "first", "connected": False}]}, ["peers"], id="a peer is away"
        ),
        pytest.param({"version": "0"}, ["version"], id="another version"),
        pytest.param({"batches": [_batch("sealed")]}, [], id="attestations still come"),
        pytest.param({"batches": [_batch("paid")]}, [], id="a paid batch"),
        pytest.param({"batches": [_batch("disputed")]}, ["batch 0/4"], id="a disputed batch"),
    ],
)
def test_what_is_wrong_is_found(changes: dict[str, Any], wrong: list[str]) -> None:
    assert _wrong(_status(**changes)) == wrong


def test_those_who_are_missing_are_named() -> None:
    away = _status(peers=[{"key": "first", "connected": False}], batches=[_batch("sealed")])
    found = " ".join(finding.found for finding in verb.examined(away, NOW))
    assert "0 of 1 connected; missing: first" in found
    assert "not attested: a" in found


class Serving(BaseHTTPRequestHandler):
    """Says what its server holds."""

    def do_GET(self) -> None:
        body = json.dumps(self.server.status).encode()  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # type: ignore[explicit-override]  # noqa: A002
        """Silent."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Serving) as one:
        one.status = _status(time_ms=int(time() * 1_000))  # type: ignore[attr-defined]
        thread = threading.Thread(target=one.serve_forever)
        thread.start()
        yield one
        one.shutdown()
        thread.join()


def test_a_healthy_node_ends_with_0(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{server.server_address[1]}"
    result = CliRunner().invoke(APP, ["--node", url, "--home", str(tmp_path), "--json"])
    plain = json.loads(result.stdout)
    assert [check["what"] for check in plain["checks"]] == ["clock", "peers", "version", "disk"]
    assert result.exit_code == (0 if plain["healthy"] else 1)
    shown = CliRunner().invoke(APP, ["--node", url])
    assert (shown.exit_code, shown.stdout.count("ok")) == (0, 3)


def test_a_sick_node_ends_with_1(server: ThreadingHTTPServer) -> None:
    server.status = _status(time_ms=1)  # type: ignore[attr-defined]
    url = f"http://127.0.0.1:{server.server_address[1]}"
    result = CliRunner().invoke(APP, ["--node", url])
    assert result.exit_code == 1
    assert "WRONG" in result.stdout


def test_a_home_that_is_not_there_is_told(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{server.server_address[1]}"
    result = CliRunner().invoke(APP, ["--node", url, "--home", str(tmp_path / "absent")])
    assert isinstance(result.exception, Unavailable)


def test_without_a_node_it_says_so() -> None:
    result = CliRunner().invoke(APP, [], env={"TFCHAIN_NODE": ""})
    assert isinstance(result.exception, Unavailable)
