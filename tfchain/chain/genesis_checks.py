"""What the constants of a genesis file must be to each other, or the chain would stop one day.

A shape bounds a field on its own; here is what would divide by zero, run out of 64 bits, fill a list
or outgrow a block long after the file was written (P1, P11).
"""

from typing import Final

from tfchain.base.limits import BLOCK_BYTES_MAX, MINT_TX_BYTES_MAX
from tfchain.base.shapes import layout
from tfchain.base.units import MS_PER_S, Seconds
from tfchain.chain.batches import LIVE_MAX
from tfchain.errors import Malformed
from tfchain.ledger.params import Consensus, Params, ResourceRow, ScheduleRow, UptimeRow

SPAN_MAX: Final = 1 << 40
"""Any time or span, in seconds or milliseconds: sums of a few of them stay far below 2^64."""
BLOCK_BYTES_LEAST: Final = 2 * MINT_TX_BYTES_MAX
MINT_NODE_BYTES_MAX: Final = 128
"""A node's line in a mint transaction (86 bytes) with its part of what is around it."""
_POSITIVE: Final = ("propose", "vote", "growth", "timeout_max", "interval")


def check_time(time: Seconds) -> None:
    """Raises `Malformed` for a beginning that no clock will reach."""
    if time > SPAN_MAX:
        raise Malformed(f"genesis.time: at most {SPAN_MAX} is due")


def check_params(params: Params) -> None:
    """Raises `Malformed`, naming the field."""
    _check_consensus(params.consensus)
    _check_uptime(params.uptime, params.consensus)
    _check_resources(params.resources)
    for row in params.schedules:
        _check_schedule(row, params.uptime)
    known = [row.id for row in params.schedules]
    for regime in params.regimes:
        if regime.schedule not in known:
            raise Malformed(f"genesis: regime {regime.regime}: unknown schedule {regime.schedule}")
    if params.settle_nodes * MINT_NODE_BYTES_MAX > params.consensus.block_bytes // 2:
        raise Malformed("genesis: the mints of settle_nodes nodes are above half of block_bytes")


def _check_spans(where: str, record: object) -> None:
    for name in layout(type(record)).names:
        value = getattr(record, name)
        if type(value) is int and value > SPAN_MAX:
            raise Malformed(f"{where}.{name}: at most {SPAN_MAX} is due")


def _check_consensus(consensus: Consensus) -> None:
    _check_spans("genesis.consensus", consensus)
    for name in _POSITIVE:
        if getattr(consensus, name) < 1:
            raise Malformed(f"genesis.consensus.{name}: at least 1 is due")
    if not BLOCK_BYTES_LEAST <= consensus.block_bytes <= BLOCK_BYTES_MAX:
        raise Malformed(
            f"genesis.consensus.block_bytes: {BLOCK_BYTES_LEAST} to {BLOCK_BYTES_MAX} are due"
        )


def _check_uptime(uptime: UptimeRow, consensus: Consensus) -> None:
    _check_spans("genesis.uptime", uptime)
    if uptime.grace * MS_PER_S < 2 * consensus.interval:
        raise Malformed("genesis: uptime.grace is below two blocks")
    if uptime.grace * MS_PER_S < 3 * consensus.interval:
        raise Malformed(
            "genesis: the cap per report (interval + grace) is below interval + 3 blocks"
        )


def _check_resources(row: ResourceRow) -> None:
    bounds = (
        ("cru", row.cru_min, row.cru_max),
        ("mru", row.mru_min, row.mru_max),
        ("hru", row.hru_min, row.hru_max),
        ("sru", row.sru_min, row.sru_max),
    )
    for name, least, most in bounds:
        if least > most:
            raise Malformed(f"genesis.resources: {name}_min is above {name}_max")


def _check_schedule(row: ScheduleRow, uptime: UptimeRow) -> None:
    where = f"genesis: schedule {row.name}"
    _check_spans(where, row)
    if row.post_window <= uptime.report_window + uptime.grace:
        raise Malformed(f"{where}: post_window is not above report_window + grace")
    if row.post_window + row.commit_window >= row.length:
        raise Malformed(f"{where}: a batch must settle before the next period ends")
    if uptime.sleep_max >= row.length:
        raise Malformed(f"{where}: uptime.sleep_max is not below the period's length")
    life = row.post_window + row.commit_window + row.attest_window + row.payout_delay
    if 2 * life > LIVE_MAX * row.length:
        raise Malformed(f"{where}: a batch lives longer than {LIVE_MAX // 2} periods")
