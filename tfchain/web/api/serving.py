"""From the table to routes: parameters are read, the read model or the validator is asked, JSON goes out.

Every answer has an ETag over its bytes, so that whoever has it already is told so in a few bytes: on a
chain most of what is asked twice never changes.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from hashlib import blake2b
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tfchain.node.answers import body_of, error
from tfchain.web.api.endpoint import JSON_TYPE, Elsewhere, Endpoint, Passed, Read
from tfchain.web.api.leaving import Written
from tfchain.web.api.parameters import read_all
from tfchain.web.api.passing import Passing
from tfchain.web.asking import Ask

Answer = Callable[[Request], Awaitable[Response | Written]]

TAG_BYTES: Final = 16
OTHERS: Final = ("GET", "PUT", "PATCH", "DELETE", "QUERY")
MISSING: Final = "there is no such thing on this chain"


def routes_of(endpoints: tuple[Endpoint, ...], ask: Ask, passing: Passing) -> list[Route]:
    """A route for each endpoint that this part answers."""
    found = []
    for one in endpoints:
        answer = _answer_of(one, ask, passing)
        if answer is not None:
            found.append(Route(one.path, answer, methods=[one.method]))
        if one.method == "POST":  # else `attacks` would be read as a height
            found.append(Route(one.path, _post_only, methods=[*OTHERS]))
    return found


async def _post_only(_request: Request) -> Response:
    raise HTTPException(405, headers={"Allow": "POST"})


def _answer_of(endpoint: Endpoint, ask: Ask, passing: Passing) -> Answer | None:
    match endpoint.does:
        case Read():
            return partial(_read, endpoint=endpoint, does=endpoint.does, ask=ask)
        case Passed():
            return partial(_passed, endpoint=endpoint, does=endpoint.does, passing=passing)
        case Elsewhere():
            return None


async def _read(request: Request, endpoint: Endpoint, does: Read, ask: Ask) -> Response:
    query = request.query_params.multi_items()
    values = read_all(endpoint.parameters, request.path_params, query)
    plain = await ask(lambda connection: does.question(connection, values))
    if plain is None:
        return Response(body_of(error(MISSING)), 404, media_type=JSON_TYPE)
    body = plain.encode() if isinstance(plain, str) else body_of(plain)
    return tagged(request, Response(body, media_type=endpoint.media))


async def _passed(
    request: Request, endpoint: Endpoint, does: Passed, passing: Passing
) -> Response | Written:
    query = request.query_params.multi_items()
    read_all(endpoint.parameters, request.path_params, query)
    if does.streams and request.method == "HEAD":
        return Response(media_type=endpoint.media)
    if does.streams:
        return passing.stream(request)
    answer = await passing.answer(request, waits=does.waits)
    return tagged(request, answer) if request.method != "POST" else answer


def tagged(request: Request, answer: Response) -> Response:
    """The answer with its tag; 304 without a body for whoever has it."""
    if answer.status_code != 200:
        return answer
    digest = blake2b(bytes(answer.body), digest_size=TAG_BYTES).hexdigest()
    tag = f'W/"{digest}"'
    asked = request.headers.get("if-none-match", "")
    if asked.strip() == "*" or digest in asked:
        answer = Response(status_code=304)
    answer.headers["etag"] = tag
    answer.headers["cache-control"] = "no-cache"
    return answer
