"""Every page's address, and the two files beside them."""

from collections.abc import Callable, Mapping
from functools import partial
from sqlite3 import Connection
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from tfchain.errors import Malformed, Unavailable
from tfchain.web.asking import Ask
from tfchain.web.explorer import (
    accounts,
    batch,
    batches,
    blocks,
    farms,
    governance,
    nodes,
    overview,
    search,
    statements,
    supply,
    transactions,
    validators,
)
from tfchain.web.explorer.asked import Asked
from tfchain.web.explorer.cells import ROOT
from tfchain.web.explorer.showing import FILES, fault_page, file_answer, html, shown
from tfchain.web.pages.sections import Page

Question = Callable[[Connection, Asked], Page | None]
PARAMETERS_MAX: Final = 16

PAGES: Final[Mapping[str, Question]] = {
    "": overview.page,
    "/blocks": blocks.listed,
    "/blocks/{height}": blocks.one,
    "/minting": blocks.minting,
    "/transactions": transactions.listed,
    "/transactions/{id}": transactions.one,
    "/accounts": accounts.listed,
    "/accounts/{account}": accounts.one,
    "/farms": farms.listed,
    "/farms/{farm}": farms.one,
    "/nodes": nodes.listed,
    "/nodes/{node}": nodes.one,
    "/nodes/{node}/statements/{start}": statements.one,
    "/batches": batches.listed,
    "/batches/{schedule}/{period}": batch.one,
    "/supply": supply.page,
    "/validators": validators.listed,
    "/validators/{validator}": validators.one,
    "/governance": governance.listed,
    "/governance/changes/{change}": governance.change,
    "/governance/proposals/{proposal}": governance.proposal,
}


def routes(ask: Ask, now: Callable[[], int]) -> list[Route]:
    """All of them, GET alone."""
    return [
        *(Route(f"{ROOT}{path}", _page(ask, now, found)) for path, found in PAGES.items()),
        Route(f"{ROOT}/search", _search(ask, now)),
        *(Route(f"{ROOT}/{name}", partial(_file, name)) for name in FILES),
        Route(ROOT + "/{rest:path}", _lost(ask)),
    ]


def _page(ask: Ask, now: Callable[[], int], question: Question) -> "Callable[[Request], object]":
    async def answer(request: Request) -> Response:
        asked = _asked(request, now())

        def look(rows: Connection) -> tuple[bytes, int]:
            try:
                page = question(rows, asked)
            except Malformed as fault:
                page = fault_page(400, str(fault))
            return shown(rows, page or fault_page(404, "There is nothing here."))

        return await _answered(ask, look, request)

    return answer


def _search(ask: Ask, now: Callable[[], int]) -> "Callable[[Request], object]":
    async def answer(request: Request) -> Response:
        asked = _asked(request, now())

        def look(rows: Connection) -> tuple[bytes, int] | str:
            try:
                found = search.look(rows, asked)
            except Malformed as fault:
                return shown(rows, fault_page(400, str(fault)))
            return found if isinstance(found, str) else shown(rows, found)

        return await _answered(ask, look, request)

    return answer


def _lost(ask: Ask) -> "Callable[[Request], object]":
    async def answer(request: Request) -> Response:
        def look(rows: Connection) -> tuple[bytes, int]:
            return shown(rows, fault_page(404, "There is nothing here."))

        return await _answered(ask, look, request)

    return answer


async def _answered(
    ask: Ask, look: Callable[[Connection], "tuple[bytes, int] | str"], request: Request
) -> Response:
    try:
        found = await ask(look)
    except Unavailable as fault:
        found = shown(None, fault_page(503, str(fault)))
    if isinstance(found, str):
        return RedirectResponse(found, 303)
    return html(*found, request.headers.get("if-none-match", ""))


async def _file(name: str, request: Request) -> Response:
    return file_answer(name, request.headers.get("if-none-match", ""))


def _asked(request: Request, now: int) -> Asked:
    pairs = request.query_params.multi_items()[:PARAMETERS_MAX]
    query: dict[str, str] = {}
    for name, text in pairs:
        query.setdefault(name, text)
    return Asked(path=request.path_params, query=query, now=now)
