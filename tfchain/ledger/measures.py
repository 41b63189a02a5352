"""What a proposal may ask for: one record an action, one row each in the table of all (rules.md 9).

The row says which chamber decides. Farms decide with the weight of their nodes; guardians decide by
heads, with more than two thirds of them, what must be quick or needs evidence.
"""

from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias

from tfchain.base.codec import Plain
from tfchain.base.limits import NAME_BYTES_MAX
from tfchain.base.merkle import PATH_MAX
from tfchain.base.shapes import U16, U32, U64, Blob, Hash, Many, Nested, Text, UInt, layout
from tfchain.base.units import (
    U32_MAX,
    Address,
    FarmId,
    MilliUsd,
    NodeId,
    PeriodIndex,
    PolicyId,
    ScheduleId,
    Seconds,
    Utft,
)
from tfchain.errors import Malformed
from tfchain.ledger.changes import SetConstant, SetPower, Upgrade
from tfchain.ledger.disputes import WITHOUT_MAX
from tfchain.ledger.params import Numbers

FARMS: Final = 0
GUARDIANS: Final = 1
CHAMBERS: Final = ("farms", "guardians")
"""Who decides; what a row holds is the place in this list."""

PRICE_MAX: Final = 1_000_000_000
"""A TFT of a million USD: far beyond any price, far below what a product runs over with."""
RECEIPT_BYTES_MAX: Final = 4_096
"""A receipt's record; the longest, with many steps of its formula, stays below half of it."""
LIMIT_MAX: Final = 1 << 32
"""Units or nodes that a farm's limit may name; 0 stands for no limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPrice:
    """What a TFT is worth for nodes that register from the next block on, in mUSD."""

    price: Annotated[MilliUsd, UInt(1, PRICE_MAX)]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyOffer:
    """A new farming policy. Its id is the next one that nobody has: no row is ever written over.

    Prices in mUSD, `minimal_uptime` in per mille. Below 500 it is refused unless `allow_low_uptime`:
    per cent taken for per mille would pay machines that were off (rules.md 6).
    """

    name: Annotated[str, Text(1, NAME_BYTES_MAX)]
    price_cu: U32
    price_su: U32
    price_nu: U32
    price_ipv4: U32
    minimal_uptime: Annotated[int, UInt(0, 1_000)]
    immutable: bool
    default: bool
    """Whether farms get it without having it attached."""
    node_certified: bool
    """Whether it is for certified nodes alone."""
    gold: bool
    """Whether it is for gold farms alone."""
    until: Seconds
    """When it ends for new nodes; 0: never."""
    allow_low_uptime: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachPolicy:
    """A farm's new nodes get this policy while they fit the limits; policy 0 takes it off again.

    `cu`, `su` in whole units, `nodes` counted; 0: no limit. `until`: seconds, 0: no end.
    """

    farm_id: FarmId
    policy_id: PolicyId
    cu: Annotated[int, UInt(0, LIMIT_MAX)]
    su: Annotated[int, UInt(0, LIMIT_MAX)]
    nodes: Annotated[int, UInt(0, LIMIT_MAX)]
    until: Seconds
    node_certified: bool
    """Whether only certified nodes get it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetDefaultPolicy:
    """The policy of a new node that no other fits."""

    policy_id: PolicyId


@dataclass(frozen=True, slots=True, kw_only=True)
class LowerCap:
    """A lower cap of all TFT that there will ever be; it only falls (rules.md 8)."""

    cap: Utft


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatGuardian:
    """A guardian takes its seat, or leaves it (P23)."""

    account: Address
    seated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AddRegime:
    """From `start` on, new nodes come under another regime, its schedule and its offer (P5).

    `offer`: the regime's own numbers, in the order that its file states; none: those of its time.
    """

    start: Seconds
    regime: U16
    schedule: ScheduleId
    offer: Numbers = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRule:
    """A number that a regime asks for when a node registers, by name: `farming_2018.difficulty`.

    It goes before every offer of the regime, until it is set anew; contracts that are there keep theirs.
    """

    name: Annotated[str, Text(1, 64, "abcdefghijklmnopqrstuvwxyz0123456789._")]
    value: U64


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagFraud:
    """A node is a fraud: it is disabled at once and for good. `evidence`: hash of what proves it."""

    node_id: NodeId
    evidence: Hash


