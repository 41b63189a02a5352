"""What a node counts while it runs, for Prometheus: in a registry of its own, nothing global.

Only what cannot be asked for later is counted here; where the node stands is read when somebody looks
(`metrics_page`). Labels are bounded: validators of the present set, and words of ours.
"""

from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector

from tfchain.base.address import to_text
from tfchain.base.units import UTFT_PER_TFT
from tfchain.chain.execute import OK
from tfchain.chain.tip import Tip
from tfchain.ledger import tables
from tfchain.ledger.block import Block
from tfchain.ledger.commit import ABSENT
from tfchain.replica.effects import Save

SPANS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""From an empty block on a fast disk to one that a vote would no longer wait for."""
REFUSED: Final = "refused"

_MINT_ROWS: Final = tables.MINTS.stored_at(b"")


class Metrics:
    """The counters of one node since its start. `registry` has them all."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.execute = Histogram(
            "tfchain_execute_seconds",
            "Time to execute a decided block.",
            buckets=SPANS_S,
            registry=self.registry,
        )
        self.commit = Histogram(
            "tfchain_commit_seconds",
            "Time to write a block and its state to the disk.",
            buckets=SPANS_S,
            registry=self.registry,
        )
        self._txs = Counter(
            "tfchain_transactions",
            "Transactions in stored blocks, by whether they took effect.",
            ["result"],
            registry=self.registry,
        )
        self._records = Counter(
            "tfchain_mint_records", "Mint records in stored blocks.", registry=self.registry
        )
        self._minted = Counter(
            "tfchain_minted_tft", "Coins of these mint records.", registry=self.registry
        )
        self._missed = Counter(
            "tfchain_missed_votes",
            "Blocks whose commit lacks the precommit of a validator.",
            ["validator"],
            registry=self.registry,
        )
        self._members: frozenset[str] = frozenset()
        for result in (OK, REFUSED):
            self._txs.labels(result)

    def count_saved(self, effect: Save) -> None:
        """A block is stored: what it carried and minted. For any thread."""
        took = sum(code == OK for code in effect.outcome.codes)
        self._txs.labels(OK).inc(took)
        self._txs.labels(REFUSED).inc(len(effect.outcome.codes) - took)
        records, amount = minted_in(effect.outcome.rows)
        self._records.inc(records)
        self._minted.inc(amount / UTFT_PER_TFT)

    def count_votes(self, below: Tip, block: Block) -> None:
        """Whose precommits a block lacks for the one below it, late ones counted as cast.

        `below`: the tip that the block stands on.
        """
        members = [to_text(one.key) for one in below.last_validators.validators]
        for gone in sorted(self._members - frozenset(members)):
            self._missed.remove(gone)
        self._members = frozenset(members)
        slots = () if block.last_commit is None else block.last_commit.slots
        for name in members:
            self._missed.labels(name)
        for name, slot in zip(members, slots, strict=False):
            self._missed.labels(name).inc(slot.flag == ABSENT)


def minted_in(rows: Iterable[tuple[bytes, bytes | None]]) -> tuple[int, int]:
    """How many mint records a block wrote, and their coins in utft."""
    found = [
        tables.MINTS.decode(row).amount
        for key, row in rows
        if row is not None and key.startswith(_MINT_ROWS)
    ]
    return len(found), sum(found)
