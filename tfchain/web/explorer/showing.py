"""Pages as bytes: the template, the files beside it, and headers that let nothing else in.

A page may load its own style and its own script, and nothing from anywhere else: names on it are
strangers'. Whoever has a page already is told when it is still the same, which the page of a block or of a
transaction stays for ever.
"""

from functools import cache
from importlib.resources import files
from sqlite3 import Connection
from typing import Final

from starlette.responses import Response

from tfchain import __version__
from tfchain.base.crypto import digest
from tfchain.web.explorer.cells import ROOT
from tfchain.web.pages.sections import Link, Page
from tfchain.web.pages.templates import templates
from tfchain.web.pages.words import name

POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:;"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}
STYLE: Final = "style.css"
FILES: Final = {
    STYLE: ("text/css", (("tfchain.web.pages", "page.css"), (__package__, "explorer.css"))),
    "live.js": ("text/javascript", ((__package__, "live.js"),)),
}
MENU: Final = (
    ("overview", "Overview", ROOT),
    ("blocks", "Blocks", f"{ROOT}/blocks"),
    ("transactions", "Transactions", f"{ROOT}/transactions"),
    ("accounts", "Accounts", f"{ROOT}/accounts"),
    ("farms", "Farms", f"{ROOT}/farms"),
    ("nodes", "Nodes", f"{ROOT}/nodes"),
    ("batches", "Batches", f"{ROOT}/batches"),
    ("minting", "Minting", f"{ROOT}/minting"),
    ("supply", "Supply", f"{ROOT}/supply"),
    ("validators", "Validators", f"{ROOT}/validators"),
    ("governance", "Governance", f"{ROOT}/governance"),
)
_FAULTS: Final = {
    400: "That cannot be asked",
    404: "Not found",
    503: "Not now",
}


def shown(rows: Connection | None, page: Page) -> tuple[bytes, int]:
    """The page's bytes and its status."""
    menu = [Link(label=label, href=href, here=key == page.here) for key, label, href in MENU]
    text = (
        templates("tfchain.web.explorer")
        .get_template("explorer.html.j2")
        .render(
            page=page,
            menu=menu,
            chain_id=_chain_id(rows),
            version=__version__,
            style=versioned(STYLE),
            script=versioned("live.js"),
            root=ROOT,
        )
    )
    return text.encode(), page.status


def fault_page(status: int, told: str) -> Page:
    """A page that says what is wrong."""
    return Page(
        title=_FAULTS[status], over="explorer", here="", lead=told, sections=(), status=status
    )


def html(body: bytes, status: int, known: str) -> Response:
    """The answer; 304 without a body for whoever has just this."""
    if status != 200:
        return Response(body, status, {**HEADERS, "cache-control": "no-store"}, "text/html")
    headers = {**HEADERS, "cache-control": "no-cache"}
    return _tagged(body, headers, "text/html", known)


def file_answer(name: str, known: str) -> Response:
    """A file; its address names its content, so that nobody asks twice."""
    kind, _ = FILES[name]
    headers = {**HEADERS, "cache-control": "public, max-age=31536000, immutable"}
    return _tagged(_file(name), headers, kind, known)


def _tagged(body: bytes, headers: dict[str, str], kind: str, known: str) -> Response:
    tag = f'"{_tag(body)}"'
    headers["etag"] = tag
    if tag in [one.strip().removeprefix("W/") for one in known.split(",")]:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=kind)


def _tag(body: bytes) -> str:
    return digest(b"tf/page", body).hex()[:32]


@cache
def _file(name: str) -> bytes:
    _, parts = FILES[name]
    return b"\n".join(files(package).joinpath(part).read_bytes() for package, part in parts)


@cache
def versioned(name: str) -> str:
    """The address of a file: it moves with the file's content."""
    return f"{ROOT}/{name}?v={_tag(_file(name))[:12]}"


def _chain_id(rows: Connection | None) -> str:
    row = None if rows is None else rows.execute("SELECT chain_id FROM params").fetchone()
    return "" if row is None else name(row["chain_id"])