@dataclass(frozen=True, slots=True, kw_only=True)
class CertifyNode:
    """A node is certified, or is no more. Its contract stays as it is (P18)."""

    node_id: NodeId
    certified: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CertifyFarm:
    """A farm is gold, or is no more: what its new nodes get, old ones keep what they have."""

    farm_id: FarmId
    gold: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """All but votes and validators' own matters is refused, and nothing is minted, until lifted."""

    halted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproveBatch:
    """A disputed batch is paid after all, but for the nodes listed, which guardians have named (P10)."""

    schedule: ScheduleId
    period: PeriodIndex
    without: Annotated[tuple[NodeId, ...], Many(UInt(1, U32_MAX), WITHOUT_MAX)]
    """In order of id; none: all are paid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoidBatch:
    """Nothing of a disputed batch is ever paid; what was promised for it is free again (P15)."""

    schedule: ScheduleId
    period: PeriodIndex


@dataclass(frozen=True, slots=True, kw_only=True)
class FixReceipt:
    """A receipt of a batch that is paid or void is put right: so much it should have said (P16).

    `receipt` is the ledger's own record with its place among the batch's receipts and the `path` to
    their root, for who keeps no old receipts judges this too. Units in millionths.
    """

    schedule: ScheduleId
    period: PeriodIndex
    receipt: Annotated[bytes, Blob(1, RECEIPT_BYTES_MAX)]
    index: U32
    path: Annotated[tuple[bytes, ...], Many(Blob(32, 32), PATH_MAX)]
    uptime: Seconds
    cu: U64
    su: U64
    nu: U64
    musd: MilliUsd
    amount: Utft
    correct_receipt: Hash
    """Hash of the receipt that is right."""


Measure: TypeAlias = (
    SetPrice
    | PolicyOffer
    | AttachPolicy
    | SetDefaultPolicy
    | LowerCap
    | SeatGuardian
    | AddRegime
    | SetRule
    | SetPower
    | SetConstant
    | Upgrade
    | FlagFraud
    | CertifyNode
    | CertifyFarm
    | Halt
    | ApproveBatch
    | VoidBatch
    | FixReceipt
)


@dataclass(frozen=True, slots=True)
class Row:
    """An action: its name for people, its record, who decides, and whether it may close early."""

    name: str
    record: type[Measure]
    chamber: int
    early: bool


MEASURES: Final[tuple[Row, ...]] = (
    Row("set_price", SetPrice, FARMS, early=True),
    Row("offer_policy", PolicyOffer, FARMS, early=True),
    Row("attach_policy", AttachPolicy, FARMS, early=True),
    Row("set_default_policy", SetDefaultPolicy, FARMS, early=True),
    Row("lower_cap", LowerCap, FARMS, early=False),
    Row("seat_guardian", SeatGuardian, FARMS, early=False),
    Row("add_regime", AddRegime, FARMS, early=True),
    Row("set_rule", SetRule, GUARDIANS, early=True),
    Row("set_power", SetPower, FARMS, early=False),
    Row("set_constant", SetConstant, FARMS, early=True),
    Row("upgrade", Upgrade, FARMS, early=True),
    Row("flag_fraud", FlagFraud, GUARDIANS, early=True),
    Row("certify_node", CertifyNode, GUARDIANS, early=True),
    Row("certify_farm", CertifyFarm, GUARDIANS, early=True),
    Row("halt", Halt, GUARDIANS, early=True),
    Row("approve_batch", ApproveBatch, GUARDIANS, early=True),
    Row("void_batch", VoidBatch, GUARDIANS, early=True),
    Row("fix_receipt", FixReceipt, GUARDIANS, early=True),
)
"""A measure's tag in its bytes is its place here; the order never changes, new ones come last."""

TAGS: Final = {row.record: tag for tag, row in enumerate(MEASURES)}
NAMED: Final = {row.name: row.record for row in MEASURES}


def row_of(measure: Measure) -> Row:
    """Who decides on it."""
    return MEASURES[TAGS[type(measure)]]


@dataclass(frozen=True, slots=True)
class AnyMeasure:
    """The shape of a measure: `[tag, record]`."""

    def pack(self, value: object) -> Plain:
        cls = type(value)
        assert cls in TAGS, value
        return [TAGS[cls], Nested(cls).pack(value)]

    def unpack(self, plain: Plain) -> Measure:
        if type(plain) is not list or len(plain) != 2 or type(plain[0]) is not int:
            raise Malformed("a tag and a measure are due")
        if not 0 <= plain[0] < len(MEASURES):
            raise Malformed(f"there is no measure {plain[0]}")
        return layout(MEASURES[plain[0]].record).unpack(plain[1])
