"""Which node a verb asks when nobody names one."""

import json
import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tfchain.cli.nearby import named, nearby
from tfchain.errors import Unavailable
from tfchain.node.devnet.beacon import Beacon, lit

Serve = Callable[[bytes], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """`serve(body)`: the address of a server that answers so to everything."""
    servers: list[ThreadingHTTPServer] = []

    def run(body: bytes) -> str:
        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # type: ignore[explicit-override]  # noqa: A002
                """Silent."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        threading.Thread(target=server.serve_forever).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield run
    for server in servers:
        server.shutdown()
        server.server_close()


def status(chain_id: str) -> bytes:
    return json.dumps({"chain_id": chain_id}).encode()


def beacon(*urls: str, pid: int = 0) -> Beacon:
    return Beacon(pid=pid or os.getpid(), chain_id="devnet-1", urls=urls)


def test_a_named_node_is_asked() -> None:
    assert named("http://x:1") == "http://x:1"


def test_the_first_validator_of_the_right_chain_is_asked(tmp_path: Path, serve: Serve) -> None:
    right = serve(status("devnet-1"))
    wrong = [serve(status("devnet-2")), serve(b"<html>"), serve(b"[]"), "http://127.0.0.1:1", "x"]
    with lit(tmp_path / "tfchain", beacon(*wrong, right)):
        assert nearby({"XDG_RUNTIME_DIR": str(tmp_path)}) == right


def test_it_is_said_that_nobody_is_there(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no devnet runs here"):
        nearby({"XDG_RUNTIME_DIR": str(tmp_path)})


def test_a_devnet_that_is_silent_is_named(tmp_path: Path) -> None:
    says = f"process {os.getpid()} does not answer"
    with (
        lit(tmp_path / "tfchain", beacon("http://127.0.0.1:1")),
        pytest.raises(Unavailable, match=says),
    ):
        nearby({"XDG_RUNTIME_DIR": str(tmp_path)})


def test_of_two_devnets_none_is_guessed(tmp_path: Path, serve: Serve) -> None:
    one, two = serve(status("devnet-1")), serve(status("devnet-1"))
    folder = tmp_path / "tfchain"
    with (
        lit(folder, beacon(one)),
        lit(folder, beacon(two, pid=os.getppid())),
        pytest.raises(Unavailable, match="2 devnets run here") as refusal,
    ):
        nearby({"XDG_RUNTIME_DIR": str(tmp_path)})
    assert one in str(refusal.value)
    assert two in str(refusal.value)
