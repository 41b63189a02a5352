"""How fast peers may talk to this node, kind by kind (consensus 1.16.2).

Every figure is several times what a correct peer of a chain with blocks of a second needs, catching
up included. A message that nobody asked for is cheap or counts as a fault; these bound the rest.
"""

from typing import Final

from tfchain.net.rates import Rate
from tfchain.replica import messages as wire

TOTAL: Final = Rate(burst=64 * 1024 * 1024, per_s=16 * 1024 * 1024)
"""Bytes of all kinds."""

RATES: Final = {
    wire.STATUS: Rate(burst=500, per_s=100),
    wire.PROPOSAL: Rate(burst=40, per_s=10),
    wire.VOTE: Rate(burst=2_000, per_s=1_000),
    wire.TXS: Rate(burst=400, per_s=100),
    wire.GET_BLOCKS: Rate(burst=100, per_s=50),
    wire.BLOCKS: Rate(burst=100, per_s=50),
    wire.WANT: Rate(burst=100, per_s=20),
    wire.BLOCK: Rate(burst=40, per_s=10),
    wire.EVIDENCE: Rate(burst=40, per_s=10),
}
REST: Final = Rate(burst=100, per_s=50)
"""Of kinds that are questions and answers, and bounded by having been asked for."""

BY_KIND: Final = {kind: RATES.get(kind, REST) for kind in wire.LIMITS}
