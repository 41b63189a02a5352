"""One client may ask so fast and no faster, whatever the others do."""

from typing import Any

import httpx
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tfchain.net.rates import UNBOUNDED, Rate
from tfchain.web.rates import Rated, Rates, client_of, rate_of

TWO = Rate(burst=2, per_s=1)


async def hello(_request: Request) -> Response:
    return Response("hello")


def site(rate: Rate) -> Rated:
    return Rated(Starlette(routes=[Route("/", hello)]), rate)


def from_address(site: Rated, host: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(site, client=(host, 1234))
    return httpx.AsyncClient(transport=transport, base_url="http://web")


async def test_who_asks_too_fast_is_told_when_to_come_again(autojump_clock: Any) -> None:
    rated = site(TWO)
    async with from_address(rated, "10.0.0.1") as http:
        assert [(await http.get("/")).status_code for _ in range(3)] == [200, 200, 429]
        refused = await http.get("/")
        assert refused.json() == {"error": "too many requests of one client"}
        await trio.sleep(int(refused.headers["retry-after"]))
        assert [(await http.get("/")).status_code for _ in range(2)] == [200, 429]


async def test_others_are_not_held_back(autojump_clock: Any) -> None:
    rated = site(TWO)
    async with from_address(rated, "10.0.0.1") as http:
        assert [(await http.get("/")).status_code for _ in range(4)][-1] == 429
    async with from_address(rated, "10.0.0.2") as http:
        assert (await http.get("/")).status_code == 200


async def test_a_socket_that_comes_too_fast_is_closed(autojump_clock: Any) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "websocket", "client": ("10.0.0.1", 1)}
    rated = Rated(Starlette(), Rate(burst=0, per_s=1))
    await rated(scope, trio.sleep_forever, send)
    assert sent == [{"type": "websocket.close", "code": 1013}]


@given(st.lists(st.floats(0, 0.5), max_size=80))
def test_in_the_long_run_no_more_than_the_rate_are_let_in(pauses: list[float]) -> None:
    rates, now, taken = Rates(Rate(burst=3, per_s=2)), 0.0, 0
    for pause in pauses:
        now += pause
        taken += rates.take("one", now) == 0.0
        assert taken <= 3 + 2 * now + 1e-6


def test_only_so_many_clients_are_remembered() -> None:
    rates = Rates(TWO, clients_max=2)
    for client in ("a", "a", "b", "c"):
        assert rates.take(client, 0.0) == 0.0
    assert list(rates._buckets) == ["b", "c"]


@pytest.mark.parametrize(
    ("host", "name"),
    [
        pytest.param("10.0.0.1", "10.0.0.1", id="an address"),
        pytest.param("::ffff:10.0.0.1", "10.0.0.1", id="the same in the form of IPv6"),
        pytest.param("2001:db8::1", str(0x20010DB8 << 32), id="a network"),
        pytest.param("2001:db8::ffff:2", str(0x20010DB8 << 32), id="another in that network"),
        pytest.param("testclient", "testclient", id="a name"),
    ],
)
def test_who_is_counted_together(host: str, name: str) -> None:
    assert client_of({"client": (host, 1)}) == name


def test_zero_is_no_bound() -> None:
    assert rate_of(0) == UNBOUNDED
    assert rate_of(7) == Rate(burst=70, per_s=7)
