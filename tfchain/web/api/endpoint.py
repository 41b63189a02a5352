"""An endpoint: the row of the table that routes, documents and tests are made from."""

from collections.abc import Callable
from dataclasses import dataclass
from sqlite3 import Connection
from typing import Final, TypeAlias

from tfchain.node.answers import Json
from tfchain.web.api.listing import Listing
from tfchain.web.api.parameters import Parameter, Values
from tfchain.web.api.schemas import Object

JSON_TYPE: Final = "application/json"
STREAM_TYPE: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """Answered from the read model; None is 404."""

    question: Callable[[Connection, Values], Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """Asked of the validator, and its answer handed on as it is."""

    streams: bool = False
    waits: bool = False
    """Whether what its answer tells of shall be in the read model first, if that is near."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """Answered by another part of the web, or by one of this part's own pages."""


Does: TypeAlias = Read | Passed | Elsewhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One path and method."""

    path: str
    tag: str
    summary: str
    does: Does
    answer: Object
    """The schema of a 200."""
    method: str = "GET"
    parameters: tuple[Parameter, ...] = ()
    body: Object | None = None
    media: str = JSON_TYPE
    finds: bool = False
    """Whether there may be no such thing: 404."""


def listed(path: str, tag: str, summary: str, listing: Listing, *more: Parameter) -> Endpoint:
    """A list, a page at a time."""
    return Endpoint(
        path=path,
        tag=tag,
        summary=summary,
        does=Read(question=listing.answer),
        answer=listing.schema,
        parameters=(*more, *listing.parameters),
    )
