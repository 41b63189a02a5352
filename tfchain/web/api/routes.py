"""All routes of `/v1`."""

import json
from functools import cache
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from tfchain.web.api import events
from tfchain.web.api.docs import page
from tfchain.web.api.endpoint import JSON_TYPE
from tfchain.web.api.openapi import PATH, document
from tfchain.web.api.passing import Passing
from tfchain.web.api.serving import routes_of, tagged
from tfchain.web.api.table import ENDPOINTS
from tfchain.web.parts import Web

DOCS: Final = "/v1/docs"
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
"""The page loads nothing at all."""


def routes(web: Web) -> list[BaseRoute]:
    """Everything under `/v1` but the web's own status."""

    async def openapi(request: Request) -> Response:
        return tagged(request, Response(_text(), media_type=JSON_TYPE))

    async def docs(request: Request) -> Response:
        headers = {"content-security-policy": POLICY}
        return tagged(request, HTMLResponse(_page(), headers=headers))

    passing = Passing(web.client, web.watch)
    return [
        *routes_of(ENDPOINTS, web.ask, passing),
        *events.routes(events.feed_of(web.ask, web.watch.heads)),
        Route(PATH, openapi),
        Route(DOCS, docs),
    ]


@cache
def _text() -> str:
    return json.dumps(document(ENDPOINTS))


@cache
def _page() -> str:
    return page(ENDPOINTS)
