"""What stands in an exported chain, record by record; `store.export` frames it.

Genesis first, then each block; after a block in which a batch sealed, the receipts of that batch, so
that they can be compared with the ones recomputed; last the commit of the last block, which no later
block carries.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from tfchain.base.limits import RECORD_BYTES_MAX
from tfchain.base.shapes import Blob, Many
from tfchain.base.units import PeriodIndex, ScheduleId

GENESIS: Final = 1
BLOCK: Final = 2
RECEIPTS: Final = 3
LAST_COMMIT: Final = 4

RECEIPTS_RUN_MAX: Final = 1_024
"""Receipts in one record; a larger batch has several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptRun:
    """A run of a sealed batch's receipts, in node order, as their bytes in the archive."""

    schedule: ScheduleId
    period: PeriodIndex
    receipts: Annotated[tuple[bytes, ...], Many(Blob(1, RECORD_BYTES_MAX), RECEIPTS_RUN_MAX)]
