"""Who may sit at the desk: a person at this very machine, and no page of anybody else's.

A browser can be made to ask this machine by a page from anywhere. So the other end of the line must be this
machine, the name that was asked for must be this machine's (else a stranger's name that points here would
do), nothing may stand in between, and what is to change something must come from a page of ours.
"""

import hmac
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request

HERE: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_BETWEEN: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
_OURS: Final = frozenset({"same-origin", "none"})


def check_local(request: Request) -> None:
    """Raises `HTTPException` for whoever is not at this machine."""
    other = request.client
    named = _name_of(request.headers.get("host", ""))
    between = [name for name in _BETWEEN if name in request.headers]
    if other is None or other.host not in HERE or named not in HERE or between:
        raise HTTPException(403, "the desk is for this machine alone")
    if request.headers.get("sec-fetch-site", "none") not in _OURS and request.method != "GET":
        raise HTTPException(403, "another site asked for this")


def check_ours(request: Request, told: str, token: str) -> None:
    """Raises `HTTPException` where a form is not from a page of ours."""
    origin = request.headers.get("origin")
    host = request.headers.get("host", "")
    if origin is not None and origin != f"http://{host}":
        raise HTTPException(403, "another site asked for this")
    if not hmac.compare_digest(told.encode(), token.encode()):
        raise HTTPException(403, "this form is not of this run: load the page again")


def _name_of(host: str) -> str:
    """A Host header without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
