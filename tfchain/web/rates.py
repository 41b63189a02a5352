"""How fast one client may ask: a bucket for each address, and a word when to come again.

It keeps one client from taking everybody's turns; what a question may cost is bounded elsewhere. A
stream counts when it begins. Behind a proxy all clients have one address: there the proxy counts.
"""

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address
from math import ceil
from typing import Final

import trio
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from tfchain.net.rates import UNBOUNDED, Bucket, Rate

BURST_S: Final = 10
"""A burst is what may be asked in so many seconds."""
CLIENTS_MAX: Final = 4_096
"""Addresses that are remembered: the one that asked longest ago is forgotten, and begins anew."""
NETWORK_BITS: Final = 64
"""Of an IPv6 address: the rest is its owner's to choose."""


def rate_of(per_s: int) -> Rate:
    """So many a second in the long run, and ten times that at once; 0 for no bound."""
    return Rate(burst=BURST_S * per_s, per_s=per_s) if per_s else UNBOUNDED


RATE: Final = rate_of(500)
"""A browser that draws a page asks some tens of questions; a script that never waits, a few hundred."""


class Rates:
    """The buckets. Seconds are of any one clock."""

    def __init__(self, rate: Rate, clients_max: int = CLIENTS_MAX) -> None:
        self._rate = rate
        self._most = clients_max
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, client: str, now: float) -> float:
        """Charge one request; 0.0, or the seconds after which the next one is taken."""
        bucket = self._buckets.pop(client, None) or Bucket(self._rate)
        self._buckets[client] = bucket
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        wait = bucket.take(1, now)
        if wait > 0:
            bucket.take(-1, now)  # who is refused is not charged: else it would never be let in
        return wait


class Rated:
    """Refuses who asks too fast."""

    def __init__(self, inner: ASGIApp, rate: Rate) -> None:
        self._inner = inner
        self._rates = Rates(rate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, or say when to come again."""
        if scope["type"] not in {"http", "websocket"}:
            await self._inner(scope, receive, send)
            return
        wait = self._rates.take(client_of(scope), trio.current_time())
        if wait == 0.0:
            await self._inner(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1013})
            return
        headers = {"retry-after": str(max(1, ceil(wait)))}
        body = {"error": "too many requests of one client"}
        await JSONResponse(body, 429, headers=headers)(scope, receive, send)


def client_of(scope: Scope) -> str:
    """Whose requests are counted together: an address, or a network of IPv6."""
    host = str((scope.get("client") or ("", 0))[0])
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(int(address) >> (128 - NETWORK_BITS))
