"""`--light`: validators are followed here, header by header, from a block that a person named."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import sleep, time_ns

import httpx
import typer

from tfchain.base.units import Millis
from tfchain.bft.light import Terms, period_of
from tfchain.client.chain import Chain, opened
from tfchain.client.light import ANSWER_S, HttpSource, LightAnchor, anchored
from tfchain.errors import Malformed
from tfchain.node.restoring import read_trust


@asynccontextmanager
async def following(url: str, trust: str, witnesses: Sequence[str]) -> AsyncIterator[Chain]:
    """The chain of the node at `url`, its answers to be checked by headers verified here.

    Raises:
        Unavailable: the node or a witness does not answer.
        InvalidBlock: the node shows another block than the trusted one, or there is a fork.
    """
    try:
        height, block_id = read_trust(trust)
    except Malformed as fault:
        raise typer.BadParameter(f"with --light: {fault}", param_hint="--trust") from None
    with httpx.Client(timeout=ANSWER_S, trust_env=False) as http:
        async with opened(url) as chain:
            params = chain.params
            terms = Terms(chain_id=params.chain_id, period=period_of(params.evidence.seconds))
            anchor = LightAnchor(
                terms=terms,
                primary=HttpSource(url.rstrip("/"), http),
                witnesses=[HttpSource(one.rstrip("/"), http) for one in witnesses],
                clock=lambda: Millis(time_ns() // 1_000_000),
                sleep=sleep,
            )
            chain.anchor = anchored(anchor, height, block_id)
            yield chain
