"""The desk's pages: which batches there are, a review, and the signature under it."""

from collections.abc import Awaitable, Callable
from sqlite3 import Connection, Row
from typing import Final
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from tfchain import __version__
from tfchain.base.address import to_text
from tfchain.base.units import UTFT_PER_TFT
from tfchain.errors import Malformed, Rejected, Unavailable
from tfchain.tx.kinds.attest_mint import AttestMint
from tfchain.web.asking import Ask
from tfchain.web.desk import reviewed
from tfchain.web.desk.local import check_local, check_ours
from tfchain.web.desk.work import Desk, Looked
from tfchain.web.explorer.asked import number
from tfchain.web.explorer.batches import TABLE, batch_row
from tfchain.web.explorer.cells import transaction_at
from tfchain.web.explorer.showing import HEADERS, STYLE, versioned
from tfchain.web.pages import words
from tfchain.web.pages.parts import Table, Verdict
from tfchain.web.pages.sections import Link, Section
from tfchain.web.pages.templates import templates

ROOT: Final = "/guardian"
BATCHES: Final = 25
FORM_BYTES_MAX: Final = 4_096
FIELDS_MAX: Final = 8
DECIMALS: Final = 7
_PRIVATE: Final = {**HEADERS, "cache-control": "no-store", "referrer-policy": "same-origin"}
"""A page that sends no referrer sends no origin with its forms either, and that is looked at."""
_LAST: Final = 'SELECT * FROM batches WHERE state > 0 ORDER BY "end" DESC, schedule LIMIT ?'
Answer = Callable[[Request], Awaitable[Response]]


def routes(ask: Ask, desk: Desk) -> list[Route]:
    """All of them, for this machine alone."""
    table = Desks(ask, desk)
    return [
        Route(ROOT, _local(table.front), methods=["GET"]),
        Route(ROOT + "/{schedule}/{period}", _local(table.shown), methods=["GET"]),
        Route(ROOT + "/{schedule}/{period}/look", _local(table.look), methods=["POST"]),
        Route(ROOT + "/{schedule}/{period}/sign", _local(table.sign), methods=["POST"]),
    ]


def _local(answer: Answer) -> Answer:
    async def guarded(request: Request) -> Response:
        check_local(request)
        return await answer(request)

    return guarded


class Desks:
    """The pages' answers."""

    def __init__(self, ask: Ask, desk: Desk) -> None:
        self._ask = ask
        self._desk = desk

    async def front(self, _request: Request) -> Response:
        """The newest batches that are worth a look."""
        rows = await self._ask(_batches)
        table = Table(
            id="batches-table",
            caption="The newest batches (UTC)",
            columns=TABLE,
            rows=[batch_row(row) for row in rows],
        )
        looks = [
            Link(
                label=f"Review {row['schedule']}/{row['period']}",
                href=f"{ROOT}/{row['schedule']}/{row['period']}",
            )
            for row in rows
        ]
        section = Section(id="batches", title="Batches", links=looks, table=table)
        if not rows:
            section = Section(id="batches", title="Batches", told="No period is over yet.")
        return self._page(title="Guardian\N{RIGHT SINGLE QUOTATION MARK}s desk", sections=[section])

    async def shown(self, request: Request) -> Response:
        """The review, or how far it is, or the button that begins it."""
        name = _name(request)
        desk, title = self._desk, f"Batch {name[0]}/{name[1]}"
        if desk.going == name:
            return self._page(title=title, going=f"{desk.height:,} blocks are computed again.")
        looked = desk.looked
        if looked is None or looked.name != name:
            return self._page(title=title, begin=name)
        return self._reviewed(looked)

    async def look(self, request: Request) -> Response:
        """Begin to compute."""
        name = _name(request)
        await self._form(request)
        if not self._desk.want(name):
            raise HTTPException(409, "another period is being computed")
        return RedirectResponse(f"{ROOT}/{name[0]}/{name[1]}", 303)

    async def sign(self, request: Request) -> Response:
        """Sign what is due, once the total was typed that stands on the page."""
        form = await self._form(request)
        looked = self._desk.looked
        if looked is None or looked.name != _name(request) or looked.review is None:
            raise HTTPException(409, "this period was not looked at: begin again")
        if units_of(form.get("total", "")) != looked.review.mine.total:
            return self._reviewed(
                looked, wrong="That is not the total that was computed here: nothing was signed."
            )
        try:
            done = await self._desk.sign(looked)
        except (Rejected, Unavailable) as fault:
            return self._reviewed(looked, wrong=str(fault))
        verdict = Verdict(tone="good", title="Signed.", told="It stands in a block.")
        link = Link(label=f"Transaction {done}", href=transaction_at(done))
        links = [link, Link(label="Back to the desk", href=ROOT)]
        section = Section(id="done", title="Done", links=links)
        return self._page(title="Signed", verdict=verdict, sections=[section])

    async def _form(self, request: Request) -> dict[str, str]:
        body = await request.body()
        if len(body) > FORM_BYTES_MAX:
            raise HTTPException(413, f"a form has at most {FORM_BYTES_MAX} bytes")
        try:
            form = dict(parse_qsl(body.decode(errors="replace"), max_num_fields=FIELDS_MAX))
        except ValueError:
            raise Malformed(f"a form has at most {FIELDS_MAX} fields") from None
        check_ours(request, form.get("token", ""), self._desk.token)
        return form

    def _reviewed(self, looked: Looked, wrong: str = "") -> Response:
        title = f"Batch {looked.name[0]}/{looked.name[1]}"
        if looked.review is None:
            return self._page(title=title, begin=looked.name, wrong=looked.trouble)
        what = "attest" if isinstance(looked.due, AttestMint) else "commit to"
        return self._page(
            title=title,
            verdict=reviewed.verdict_of(looked.review),
            sections=[
                Section(
                    id="batch", title="What was looked at", facts=reviewed.facts_of(looked.review)
                ),
                *reviewed.sections_of(looked.review),
            ],
            again=looked.name,
            due=what if looked.due is not None else "",
            trouble=looked.trouble,
            total=words.tft(looked.review.mine.total),
            wrong=wrong,
        )

    def _page(self, **said: object) -> Response:
        key = self._desk.key
        known: dict[str, object] = {
            "sections": (), "verdict": None, "going": "", "begin": None, "again": None,
            "due": "", "trouble": "", "total": "", "wrong": "",
        }  # fmt: skip
        template = templates(__package__).get_template("desk.html.j2")
        text = template.render(
            **{**known, **said},
            token=self._desk.token,
            account="" if key is None else to_text(key.address),
            node=self._desk.client.url,
            version=__version__,
            style=versioned(STYLE),
            root=ROOT,
        )
        return Response(text, 200, _PRIVATE, "text/html")


def units_of(text: str) -> int | None:
    """Coins as somebody types them, in units; None for what is no amount."""
    plain = text.strip().removesuffix("TFT").strip().replace(",", "")
    whole, _, fraction = plain.partition(".")
    coins, units = number(whole), number(fraction.ljust(DECIMALS, "0"))
    if coins is None or units is None or len(fraction) > DECIMALS:
        return None
    return coins * UTFT_PER_TFT + units


def _batches(rows: Connection) -> list[Row]:
    return rows.execute(_LAST, (BATCHES,)).fetchall()


def _name(request: Request) -> tuple[int, int]:
    schedule, period = (number(request.path_params[key]) for key in ("schedule", "period"))
    if schedule is None or period is None or schedule > 0xFF or period > 0xFFFF_FFFF:
        raise HTTPException(404)
    return schedule, period
