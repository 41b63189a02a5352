"""The routes at the root of the port: the public clients drop any path before them."""

import re
from collections.abc import Awaitable, Callable, Mapping
from sqlite3 import Connection
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tfchain import __version__
from tfchain.base.units import U64_MAX
from tfchain.errors import Malformed, Unavailable
from tfchain.web.asking import Ask
from tfchain.web.proxy import questions
from tfchain.web.proxy.parameters import query_of
from tfchain.web.proxy.replies import Reply, missing, page_not_found, response
from tfchain.web.proxy.shapes import HEALTH

Clock = Callable[[], int]
"""The time, in seconds of Unix time."""
Endpoint = Callable[[Request], Awaitable[Response]]

_DIGITS: Final = re.compile(r"[0-9]+")
_NUMBER_CHARS_MAX: Final = 20

_NUMBERED: Final[Mapping[str, Callable[[Connection, int, int], Reply]]] = {
    "/nodes/{id}": questions.node,
    "/nodes/{id}/status": questions.status,
    "/nodes/{id}/statistics": questions.statistics,
    "/nodes/{id}/gpu": questions.gpus,
    "/gateways/{id}": questions.gateway,
    "/gateways/{id}/status": questions.status,
    "/contracts/{id}": questions.contract,
}
"""What is one row under its number."""

_FIXED: Final[Mapping[str, object]] = {
    "/ping": {"ping": "pong"},
    "/version": {"version": __version__},
}


def routes(ask: Ask, now: Clock) -> list[Route]:
    """All of grid-proxy's routes, GET alone."""
    found = [Route(f"/{name}", _list(ask, now, name)) for name in questions.LISTS]
    found += [Route(path, _row(ask, now, path)) for path in _NUMBERED]
    found += [
        Route("/contracts/{id}/bills", _bills(ask, now)),
        Route("/twins/{id}/consumption", _consumption(ask)),
        Route("/stats", _stats(ask, now)),
        Route("/health", _health(ask)),
    ]
    found += [Route(path, _fixed(content)) for path, content in _FIXED.items()]
    paths = " ".join(route.path for route in found)
    return [*found, Route("/", _fixed(f"grid-proxy of tfchain answers at {paths}"))]


def _list(ask: Ask, now: Clock, name: str) -> Endpoint:
    async def answer(request: Request) -> Response:
        query = query_of(request.scope["query_string"])
        moment = now()
        return await _told(ask, lambda rows: questions.rows(rows, name, query, moment))

    return _bounded(answer)


def _row(ask: Ask, now: Clock, path: str) -> Endpoint:
    question = _NUMBERED[path]

    async def answer(request: Request) -> Response:
        number = _number(request)
        moment = now()
        return await _told(ask, lambda rows: question(rows, number, moment))

    return _bounded(answer)


def _bills(ask: Ask, now: Clock) -> Endpoint:
    async def answer(request: Request) -> Response:
        number, query, moment = _number(request), query_of(request.scope["query_string"]), now()
        return await _told(ask, lambda rows: questions.bills(rows, number, query, moment))

    return _bounded(answer)


def _consumption(ask: Ask) -> Endpoint:
    async def answer(request: Request) -> Response:
        number = _number(request)
        return await _told(ask, lambda rows: questions.consumption(rows, number))

    return _bounded(answer)


def _stats(ask: Ask, now: Clock) -> Endpoint:
    async def answer(request: Request) -> Response:
        query, moment = query_of(request.scope["query_string"]), now()
        return await _told(ask, lambda rows: questions.summary(rows, query, moment))

    return _bounded(answer)


def _health(ask: Ask) -> Endpoint:
    def look(rows: Connection) -> Reply:
        rows.execute("SELECT 1 FROM node LIMIT 1").fetchone()
        return Reply(content=HEALTH)

    async def answer(_request: Request) -> Response:
        return await _told(ask, look)

    return _bounded(answer)


def _fixed(content: object) -> Endpoint:
    body = Reply(content=content).body()

    async def answer(_request: Request) -> Response:
        return response(body)

    return answer


async def _told(ask: Ask, question: Callable[[Connection], Reply]) -> Response:
    """What the read model answers; also made into bytes beside the server."""

    def told(rows: Connection) -> tuple[bytes, int, Mapping[str, str]]:
        reply = question(rows)
        return reply.body(), reply.status, reply.headers

    return response(*await ask(told))


def _bounded(answer: Endpoint) -> Endpoint:
    """An endpoint whose refusals have the public server's form."""

    async def guarded(request: Request) -> Response:
        if not _DIGITS.fullmatch(request.path_params.get("id", "0")):
            return page_not_found()
        try:
            return await answer(request)
        except Malformed as fault:
            refusal = missing(str(fault), 400)
        except Unavailable as fault:
            refusal = missing(str(fault), 503)
        return response(refusal.body(), refusal.status)

    return guarded


def _number(request: Request) -> int:
    """The number in the path."""
    said = request.path_params["id"]
    if len(said) > _NUMBER_CHARS_MAX or int(said) > U64_MAX:
        raise Malformed(f"a number of at most {U64_MAX} is due")
    return int(said)
