"""Everything that people and tools browse, at the root of one port.

Whatever comes in is bounded before anybody reads it, and whatever goes wrong is an answer. All of it
may be read from any page of any site: there is nothing here that is not public.
"""

from typing import Final

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tfchain.base.limits import HTTP_BODY_BYTES_MAX
from tfchain.errors import Malformed, Unavailable
from tfchain.net.rates import Rate
from tfchain.web import api, desk, explorer, graphql, proxy, receipts, status
from tfchain.web.parts import Web
from tfchain.web.rates import RATE, Rated

REQUESTS_MAX: Final = 1_024
"""Requests under way, those that stream included; one more is told to come again."""
URL_BYTES_MAX: Final = 8 * 1024
BODY_BYTES_MAX: Final = 1024 * 1024
"""The largest that is taken is a query, but for transactions on their way to the validator."""
LONG_BODIES: Final = {"/v1/txs": HTTP_BODY_BYTES_MAX}
TOO_LONG: Final = HTTP_BODY_BYTES_MAX + 1
GZIP_BYTES_MIN: Final = 1_024
OWN: Final = "/v1/"
"""Paths of our own, where every error is an object."""
PRIVATE: Final = ("/guardian",)
"""Paths that no other site's page may read."""


def application(web: Web, guardian: desk.Desk | None = None, rate: Rate = RATE) -> ASGIApp:
    """The ASGI application, with a guardian's desk where there is one; `rate`: requests of one client."""
    routes = [
        *status.routes(web),
        *api.routes(web),
        *receipts.routes(web.ask),
        *graphql.routes(web.ask),
        *explorer.routes(web.ask, web.now),
        *proxy.routes(web.ask, web.now),
    ]
    if guardian is not None:
        routes += desk.routes(web.ask, guardian)
    faults = {Malformed: _malformed, Unavailable: _unavailable, HTTPException: _refused}
    inner = Starlette(routes=routes, exception_handlers=faults)
    inner.router.redirect_slashes = False  # to existing tools, `/nodes/` is no page
    zipped = GZipMiddleware(inner, minimum_size=GZIP_BYTES_MIN)
    return Shared(Rated(Bounded(Front(zipped)), rate))


class Front:
    """Leads who asks for a page to the explorer; tools find an index there."""

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, or redirect."""
        if scope["type"] == "http" and scope["path"] == "/":
            headers = Headers(scope=scope)
            if "text/html" in headers.get("accept", ""):
                answer = RedirectResponse(explorer.ROOT, 303, {"vary": "accept"})
                await answer(scope, receive, send)
                return
        await self._inner(scope, receive, send)


class Bounded:
    """Refuses what is too long, and what comes while there is no room."""

    def __init__(self, inner: ASGIApp, most: int = REQUESTS_MAX) -> None:
        self._inner = inner
        self._most = most
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, or refuse."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        self._under_way += 1
        counted = _Counted(receive, _body_most(scope))
        try:
            await self._inner(scope, counted, send)
        finally:
            self._under_way -= 1

    def _refusal(self, scope: Scope) -> Response | None:
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > URL_BYTES_MAX:
            return _error(f"a URL has at most {URL_BYTES_MAX} bytes", 414)
        most = _body_most(scope)
        if _length(scope) > most:
            return _error(f"a body has at most {most} bytes", 413)
        if self._under_way >= self._most:
            return _error("too many requests, try again", 503)
        return None


class _Counted:
    """A body's pieces, as long as they stay within the bound."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive = receive
        self._most = most
        self._count = 0

    async def __call__(self) -> Message:
        """The next piece; raises `HTTPException` for one too many."""
        message = await self._receive()
        self._count += len(message.get("body", b""))
        if self._count > self._most:
            raise HTTPException(413, f"a body has at most {self._most} bytes")
        return message


class Shared:
    """Lets any page read the answers, and tells browsers that ask first."""

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, and add the headers."""
        if scope["type"] != "http" or scope["path"].startswith(PRIVATE):
            await self._inner(scope, receive, send)
            return

        async def share(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["access-control-allow-origin"] = "*"
                headers["access-control-expose-headers"] = "*"
            await send(message)

        if scope["method"] == "OPTIONS":
            allowed = {
                "access-control-allow-methods": "GET, HEAD, POST, OPTIONS",
                "access-control-allow-headers": "*",
                "access-control-max-age": "86400",
            }
            await Response(status_code=204, headers=allowed)(scope, receive, share)
            return
        await self._inner(scope, receive, share)


def _length(scope: Scope) -> int:
    """What the request says of its body; one that is no number counts as too long."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() and len(value) <= 12 else TOO_LONG
    return 0


def _body_most(scope: Scope) -> int:
    return LONG_BODIES.get(scope["path"], BODY_BYTES_MAX)


def _error(text: str, code: int) -> Response:
    return JSONResponse({"error": text}, code)


async def _malformed(_request: Request, fault: Exception) -> Response:
    return _error(str(fault), 400)


async def _unavailable(_request: Request, fault: Exception) -> Response:
    return _error(str(fault), 503)


async def _refused(request: Request, fault: Exception) -> Response:
    """What nobody answers to is told in the words that existing tools know."""
    assert isinstance(fault, HTTPException)
    if fault.status_code == 404 and not request.url.path.startswith(OWN):
        return proxy.page_not_found()
    return JSONResponse({"error": fault.detail}, fault.status_code, headers=fault.headers)
