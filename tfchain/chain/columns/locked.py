"""What nodes have farmed and nobody may spend yet, counted from the mints and releases in blocks."""

from collections.abc import Iterable
from typing import Final

from tfchain.chain.columns.coins import Line
from tfchain.ledger.terms import HELD_MAX

FREE: Final = 0
POOL: Final = 1
OLD: Final = 2
WITHHELD: Final = 3
UNCHANGED: Final = 4
"""What coins wait for, as receipts and mints say it; `rules.regime.LOCKS` names the same places."""

Held = tuple[tuple[bytes, int], ...]
"""Accounts with what waits for them, in the order in which they came."""


class Locked:
    """By node: what waits for whom."""

    def __init__(self) -> None:
        self.by_node: dict[int, dict[bytes, int]] = {}

    def held(self, node_id: int) -> Held:
        """What waits of a node's coins; nothing where nothing is locked."""
        return tuple(self.by_node.get(node_id, {}).items())

    def paid(self, line: Line) -> None:
        """A node's pay: free coins free those that waited before them."""
        if line.lock == FREE:
            self.freed(line.node_id)
        elif line.amount:
            self._put(line)

    def fixed(self, line: Line) -> None:
        """What a fixup brings waits as the receipt's own coins did, and frees nothing else."""
        waiting = line.lock == UNCHANGED and line.node_id in self.by_node
        if waiting or line.lock in (POOL, OLD):
            self._put(line)

    def freed(self, node_id: int) -> None:
        """All of it, to whom it waited for."""
        self.by_node.pop(node_id, None)

    def _put(self, line: Line) -> None:
        """A node's coins wait for so many accounts at most; the last of these gets the rest."""
        held = self.by_node.setdefault(line.node_id, {})
        account = line.account
        if account not in held and len(held) == HELD_MAX:
            account = _last(held)
        held[account] = held.get(account, 0) + line.amount


def _last(accounts: Iterable[bytes]) -> bytes:
    return list(accounts)[-1]
