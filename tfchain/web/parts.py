"""What the parts of the web are given: how to ask, where the following stands, and the validator itself."""

from collections.abc import Callable
from dataclasses import dataclass

from tfchain.client.http import Client
from tfchain.index.following import Watch
from tfchain.web.asking import Ask


@dataclass(frozen=True, slots=True, kw_only=True)
class Web:
    """One read model, served."""

    ask: Ask
    watch: Watch
    client: Client | None
    """The validator that is followed, for what is passed on to it: submits and proofs."""
    now: Callable[[], int]
    """The wall clock, in seconds since 1970: how long ago a node reported."""
