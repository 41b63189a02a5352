"""Several periods of a node on one receipt: those of its own that ended in one batch (P6)."""

from collections.abc import Sequence
from typing import Final

from tfchain.base.units import U64_MAX, Millionths, MilliUsd, PerMille, Utft
from tfchain.rules.regime import NOTHING_DUE, OUT_OF_RANGE, PAID, UNCHANGED, Owed

NOTHING: Final = Owed(
    cu=Millionths(0),
    su=Millionths(0),
    nu=Millionths(0),
    base=MilliUsd(0),
    base_utft=Utft(0),
    uptime_permille=PerMille(0),
    floor_permille=PerMille(0),
    musd=MilliUsd(0),
    amount=Utft(0),
    reason=NOTHING_DUE,
    lock=UNCHANGED,
)
"""No period of the node's own ended in the batch."""


def together(owed: Sequence[Owed]) -> Owed:
    """Money is summed; capacity, floor, streaks and lock are as of the last period.

    The reason is the first period's, unless one of them is paid. A sum beyond an account is 0 (P12).
    """
    if len(owed) <= 1:
        return owed[0] if owed else NOTHING
    last, paid = owed[-1], any(one.reason == PAID for one in owed)
    base, musd, amount = (
        sum(one.base for one in owed),
        sum(one.musd for one in owed),
        sum(one.amount for one in owed),
    )
    fits = max(base, musd, amount) <= U64_MAX
    reason = PAID if paid else owed[0].reason
    return Owed(
        cu=last.cu,
        su=last.su,
        nu=last.nu,
        base=MilliUsd(base if fits else 0),
        base_utft=last.base_utft,
        uptime_permille=last.uptime_permille,
        floor_permille=last.floor_permille,
        musd=MilliUsd(musd if fits else 0),
        amount=Utft(amount if fits else 0),
        reason=reason if fits else OUT_OF_RANGE,
        missed=last.missed,
        lock=last.lock,
        used_for=last.used_for,
        steps=tuple(number for one in owed for number in one.steps),
    )
