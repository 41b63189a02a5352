"""Constants of a chain: what genesis sets and the ledger reads in every block.

All in whole seconds and units; nothing is scaled by a factor (P1). The header carries their hash,
all of them (consensus 1.10.3).
"""

from dataclasses import dataclass
from typing import Annotated, Final

from tfchain.base.crypto import digest
from tfchain.base.last import of_last
from tfchain.base.shapes import U8, U16, U32, U64, Many, Maybe, Nested, Text, UInt, encode_record
from tfchain.base.units import (
    U64_MAX,
    Address,
    Millis,
    MilliUsd,
    PeriodIndex,
    PerMille,
    PolicyId,
    ScheduleId,
    Seconds,
    Utft,
)
from tfchain.ledger.calendar import DAY, month_of, month_start

_ROWS_MAX: Final = 64
NONE_OF_THEIR_OWN: Final = Seconds(0)
NUMBERS_MAX: Final = 64
Numbers = Annotated[tuple[int, ...], Many(UInt(0, U64_MAX), NUMBERS_MAX)]
"""What a regime offers or freezes of its own; its file alone knows what they mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consensus:
    """Timing of consensus in milliseconds, and the size of a block (P3, P30)."""

    precision: Millis
    delay: Millis
    propose: Millis
    vote: Millis
    growth: Millis
    """Added to each timeout per round; `timeout_max` bounds the sum (consensus 1.4.2)."""
    timeout_max: Millis
    interval: Millis
    """From one block to the next."""
    block_bytes: U32


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRow:
    """A schedule of periods, and the deadlines of its batches (P6).

    Standard: periods of equal length. Calendar: months, UTC. Fixed: batches of equal length, and in
    each the periods of the nodes' own that ended in it.
    """

    id: ScheduleId
    name: Annotated[str, Text(1, 40)]
    start: Seconds
    """Start of period 0; the start of a month where periods are months."""
    length: Seconds
    """0: months of the calendar."""
    post_window: Seconds
    commit_window: Seconds
    attest_window: Seconds
    payout_delay: Seconds
    own: Seconds = NONE_OF_THEIR_OWN
    """Length of the periods that nodes have of their own, from registration on; 0: they have none."""

    def index_of(self, time: Seconds) -> PeriodIndex | None:
        """The period that `time` falls into; None before the first."""
        if time < self.start:
            return None
        if self.length == 0:
            return PeriodIndex(month_of(time) - month_of(self.start))
        return PeriodIndex((time - self.start) // self.length)

    def start_of(self, period: PeriodIndex) -> Seconds:
        """Where a period starts; it ends where the next one starts."""
        if self.length == 0:
            return month_start(month_of(self.start) + period)
        return Seconds(self.start + period * self.length)

    def end_of(self, period: PeriodIndex) -> Seconds:
        """Where a period ends."""
        return self.start_of(PeriodIndex(period + 1))

    def shortest(self) -> Seconds:
        """The length of the shortest period that a node is paid by."""
        return self.own or self.length or Seconds(28 * DAY)


@dataclass(frozen=True, slots=True, kw_only=True)
class UptimeRow:
    """Constants of uptime (rules.md 2.1) as this chain sets them."""

    report_interval: Seconds
    grace: Seconds
    skew: Seconds
    report_window: Seconds
    """Between a report's signed time and block time (P2)."""
    sleep_max: Seconds
    boot_max: Seconds
    sleep_credit_max: Seconds
    """Credit for going to sleep, at most (P19)."""
    power_spacing: Seconds
    """Between two power states that a node reports (P25)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeRow:
    """The least fee of a kind; kinds without a row are free."""

    kind: U8
    fee: Utft


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimeRow:
    """From when a regime takes registrations (P5), and what it offers from then on.

    Another offer of the same regime is another row: a price of 2020 does not touch nodes of 2019.
    """

    start: Seconds
    regime: U16
    schedule: ScheduleId
    offer: Numbers = ()
    """The regime's own numbers, in the order that its file states; none: the figures of its time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceRow:
    """Least and most of each resource that a node may register (P21)."""

    cru_min: U64
    cru_max: U64
    mru_min: U64
    mru_max: U64
    hru_min: U64
    hru_max: U64
    sru_min: U64
    sru_max: U64


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRow:
    """How long a validator answers for what it signed, and how much of a block proofs may take.

    Evidence expires once it is older than both spans (consensus 1.9.4). The window is longer than
    any light client trusts a header, and a bond is held until it is over (P37).
    """

    blocks: U64
    seconds: Seconds
    bytes: U32


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingRow:
    """How users pay for capacity; a chain without this row bills nobody (P20).

    Prices in 1e-7 USD a unit and hour: CU, SU, GB of traffic, public IP.
    """

    period: Seconds
    """From one bill of a contract to the next."""
    contracts: Annotated[int, UInt(1, 10_000)]
    """Contracts billed in one block, at most (P11)."""
    grace: Seconds
    """How long a contract waits for its user's money before it ends."""
    price_cu: U32
    price_su: U32
    price_nu: U32
    price_ip: U32
    rent_share: PerMille
    """Of the price of a whole node's resources, what its renter pays."""
    price_min: MilliUsd
    """mUSD for a TFT, at least ..."""
    price_max: MilliUsd
    """... and at most, whatever its price (tfchain A5)."""
    line_rate: U64
    """Bytes a second that a contract may have sent and received (P20)."""
    report_spacing: Seconds
    """Between two reports of a node about its contracts (P25)."""
    foundation: Address
    tf_tech: Address
    staking: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """Every constant of a chain."""

    chain_id: Annotated[str, Text(1, 64)]
    consensus: Annotated[Consensus, Nested(Consensus)]
    schedules: Annotated[tuple[ScheduleRow, ...], Many(Nested(ScheduleRow), _ROWS_MAX)]
    uptime: Annotated[UptimeRow, Nested(UptimeRow)]
    resources: Annotated[ResourceRow, Nested(ResourceRow)]
    evidence: Annotated[EvidenceRow, Nested(EvidenceRow)]
    regimes: Annotated[tuple[RegimeRow, ...], Many(Nested(RegimeRow), _ROWS_MAX)]
    fees: Annotated[tuple[FeeRow, ...], Many(Nested(FeeRow), _ROWS_MAX)]
    supply_cap: Utft
    balance_min: Utft
    """Below it no account comes to be (P25)."""
    node_deposit: Utft
    policy: PolicyId
    """The policy that a new node gets."""
    connection_price: MilliUsd
    settle_nodes: Annotated[int, UInt(1, 100_000)]
    """Nodes settled or minted in one block, together (P11)."""
    expiry_max: U64
    """How many blocks ahead a transaction may be valid until."""
    voting: Seconds
    """How long a proposed change may be voted on."""
    billing: Annotated[BillingRow | None, Maybe(Nested(BillingRow))] = None
    """None: users are not billed, and NU, IPs and use count nothing."""

    def schedule(self, number: ScheduleId) -> ScheduleRow:
        """The schedule's row."""
        return _schedules(self)[number]

    def regime_at(self, time: Seconds) -> RegimeRow | None:
        """The last row that starts at or before `time` (P5); None where none has started."""
        started = [row for row in self.regimes if row.start <= time]
        return started[-1] if started else None

    def fee_of(self, kind: int) -> Utft:
        """The least fee of a kind."""
        return next((row.fee for row in self.fees if row.kind == kind), Utft(0))


@of_last  # every report asks
def _schedules(params: Params) -> dict[ScheduleId, ScheduleRow]:
    return {row.id: row for row in params.schedules}


@of_last  # every header asks, and they hardly ever change
def params_hash(params: Params) -> bytes:
    """What the header says of all of them."""
    return digest(b"tf/params", encode_record(params))
