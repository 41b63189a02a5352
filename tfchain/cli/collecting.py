"""Cycles among objects are looked for seldom: rows and transactions have none.

Whoever runs blocks makes hundreds of thousands of containers a second, all freed by the last who lets
go of them. By the interpreter's own measure each 700 of them that live are searched for cycles: an
eighth of an audit's time, a quarter of a full block's.
"""

import gc
from typing import Final

OBJECTS_BETWEEN: Final = 100_000
"""New containers that live before the youngest are searched: ten megabytes or two, should all be cycles."""


def collect_seldom() -> None:
    """For the rest of the process. What is loaded by now, for good, is not searched at all."""
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN)
