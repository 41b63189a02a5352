"""Which constants a vote may change, and what all of them must be to each other.

A shape bounds a field on its own; here is what would divide by zero, run out of 64 bits or outgrow a
block long after it was written (P1, P11). A genesis file and a vote are held to the same.
"""

from dataclasses import replace
from typing import Final, TypeVar

from tfchain.base.limits import BLOCK_BYTES_MAX, MINT_TX_BYTES_MAX
from tfchain.base.shapes import layout
from tfchain.base.units import MS_PER_S
from tfchain.errors import Malformed
from tfchain.ledger.evidence import EVIDENCE_BYTES_MAX
from tfchain.ledger.params import BillingRow, Consensus, EvidenceRow, Params, UptimeRow
from tfchain.ledger.seats import PAST_BLOCKS

WHOLE: Final = 1_000
"""Per mille."""
SPAN_MAX: Final = 1 << 40
"""Any time or span, in seconds or milliseconds: sums of a few of them stay far below 2^64."""
BLOCK_BYTES_LEAST: Final = 2 * MINT_TX_BYTES_MAX
MINT_NODE_BYTES_MAX: Final = 128
"""A node's line in a mint transaction (86 bytes) with its part of what is around it."""
EVIDENCE_BLOCK_MAX: Final = 64 * 1024
"""Evidence in a block, which must leave room for commit and transactions."""
R = TypeVar("R")

_POSITIVE: Final = ("propose", "vote", "growth", "timeout_max", "interval")

_BILLING: Final = tuple(
    name for name in layout(BillingRow).names if name not in ("foundation", "tf_tech", "staking")
)
"""All but whom the shares go to: a vote on numbers names no account."""
_LEDGER: Final = ("settle_nodes", "expiry_max", "balance_min", "voting", "supply_cap")
CHANGEABLE: Final = (
    *(f"consensus.{name}" for name in layout(Consensus).names),
    *(f"evidence.{name}" for name in layout(EvidenceRow).names),
    *(f"billing.{name}" for name in _BILLING),
    *(f"ledger.{name}" for name in _LEDGER),
)
"""By section and name, as in the genesis file. Schedules, regimes and what a node's contract copies
are not among them: periods that run are settled by what stood when they began. What users were not
billed for yet, an hour at most on mainnet, is billed at the prices of the bill."""


def with_constant(params: Params, name: str, value: int) -> Params:
    """The constants with another value for one of them, checked against all others.

    Raises:
        Malformed: no vote changes that one, or the value does not fit.
    """
    if name not in CHANGEABLE:
        raise Malformed(f"{name}: a vote may change {', '.join(CHANGEABLE)}")
    section, _, field = name.partition(".")
    if section == "consensus":
        after = replace(params, consensus=_with(params.consensus, field, value))
    elif section == "evidence":
        after = replace(params, evidence=_with(params.evidence, field, value))
    elif section == "billing":
        if params.billing is None:
            raise Malformed(f"{name}: this chain bills nobody")
        after = replace(params, billing=_with(params.billing, field, value))
    else:
        after = _with(params, field, value)
    check_constants(after)
    if after.supply_cap > params.supply_cap:
        raise Malformed("ledger.supply_cap: it can only fall")
    return after


def _with(record: R, field: str, value: int) -> R:
    found = layout(type(record))
    shape = found.shapes[found.names.index(field)]
    values = found.pack(record)
    assert type(values) is list
    values[found.names.index(field) + 1] = shape.pack(shape.unpack(value))
    return found.unpack(values)


def check_constants(params: Params) -> None:
    """Raises `Malformed`, naming the field."""
    _check_consensus(params.consensus)
    _check_uptime(params.uptime, params.consensus)
    _check_evidence(params.evidence)
    if params.billing is not None:
        _check_billing(params.billing)
    if not 0 < params.voting <= SPAN_MAX:
        raise Malformed(f"ledger.voting: 1 to {SPAN_MAX} are due")
    if params.settle_nodes * MINT_NODE_BYTES_MAX > params.consensus.block_bytes // 2:
        raise Malformed("the mints of settle_nodes nodes are above half of block_bytes")


def check_spans(where: str, record: object) -> None:
    """Raises `Malformed` for a number that is beyond `SPAN_MAX`."""
    for name in layout(type(record)).names:
        value = getattr(record, name)
        if type(value) is int and value > SPAN_MAX:
            raise Malformed(f"{where}.{name}: at most {SPAN_MAX} is due")


def _check_consensus(consensus: Consensus) -> None:
    check_spans("consensus", consensus)
    for name in _POSITIVE:
        if getattr(consensus, name) < 1:
            raise Malformed(f"consensus.{name}: at least 1 is due")
    if not BLOCK_BYTES_LEAST <= consensus.block_bytes <= BLOCK_BYTES_MAX:
        raise Malformed(f"consensus.block_bytes: {BLOCK_BYTES_LEAST} to {BLOCK_BYTES_MAX} are due")


def _check_uptime(uptime: UptimeRow, consensus: Consensus) -> None:
    check_spans("uptime", uptime)
    if uptime.grace * MS_PER_S < 2 * consensus.interval:
        raise Malformed("uptime.grace is below two blocks")
    if uptime.grace * MS_PER_S < 3 * consensus.interval:
        raise Malformed("the cap per report (interval + grace) is below interval + 3 blocks")


def _check_billing(row: BillingRow) -> None:
    """A price of 0 would divide by zero, a share above the whole would cost more than the parts."""
    check_spans("billing", row)
    if row.period < 1:
        raise Malformed("billing.period: at least 1 is due")
    if not 1 <= row.price_min <= row.price_max:
        raise Malformed("billing: price_min is from 1 to price_max")
    if row.rent_share > WHOLE:
        raise Malformed(f"billing.rent_share: at most {WHOLE} is due")


def _check_evidence(row: EvidenceRow) -> None:
    """Rows of the past are dropped whole, so that the window is at least one of them."""
    check_spans("evidence", row)
    if row.blocks < PAST_BLOCKS:
        raise Malformed(f"evidence.blocks: at least {PAST_BLOCKS} are due")
    if not EVIDENCE_BYTES_MAX <= row.bytes <= EVIDENCE_BLOCK_MAX:
        raise Malformed(f"evidence.bytes: {EVIDENCE_BYTES_MAX} to {EVIDENCE_BLOCK_MAX} are due")
