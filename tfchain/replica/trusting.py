"""From a header that somebody was told to trust to the three that prove a snapshot (1.12.2)."""

from tfchain.base.units import Height, Millis
from tfchain.bft.light import (
    WRONG_HEIGHT,
    Distrust,
    Terms,
    check_anchor,
    check_next,
    check_previous,
    check_priorities,
)
from tfchain.chain.restored import Headers
from tfchain.ledger.commit import Verify


def check_headers(
    terms: Terms, headers: Headers, trust: tuple[Height, bytes], now: Millis, verify: Verify
) -> None:
    """Whether a snapshot's headers are trusted, one of them being the block that a person named.

    Raises:
        Distrust: none of them is, or they do not follow on each other.
    """
    rows = (headers.at, headers.above, headers.beyond)
    place = next((place for place, row in enumerate(rows) if row.height == trust[0]), None)
    if place is None:
        first = headers.at.height
        raise Distrust(
            WRONG_HEIGHT, f"the snapshot has the headers {first} to {first + 2}, not {trust[0]}"
        )
    check_anchor(terms, rows[place], *trust, verify)
    for below in range(place - 1, -1, -1):
        check_previous(terms, rows[below + 1], rows[below], verify)
    for above in range(place + 1, len(rows)):
        check_next(terms, rows[above - 1], rows[above], now, verify)
    for row in rows:
        check_priorities(row)
