"""Receipts of a period of the public chain by the second program: columns instead of rows.

It shares with the first program what an event is (`chain.grid_events`) and nothing else.
"""

from dataclasses import dataclass
from typing import Final

from tfchain.base.crypto import plain_digest
from tfchain.base.units import FarmId
from tfchain.chain.columns.public_pay import pay_of
from tfchain.chain.columns.public_rows import Happened, happened
from tfchain.chain.columns.public_uptime import Span, Uptime, uptimes
from tfchain.chain.columns.public_use import Ledger, Use
from tfchain.chain.columns.receipt_text import Shown, quoted, shown_text
from tfchain.chain.columns.uptime import PUBLIC_KEY_BYTES, SLOW_BOOTS_TOLERATED
from tfchain.chain.grid_events import GridNode, GridPolicy, PeriodInput
from tfchain.ledger.uptime import (
    BOOT_REQUEST_EXPIRED,
    INVALID_PUBLIC_KEY,
    MISSING_RELAY,
    MISSING_TWIN,
    NONE,
    VIOLATIONS,
)

STANDARD_START: Final = 1_522_501_000
STANDARD_LENGTH: Final = 2_630_880
NO_POLICY: Final = GridPolicy(
    cu=0, su=0, nu=0, ipv4=0, minimal_uptime=0, immutable=False, default=False
)
"""Where the policy is missing: worth nothing."""
UNUSED: Final = Use()
NOTHING_SAID: Final = Uptime()


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicReceipt:
    """What one node's period came to. `hash`: BLAKE2b-256 of the text."""

    node_id: int
    receipt_text: str
    hash: bytes
    violation: str
    """Its kind, empty where there is none."""


def receipts(period: PeriodInput, known: Happened | None = None) -> list[PublicReceipt]:
    """The receipts of a period, in node order.

    Args:
        period: its blocks are gone through only if nothing else is said of what happened.
        known: what happened in it.
    """
    told = happened(period) if known is None else known
    writer = _Writer(period, _ledger(period, told))
    there = frozenset(node.id for node in period.nodes)
    power = {node: state for node, state in period.power.items() if node in there}
    found = uptimes(told, power, writer.span)
    return [
        writer.receipt(node, found.get(node.id, NOTHING_SAID)) for node in writer.nodes_in_order()
    ]


def _ledger(period: PeriodInput, told: Happened) -> Ledger:
    ledger = Ledger(
        start=STANDARD_START + STANDARD_LENGTH * period.period,
        nodes={node.id: node for node in period.nodes},
        contracts={contract.id: contract for contract in period.contracts},
        uses={},
        told={},
    )
    ledger.take(told.others)
    return ledger


class _Writer:
    """Everything of a period that is not of one node."""

    def __init__(self, period: PeriodInput, ledger: Ledger) -> None:
        self.span = Span(ledger.start, ledger.start + STANDARD_LENGTH, period.first_block)
        self._period = period
        self._ledger = ledger
        self._farms = dict[int, tuple[str, str]]()
        """Quoted once: farms have many nodes."""

    def nodes_in_order(self) -> list[GridNode]:
        return [self._ledger.nodes[number] for number in sorted(self._ledger.nodes)]

    def receipt(self, node: GridNode, up: Uptime) -> PublicReceipt:
        violation = self._violation(node, up)
        policy = self._period.policies.get(node.policy_id, NO_POLICY)
        use = self._ledger.uses.get(node.id, UNUSED)
        pay = pay_of(node, policy, use, STANDARD_LENGTH, up.total, violation)
        text = shown_text(
            Shown(
                period=(self.span.start, self.span.end),
                ids=(node.id, node.twin_id, node.farm_id),
                farm=self._farm(node.farm_id),
                uptime=up.total,
                units=(pay.cu, pay.su, pay.nu),
                size=node.resources,
                used=use.mean(STANDARD_LENGTH),
                ip_seconds=use.ip_seconds,
                reward=(pay.musd, pay.tft),
                certified=node.certified,
                policy=(node.policy_id, policy.cu, policy.su, policy.nu, policy.ipv4),
            )
        )
        return PublicReceipt(
            node_id=node.id,
            receipt_text=text,
            hash=plain_digest(text.encode()),
            violation=VIOLATIONS[violation],
        )

    def _farm(self, number: int) -> tuple[str, str]:
        if number not in self._farms:
            name = self._period.farms.get(FarmId(number), "")
            address = self._period.payouts.get(FarmId(number), "")
            self._farms[number] = quoted(name), quoted(address)
        return self._farms[number]

    def _violation(self, node: GridNode, up: Uptime) -> int:
        """The first: of its reports, of its wake requests, of its twin."""
        if up.violation != NONE:
            return up.violation
        asked, slow_boots = up.wake_at, up.slow_boots
        if asked is not None and asked != self.span.first_block and asked <= self.span.end:
            slow_boots += 1
        if slow_boots > SLOW_BOOTS_TOLERATED:
            return BOOT_REQUEST_EXPIRED
        return self._of_twin(node) if up.total else NONE

    def _of_twin(self, node: GridNode) -> int:
        twin = self._period.twins.get(node.twin_id)
        if twin is None:
            return MISSING_TWIN
        if not twin.relay:
            return MISSING_RELAY
        if twin.public_key is not None and len(twin.public_key) != PUBLIC_KEY_BYTES:
            return INVALID_PUBLIC_KEY
        return NONE
