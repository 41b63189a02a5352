"""What a kind of transaction is: fields with shapes, and an effect.

A paid kind is admitted by nonce and fee, which the ledger handles alike for all. A
free kind is signed by a node's reporter and admitted by its own `space`: it checks the reporter and
moves the node's time, so that replays and floods are refused without a fee (P25, P26).
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from tfchain.base.units import Address, Height, Seconds
from tfchain.ledger.params import Params
from tfchain.ledger.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a transaction may know beside the state: the block it stands in, and who sent it."""

    height: Height
    time: Seconds
    """Block time."""
    params: Params
    sender: Address
    nonce: int


class Kind(Protocol):
    """One kind of transaction: a frozen record of its fields with an effect."""

    def apply(self, state: State, context: Context) -> None:
        """The effect. Raises `Rejected` with a stable code; then nothing of it stays."""
        ...


@runtime_checkable
class FreeKind(Kind, Protocol):
    """A kind without a fee, signed by a node's reporter."""

    def space(self, state: State, context: Context) -> None:
        """Check the reporter and move its time on. Raises `Rejected`."""
        ...
