"""Capacity of a node in cloud units, in millionths (rules.md 2.2).

Multiplied by 10^6 first and divided after; every division rounds down, so that the ledger gains.
"""

from typing import Final

from tfchain.base.units import GIB, Millionths
from tfchain.ledger.records import Resources

MILLION: Final = 1_000_000


def compute_units(resources: Resources) -> Millionths:
    """CU: two a core, one for 4 GiB of memory (after the system's one), one for 50 GiB of flash."""
    memory = max(0, resources.mru - GIB)  # less than the system's own GiB is none, not a debt (P12)
    return Millionths(
        min(
            resources.cru * 2 * MILLION,
            memory * MILLION // (4 * GIB),
            resources.sru * MILLION // (50 * GIB),
        )
    )


def storage_units(resources: Resources) -> Millionths:
    """SU: one for 1200 GiB of disk and one for 250 GiB of flash; rounded a part, then the sum."""
    disk = resources.hru * MILLION // 1_200
    flash = resources.sru * MILLION // 250
    return Millionths((disk + flash) // GIB)


def network_units(traffic: int) -> Millionths:
    """NU: GiB of public traffic; `traffic` in bytes."""
    return Millionths(traffic * MILLION // GIB)


def billed_units(used: Resources) -> tuple[Millionths, Millionths]:
    """CU and SU of capacity in use: what a user is billed for, not what a farmer is paid for.

    CU is the least that three mixes of memory (GiB) and cores ask for, each by its scarcer part; SU
    one for 1200 GiB of disk and one for 200 GiB of flash, as the real chain bills.
    """
    mixes = ((4, 2), (8, 1), (2, 4))
    cu = min(
        max(used.mru * MILLION // (memory * GIB), used.cru * MILLION // cores)
        for memory, cores in mixes
    )
    su = (used.hru * MILLION // 1_200 + used.sru * MILLION // 200) // GIB
    return Millionths(cu), Millionths(su)


def vote_units(resources: Resources) -> tuple[int, int]:
    """Whole CU and SU that a node weighs in votes, of which the weight is `2·CU + SU` (rules.md 9).

    As the real chain counts, which published such figures: bytes of memory are taken for GiB, so that
    memory hardly ever binds, and CU come in twos. But two equal parts do not make it 0 here.
    """
    parts = (
        resources.cru * 2 * GIB * 1_000,
        max(resources.mru - 1, 0) * GIB * 1_000 // 4,
        resources.sru * 1_000 // 50,
    )
    disk_and_flash = resources.hru * 1_000 // 1_200 + resources.sru * 1_000 // 250
    return 2 * (min(parts) // GIB // 1_000), disk_and_flash // GIB // 1_000
