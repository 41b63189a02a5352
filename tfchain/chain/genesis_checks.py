"""What the constants of a genesis file must be to each other, or the chain would stop one day.

What holds for constants that a vote may change as well stands in `ledger.constants`; here is the rest
of what would divide by zero, run out of 64 bits or fill a list long after the file was written (P1).
"""

from typing import Final

from tfchain.base.units import Seconds
from tfchain.chain.batches import LIVE_MAX
from tfchain.errors import Malformed
from tfchain.ledger.calendar import month_of, month_start
from tfchain.ledger.constants import SPAN_MAX, check_constants, check_spans
from tfchain.ledger.params import Params, ResourceRow, ScheduleRow, UptimeRow

OWN_IN_BATCH_MAX: Final = 8
"""Periods of a node's own that one receipt may sum."""


def check_time(time: Seconds) -> None:
    """Raises `Malformed` for a beginning that no clock will reach."""
    if time > SPAN_MAX:
        raise Malformed(f"genesis.time: at most {SPAN_MAX} is due")


def check_params(params: Params) -> None:
    """Raises `Malformed`, naming the field."""
    try:
        check_constants(params)
        for row in params.schedules:
            check_spans(f"schedule {row.name}", row)
    except Malformed as fault:
        raise Malformed(f"genesis: {fault}") from fault
    _check_resources(params.resources)
    for row in params.schedules:
        _check_schedule(row, params.uptime)
    known = [row.id for row in params.schedules]
    for regime in params.regimes:
        if regime.schedule not in known:
            raise Malformed(f"genesis: regime {regime.regime}: unknown schedule {regime.schedule}")


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
    if row.post_window <= uptime.report_window + uptime.grace:
        raise Malformed(f"{where}: post_window is not above report_window + grace")
    if row.length == 0 and row.start != month_start(month_of(row.start)):
        raise Malformed(f"{where}: months of the calendar start with a month")
    if row.own and row.length == 0:
        raise Malformed(f"{where}: periods of a node's own settle in batches of equal length")
    if row.own and row.length > OWN_IN_BATCH_MAX * row.own:
        raise Malformed(f"{where}: more than {OWN_IN_BATCH_MAX} periods of a node end in a batch")
    if row.post_window + row.commit_window >= row.shortest():
        raise Malformed(f"{where}: a batch must settle before the next period ends")
    if uptime.sleep_max >= row.shortest():
        raise Malformed(f"{where}: uptime.sleep_max is not below the period's length")
    life = row.post_window + row.commit_window + row.attest_window + row.payout_delay
    if 2 * life > LIVE_MAX * (row.length or row.shortest()):
        raise Malformed(f"{where}: a batch lives longer than {LIVE_MAX // 2} periods")
