"""What a query may carry: parameters read one by one into what SQL can be given, or refused.

The public server's rules: a parameter without a value is not there, the last of several counts, a
list comes as `a=1,2` and as `a=1&a=2`, and an unknown name is an error.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from tfchain.base.units import U64_MAX
from tfchain.errors import Malformed

QUERY_BYTES_MAX: Final = 8 * 1024
"""A query longer than this is refused unread. Lists and texts in it need no bound of their own."""
SIZE_DEFAULT: Final = 50
SIZE_MAX: Final = 10_000
"""Rows of one page. The public server has no maximum and its clients ask for 99999 when they want
everything, so more is read as this much, and the `size` and `pages` headers say so."""
I64_MAX: Final = 2**63 - 1
"""The largest number that SQL can be given. No row holds a larger one: beyond it nothing differs."""
SHOWN_CHARS_MAX: Final = 64

_NUMBER: Final = re.compile(r"[0-9]{1,20}")
_DECIMAL: Final = re.compile(
    r"[+-]?(?:[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})(?:e[+-]?[0-9]{1,2})?", re.IGNORECASE
)
_TRUE: Final = ("1", "t", "T", "TRUE", "true", "True", "on")
_FALSE: Final = ("0", "f", "F", "FALSE", "false", "False")
STATUSES: Final = ("up", "standby", "down")
FEATURES: Final = (
    "zmount", "zdb", "volume", "ipv4", "ip", "gateway-name-proxy", "gateway-fqdn-proxy", "qsfs",
    "zlogs", "network", "zmachine", "zmachine-light", "network-light",
)  # fmt: skip
"""What a node may be asked to be able to do."""

Value = int | float | str
"""What SQL is given for a parameter; a list as the JSON text of one."""
Read = Callable[[Sequence[str]], Value]
"""Reads the values of a parameter, of which there is one at least; raises `Malformed`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Which part of the answer, in what order."""

    size: int = SIZE_DEFAULT
    page: int = 1
    counted: bool = False
    shuffled: bool = False
    sort_by: str = ""
    descending: bool = False
    balance: float = 0.0
    """In USD: what a node's discount is reckoned with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A query that was understood."""

    values: Mapping[str, Value]
    limit: Limit = Limit()


def number(values: Sequence[str]) -> int:
    """A u64; what SQL cannot hold is read as the most it can."""
    last = values[-1]
    if not _NUMBER.fullmatch(last) or int(last) > U64_MAX:
        raise Malformed("a number from 0 to 18446744073709551615 is due")
    return min(int(last), I64_MAX)


def decimal(values: Sequence[str]) -> float:
    """A decimal number."""
    if not _DECIMAL.fullmatch(values[-1]):
        raise Malformed("a decimal number is due")
    return float(values[-1])


def flag(values: Sequence[str]) -> int:
    """0 or 1."""
    if values[-1] not in _TRUE + _FALSE:
        raise Malformed("true or false is due")
    return int(values[-1] in _TRUE)


def text(values: Sequence[str]) -> str:
    """Any text."""
    return values[-1]


def numbers(values: Sequence[str]) -> str:
    """A list of u64, as JSON."""
    return json.dumps([number([one]) for one in _members(values)])


def words(values: Sequence[str]) -> str:
    """A list of words in lower case, as JSON."""
    return json.dumps([one.lower() for one in _members(values)])


def statuses(values: Sequence[str]) -> str:
    """A list of `up`, `standby`, `down`, as JSON."""
    return _chosen(values, STATUSES)


def features(values: Sequence[str]) -> str:
    """A list of what nodes can do, as JSON."""
    return _chosen(values, FEATURES)


def _chosen(values: Sequence[str], known: Collection[str]) -> str:
    members = _members(values)
    if not set(members) <= set(known):
        raise Malformed(f"one of {', '.join(known)} is due")
    return json.dumps(members)


def _members(values: Sequence[str]) -> list[str]:
    return [one for value in values for one in value.split(",")]


def query_of(raw: bytes) -> dict[str, list[str]]:
    """A query's parameters that have a value, in the order of their coming.

    Raises:
        Malformed: it is longer than `QUERY_BYTES_MAX`.
    """
    if len(raw) > QUERY_BYTES_MAX:
        raise Malformed(f"the query is longer than {QUERY_BYTES_MAX} bytes")
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(raw.decode("latin-1")):
        found.setdefault(name, []).append(value)
    return found


def asked(
    query: Mapping[str, Sequence[str]], reads: Mapping[str, Read], sorts: Collection[str] = ()
) -> Asked:
    """A query's meaning for a resource with these filters and orders.

    Raises:
        Malformed: a parameter that this resource has not, or a value that it cannot take.
    """
    found: dict[str, Value] = {}
    for name, values in query.items():
        read = _LIMITS.get(name) or reads.get(name)
        if read is None:
            raise Malformed(f"there is no parameter {name[:SHOWN_CHARS_MAX]}")
        try:
            found[name] = read(values)
        except Malformed as fault:
            raise Malformed(f"{name}: {fault}") from fault
    limit = _limit(found, sorts)
    return Asked(values={k: v for k, v in found.items() if k not in _LIMITS}, limit=limit)


def _limit(found: Mapping[str, Value], sorts: Collection[str]) -> Limit:
    order = str(found.get("sort_order", "asc")).lower()
    if order not in ("asc", "desc"):
        raise Malformed("sort_order: asc or desc is due")
    sort_by = str(found.get("sort_by", ""))
    if sort_by and sort_by not in sorts:
        raise Malformed(f"sort_by: one of {', '.join(sorts) or 'none'} is due")
    return Limit(
        size=min(int(found.get("size", SIZE_DEFAULT)), SIZE_MAX),
        page=max(int(found.get("page", 1)), 1),
        counted=bool(found.get("ret_count", False)),
        shuffled=bool(found.get("randomize", False)),
        sort_by=sort_by,
        descending=order == "desc",
        balance=float(found.get("balance", 0)),
    )


_LIMITS: Final[Mapping[str, Read]] = {
    "size": number,
    "page": number,
    "ret_count": flag,
    "randomize": flag,
    "sort_by": text,
    "sort_order": text,
    "balance": decimal,
}
"""What every list takes."""
