"""What a receipt is made of, and the receipt: the same for every regime of the second program.

A node of the fixed schedule may have several periods of its own, or none, in one batch; its receipt
is their sum. All others have one, which is the batch's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tfchain.base.units import U64_MAX
from tfchain.chain.columns.uptime import Tally
from tfchain.ledger.records import Contract, Farm, Node, Resources
from tfchain.ledger.uptime import NONE

WHOLE: Final = 1_000
FREE: Final = 0
UNCHANGED: Final = 4
NOTHING: Final = Resources(cru=0, mru=0, hru=0, sru=0)
COUNTED: Final = 255
"""Where a row of periods stops being counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """A node on the day it registers; `bare` is its contract but for the regime's own numbers."""

    resources: Resources
    certified: bool
    bare: Contract
    length: int
    """Seconds of the periods that it is paid by; 0 for months of the calendar."""
    pool: int = 0
    """0 unmanaged and new, 1 unmanaged and refurbished, 2 managed."""
    guarantee: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One period of one node: the rows as at the batch's end, the uptime, and what went before."""

    node: Node
    farm: Farm
    contract: Contract
    terms: tuple[int, ...]
    """The regime's own numbers in the contract."""
    tally: Tally
    index: int = 0
    """Which of the node's own periods."""
    first: int = 0
    """Uptime in the first of them."""
    due: bool = True
    """False where no period of the node's own ended in the batch: the whole batch, for nothing."""
    missed: int = 0
    """Periods below the contract's uptime in a row, right before this one."""
    minted: int = 0
    """Coins that ever came into being when the batch's commit window opened."""
    used: int = 0
    """Per mille of the node that was in use."""
    used_before: int = 0
    """Periods of enough use in a row, right before this one."""
    age: int = 0
    """Seconds from the node's first report to the period's end."""
    mean: Resources = NOTHING
    """Of each resource what users had, over the period."""
    traffic: int = 0
    """Public bytes of the period."""
    ip_seconds: int = 0
    """Public IPs times seconds."""

    @property
    def length(self) -> int:
        """Seconds of the period."""
        return self.tally.end - self.tally.start

    @property
    def permille(self) -> int:
        """Uptime, at most all of the period."""
        return min(self.tally.total * WHOLE // self.length, WHOLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reward:
    """What a period comes to."""

    cu: int
    su: int
    nu: int = 0
    base: int
    floor: int
    musd: int
    amount: int
    reason: str
    missed: int = 0
    lock: int = FREE
    used_for: int = 0
    steps: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """A regime's row in this program."""

    regime: int
    terms_of: Callable[[tuple[int, ...], Joined], tuple[int, ...]]
    """The regime's own numbers of a contract, from its offer."""
    reward_of: Callable[[Case], Reward]
    usual: tuple[int, ...] = ()
    """The offer of the regime's time, where nobody made another."""
    text: bool = False
    """Whether the public program would have written its receipts as text."""


NOTHING_DUE: Final = Reward(
    cu=0, su=0, base=0, floor=0, musd=0, amount=0, reason="nothing_due", lock=UNCHANGED
)
"""No period of the node's own ended in the batch."""


def together(rewards: Sequence[Reward]) -> Reward:
    """Several periods on one receipt: sums; capacity, floor, streak and lock as of the last."""
    if not rewards:
        return NOTHING_DUE
    last = rewards[-1]
    base, musd, amount = (
        sum(each)
        for each in zip(*[(one.base, one.musd, one.amount) for one in rewards], strict=True)
    )
    fits = max(base, musd, amount) <= U64_MAX
    reasons = [one.reason for one in rewards]
    return Reward(
        cu=last.cu,
        su=last.su,
        nu=last.nu,
        base=base if fits else 0,
        floor=last.floor,
        musd=musd if fits else 0,
        amount=amount if fits else 0,
        reason=("" if "" in reasons else reasons[0]) if fits else "out_of_range",
        missed=last.missed,
        lock=last.lock,
        used_for=last.used_for,
        steps=tuple(number for one in rewards for number in one.steps),
    )


def first_refusal(case: Case) -> str:
    """What forfeits a period under every regime."""
    if case.node.virtualized:
        return "virtualized"
    return "violation" if case.tally.violation != NONE else ""
