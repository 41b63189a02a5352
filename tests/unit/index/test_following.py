"""Following a validator: over breaks, over nonsense, and not beyond what it has."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from trio.testing import MockClock

from tfchain.chain import export_records as records
from tfchain.client.http import Client
from tfchain.errors import Malformed, TfchainError, Unavailable
from tfchain.index.following import Watch, follow, take_export
from tfchain.index.model import Model, opened_model
from tfchain.node.faults import one_fault
from tfchain.node.heads import Heads
from tfchain.store.export import frames


@dataclass
class Pretender:
    """A validator's HTTP face over recorded blocks. Its stream ends where its blocks do."""

    recorded: Any
    height: int = 93
    first: int = 1
    """The first block that it has."""
    silent: int = 0
    """Requests that nobody answers."""
    swap: dict[int, int] = field(default_factory=dict)
    """Which block it shows instead of another."""
    nonsense: bytes = b""
    """What it says in place of a stream."""
    asked: list[int] = field(default_factory=list)

    def face(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v1/genesis", self.genesis),
                Route("/v1/status", self.status),
                Route("/v1/blocks", self.blocks),
                Route("/v1/blocks/{height:int}", self.block),
            ]
        )

    def _check_awake(self) -> None:
        if self.silent:
            self.silent -= 1
            raise httpx.ConnectError("nobody there")

    async def genesis(self, _request: Request) -> Response:
        self._check_awake()
        return Response(self.recorded.genesis)

    async def status(self, _request: Request) -> Response:
        return JSONResponse({"height": self.height, "state_root": "ab"})

    async def block(self, request: Request) -> Response:
        there = self.first <= request.path_params["height"] <= self.height
        return JSONResponse({"height": 1} if there else {"error": ""}, 200 if there else 404)

    async def blocks(self, request: Request) -> Response:
        self._check_awake()
        start = int(request.query_params["from"])
        self.asked.append(start)
        if start < self.first:
            raise httpx.ReadError("it breaks")
        if self.nonsense:
            return Response(self.nonsense)
        shown = [self.swap.get(height, height) for height in range(start, self.height + 1)]
        raws = [(records.BLOCK, self.recorded.blocks[height - 1].raw) for height in shown]
        return Response(b"".join(frames(raws)))


Following = Callable[[Model, Pretender, Watch], Any]


@asynccontextmanager
async def following(model: Model, validator: Pretender, watch: Watch) -> AsyncIterator[None]:
    transport = httpx.ASGITransport(validator.face())
    with one_fault():
        async with httpx.AsyncClient(transport=transport) as http, trio.open_nursery() as nursery:
            nursery.start_soon(follow, model, Client("http://validator", http), watch)
            yield
            nursery.cancel_scope.cancel()


@pytest.fixture
def watch() -> Watch:
    return Watch(Heads(0), lines.append)


lines: list[str] = []


@pytest.fixture(autouse=True)
def unsaid() -> None:
    lines.clear()


@pytest.fixture
def quick(mock_clock: MockClock) -> None:
    """A second lasts ten milliseconds; blocks are taken in by threads, which no clock can skip."""
    mock_clock.rate = 100


async def reached(watch: Watch, height: int) -> None:
    with trio.fail_after(3_000):
        await watch.heads.wait_for(height)


async def test_every_block_is_taken_in(
    recorded: Any, shown: Model, watch: Watch, tmp_path: Path
) -> None:
    validator = Pretender(recorded)
    with opened_model(tmp_path) as model:
        async with following(model, validator, watch):
            await reached(watch, 93)
        assert model.standing() == shown.standing()
    assert (watch.trouble, watch.node_height, watch.node_root) == ("", 93, "ab")


async def test_it_goes_on_after_a_break(
    recorded: Any, watch: Watch, tmp_path: Path, quick: None
) -> None:
    validator = Pretender(recorded, height=10)
    with opened_model(tmp_path) as model:
        async with following(model, validator, watch):
            await reached(watch, 10)
            validator.silent = 1
            validator.height = 20
            await reached(watch, 20)
    assert any("does not answer" in line for line in lines)
    assert lines[-1] == "the validator answers again"
    assert validator.asked[0] == 1
    assert 11 in validator.asked


