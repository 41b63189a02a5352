"""Replies as bytes: JSON as the public server writes it, errors, and the headers that browsers need."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from starlette.responses import Response

_EVERYBODY: Final = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "*"}
_ESCAPES: Final = tuple((letter, f"\\u{ord(letter):04x}") for letter in "<>&\u2028\u2029")
"""Letters of no structure in JSON that the public server's encoder keeps out of web pages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What is answered, before it is bytes."""

    content: object
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> bytes:
        """One line of JSON."""
        said = json.dumps(self.content, ensure_ascii=False, separators=(",", ":"))
        for letter, escaped in _ESCAPES:
            said = said.replace(letter, escaped)
        return (said + "\n").encode()


def missing(what: str, status: int) -> Reply:
    """An error: an object with one word about it."""
    return Reply(content={"error": what}, status=status)


def response(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON for any page of the world."""
    return Response(
        body,
        status_code=status,
        headers={**_EVERYBODY, **(headers or {})},
        media_type="application/json",
    )


def page_not_found() -> Response:
    """What there is no route for; clients compare this very text."""
    return Response(
        "404 page not found\n",
        status_code=404,
        headers={"X-Content-Type-Options": "nosniff"},
        media_type="text/plain",
    )
