"""Signatures of an audit that are being verified while it goes on with later blocks.

A false one is told as if nothing had run ahead: who meets another fault settles these first, and what
was executed meanwhile is thrown away with the audit.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tfchain.errors import InvalidBlock
from tfchain.tx.transaction import Check

AHEAD_MAX: Final = 8_192
"""Signatures under way: four full blocks' reports, or 450 blocks of a month; three megabytes."""

Verdicts = Callable[[], Sequence[bool]]
"""Waits until the signatures were looked at, and says which are genuine, in order."""
VerifyAll = Callable[[Sequence[Check]], Verdicts]
"""Begins to verify these signatures; the audit goes on meanwhile, and asks in the same order."""
Blame = Callable[[int], InvalidBlock]
"""The fault to raise where the signature at this place is false."""


@dataclass(frozen=True, slots=True)
class _Claim:
    count: int
    verdicts: Verdicts
    blame: Blame


class SignaturesUnderWay:
    """Verdicts that are still to be heard, oldest first."""

    def __init__(self, genuine: int = 0) -> None:
        self.genuine = genuine
        """Signatures found genuine so far."""
        self._claims: deque[_Claim] = deque()
        self._count = 0

    def add(self, count: int, verdicts: Verdicts, blame: Blame) -> None:
        """Remember to hear these verdicts; hear old ones once too many are under way.

        Raises:
            InvalidBlock: what `blame` of the first false signature says.
        """
        self._claims.append(_Claim(count, verdicts, blame))
        self._count += count
        while self._count > AHEAD_MAX:
            self._hear()

    def settle(self) -> None:
        """Hear all of them; raises as `add` does."""
        while self._claims:
            self._hear()

    def _hear(self) -> None:
        claim = self._claims.popleft()
        self._count -= claim.count
        verdicts = claim.verdicts()
        assert len(verdicts) == claim.count, "a verdict on each"
        if not all(verdicts):
            raise claim.blame([*verdicts].index(False))
        self.genuine += claim.count
