"""The table of endpoints: routes, the OpenAPI document and its page are made from it and nothing else."""

from typing import Final

from tfchain.web.api import of_chain, of_grid, of_minting
from tfchain.web.api.endpoint import Elsewhere, Endpoint
from tfchain.web.api.events import SSE_TYPE, parameters_of
from tfchain.web.api.schemas import TEXT
from tfchain.web.api.topics import TOPICS

EVENTS: Final = tuple(
    Endpoint(
        path=topic.path,
        tag="events",
        summary=f"{topic.summary}: server-sent events, or a WebSocket",
        does=Elsewhere(),
        answer=TEXT,
        parameters=parameters_of(topic),
        media=SSE_TYPE,
    )
    for topic in TOPICS
)

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    *of_chain.STANDING,
    *of_chain.BLOCKS,
    *of_chain.TRANSACTIONS,
    *of_grid.ACCOUNTS,
    *of_grid.FARMS,
    *of_grid.NODES,
    *of_grid.CONTRACTS,
    *of_minting.BATCHES,
    *of_minting.PAY,
    *of_minting.VOTES,
    *of_chain.VALIDATORS,
    *of_chain.PROOFS,
    *EVENTS,
)