async def test_it_waits_for_a_validator_that_is_not_up_yet(
    recorded: Any, watch: Watch, tmp_path: Path, quick: None
) -> None:
    validator = Pretender(recorded, height=5, silent=3)
    with opened_model(tmp_path) as model:
        async with following(model, validator, watch):
            await reached(watch, 5)


async def test_what_is_here_is_shown_though_nobody_answers(
    recorded: Any, watch: Watch, tmp_path: Path, quick: None
) -> None:
    with opened_model(tmp_path) as model:
        recorded.into(model, upto=7)
        async with following(model, Pretender(recorded, silent=10**6), watch):
            await reached(watch, 7)
            assert "does not answer" in watch.trouble


@pytest.mark.parametrize(
    "nonsense",
    [
        pytest.param(b"<html>", id="a page"),
        pytest.param(b"tfchain export 1\n\x02\xff\xff\xff\xff", id="a record without an end"),
        pytest.param(b"".join(frames([(records.BLOCK, b"\xc0")])), id="a block that is none"),
        pytest.param(b"tfchain export 1\n", id="nothing at all"),
    ],
)
async def test_nonsense_is_trouble_and_asked_again(
    nonsense: bytes, recorded: Any, watch: Watch, tmp_path: Path, quick: None
) -> None:
    validator = Pretender(recorded, height=9, nonsense=nonsense)
    with opened_model(tmp_path) as model:
        async with following(model, validator, watch):
            while len(validator.asked) < 3:  # noqa: ASYNC110 -- nobody else knows
                await trio.sleep(1)
            assert model.height == 0
            validator.nonsense = b""
            await reached(watch, 9)


@pytest.mark.parametrize(
    ("validator", "word"),
    [
        pytest.param({"swap": {5: 7}}, "block 7: height is not", id="a gap"),
        pytest.param({"first": 60}, "has no block 1: it began with a snapshot", id="a snapshot"),
    ],
)
async def test_what_cannot_go_on_ends_it(
    validator: dict[str, Any],
    word: str,
    recorded: Any,
    watch: Watch,
    tmp_path: Path,
) -> None:
    with opened_model(tmp_path) as model, pytest.raises(TfchainError, match=word):
        async with following(model, Pretender(recorded, **validator), watch):
            await trio.sleep(3_000)


async def test_another_chain_ends_it(recorded: Any, watch: Watch, tmp_path: Path) -> None:
    other = recorded.genesis.replace('salt = "', 'salt = "x')
    with opened_model(tmp_path) as model:
        model.begin(other)
        with pytest.raises(Unavailable, match="holds devnet"):
            async with following(model, Pretender(recorded), watch):
                await trio.sleep(3_000)


def test_an_export_is_taken_in_and_again_from_where_it_ended(
    recorded: Any, shown: Model, golden_folder: Path, tmp_path: Path
) -> None:
    with opened_model(tmp_path) as model:
        recorded.into(model, upto=20)
        take_export(model, golden_folder / "devnet.tfc")
        take_export(model, golden_folder / "devnet.tfc")
        assert model.standing() == shown.standing()


@pytest.mark.parametrize(("cut", "fault"), [(5, Malformed), (100_000, Malformed), (-1, Malformed)])
def test_an_export_that_is_cut_off_is_told(
    cut: int, fault: type[TfchainError], golden_folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "cut.tfc"
    path.write_bytes((golden_folder / "devnet.tfc").read_bytes()[:cut])
    with opened_model(tmp_path / "model") as model, pytest.raises(fault, match="byte"):
        take_export(model, path)


def test_an_export_that_is_not_there_is_told(tmp_path: Path) -> None:
    with opened_model(tmp_path) as model, pytest.raises(Unavailable, match="cannot read"):
        take_export(model, tmp_path / "nothing.tfc")
