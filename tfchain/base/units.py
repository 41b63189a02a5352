"""Units and ids as types, and the one division that money goes through.

A `Seconds` where a `Utft` is due is a type error. Arithmetic gives a plain `int`; re-wrap on purpose
at the line that decides the unit.
"""

from typing import Final, NewType

Seconds = NewType("Seconds", int)
Millis = NewType("Millis", int)
Utft = NewType("Utft", int)
"""1e-7 TFT: the smallest amount there is."""
MilliUsd = NewType("MilliUsd", int)
PerMille = NewType("PerMille", int)
Millionths = NewType("Millionths", int)
"""Capacity units (CU, SU, NU) times 10^6."""

Height = NewType("Height", int)
Round = NewType("Round", int)
Power = NewType("Power", int)
TwinId = NewType("TwinId", int)
FarmId = NewType("FarmId", int)
NodeId = NewType("NodeId", int)
PolicyId = NewType("PolicyId", int)
PeriodIndex = NewType("PeriodIndex", int)
ScheduleId = NewType("ScheduleId", int)
Address = NewType("Address", bytes)
"""An Ed25519 public key, 32 bytes. SS58 is how people read it (`base.address`)."""

UTFT_PER_TFT: Final = 10_000_000
GIB: Final = 1 << 30
U32_MAX: Final = (1 << 32) - 1
U64_MAX: Final = (1 << 64) - 1
U128_MAX: Final = (1 << 128) - 1
MS_PER_S: Final = 1_000


def mul_div_floor(value: int, times: int, by: int) -> int:
    """`value * times / by`, divided once and last, rounded down: the ledger keeps the remainder."""
    assert value >= 0, "floor of a negative amount would favour the debtor"
    assert times >= 0, "a negative share is a bug of ours"
    assert by > 0, "the caller decides what a zero divisor means"
    return value * times // by
