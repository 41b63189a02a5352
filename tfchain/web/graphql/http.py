"""`/graphql` over HTTP: GET and POST, and what is said to requests that hold no query."""

from contextlib import aclosing
from functools import partial
from http import HTTPStatus
from typing import Final

import trio
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tfchain.errors import Malformed, Unavailable
from tfchain.node.answers import Json
from tfchain.web.asking import Ask
from tfchain.web.graphql.bounds import BODY_BYTES_MAX
from tfchain.web.graphql.loading import load_untrusted
from tfchain.web.graphql.operations import Answer, Asked, answer, too_slow
from tfchain.web.graphql.sdl import schema

PATH: Final = "/graphql"
BODY_S: Final = 20.0
"""For a body to arrive."""

_OPEN_DOOR: Final = {"access-control-allow-origin": "*"}
_PREFLIGHT: Final = {
    **_OPEN_DOOR,
    "access-control-allow-methods": "GET,POST",
    "access-control-allow-headers": "*",
}
_NO_BODY: Final = "POST body missing, invalid Content-Type, or JSON object has no keys."


def routes(ask: Ask) -> list[Route]:
    """The one route; the schema is made here, before anybody asks."""
    schema()
    return [Route(PATH, Face(ask).serve, methods=["GET", "POST", "OPTIONS"])]


class Face:
    """The requests of one path."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def serve(self, request: Request) -> Response:
        """Any request."""
        if request.method == "OPTIONS":
            return Response(status_code=HTTPStatus.NO_CONTENT, headers=_PREFLIGHT)
        asked = await _asked(request)
        return _response(asked if isinstance(asked, Answer) else await self._answer(asked))

    async def _answer(self, asked: Asked) -> Answer:
        try:
            return await self._ask(partial(answer, asked))
        except Unavailable:
            return too_slow()


def _response(told: Answer) -> Response:
    kind = "text/html" if told.text else "application/json"
    return Response(told.body, told.status, headers=_OPEN_DOOR, media_type=f"{kind}; charset=utf-8")


async def _asked(request: Request) -> Asked | Answer:
    safe = request.method != "POST"
    if safe:
        return _read({**request.query_params}, "GET query missing.", safe=True)
    body = await _body(request)
    if isinstance(body, Answer):
        return body
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" or not body:
        return _words(_NO_BODY)
    try:
        plain = load_untrusted(body)
    except Malformed as fault:
        return _words(str(fault))
    return _read(plain, _NO_BODY, safe=False)


async def _body(request: Request) -> bytes | Answer:
    """The body, measured before it is read, and while it is."""
    too_large = _words("request entity too large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    if _declared(request) > BODY_BYTES_MAX:
        return too_large
    body = bytearray()
    with trio.move_on_after(BODY_S) as patience:
        async with aclosing(request.stream()) as pieces:
            async for piece in pieces:
                body += piece
                if len(body) > BODY_BYTES_MAX:
                    return too_large
    if patience.cancelled_caught:
        return _words("the body did not arrive", HTTPStatus.REQUEST_TIMEOUT)
    return bytes(body)


def _declared(request: Request) -> int:
    """The length that the request says; too much if that is no number."""
    text = request.headers.get("content-length", "0")
    plain = text.isascii() and text.isdigit() and len(text) < 12
    return int(text) if plain else BODY_BYTES_MAX + 1


def _read(plain: Json, empty: str, *, safe: bool) -> Asked | Answer:
    """What the members of a request ask; both ways of asking have the same."""
    if isinstance(plain, list):
        return _words("Operation batching disabled.")
    if not isinstance(plain, dict) or not plain:
        return _words(empty)
    try:
        return Asked(
            query=_query(plain.get("query")),
            variables=_variables(plain.get("variables")),
            operation_name=_operation_name(plain.get("operationName")),
            safe=safe,
        )
    except Malformed as fault:
        return _words(str(fault))


def _query(given: Json) -> str:
    if given and not isinstance(given, str):
        raise Malformed("GraphQL queries must be strings.")
    return given if isinstance(given, str) else ""


def _variables(given: Json) -> dict[str, Json]:
    """An object, or its JSON text."""
    if isinstance(given, str) and given:
        given = load_untrusted(given)
    if not given:
        return {}
    if not isinstance(given, dict):
        raise Malformed("Variables are invalid JSON.")
    return given


def _operation_name(given: Json) -> str | None:
    if given and not isinstance(given, str):
        raise Malformed("an operation's name is a string")
    return given if isinstance(given, str) and given else None


def _words(text: str, status: int = HTTPStatus.BAD_REQUEST) -> Answer:
    return Answer(status=status, body=text.encode(), text=True)
