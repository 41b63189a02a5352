"""What the second program's count of coins remembers between two runs, as bytes (P36, P43).

Who keeps them vouches for them with a hash: they are never a stranger's.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from tfchain.base.limits import RECORD_BYTES_MAX
from tfchain.base.shapes import (
    U8,
    U32,
    U64,
    Blob,
    Flag,
    Hash,
    Many,
    Maybe,
    MaybeHash,
    Nested,
    UInt,
    decode_record,
    encode_record,
)
from tfchain.base.units import U32_MAX, Address, PeriodIndex, ScheduleId
from tfchain.chain.columns.coins import Fixed, Line
from tfchain.chain.columns.fixing import Promise, Right
from tfchain.chain.columns.paying import Pay, Paying
from tfchain.ledger.disputes import Sums

_KEPT_BYTES_MAX: Final = U32_MAX
"""Where a MessagePack blob ends: batches of ten million nodes under way."""
_MANY: Final = U32_MAX
_TIME: Final = UInt(0, (1 << 64) - 1)
_Account = Annotated[bytes, Blob(0, 64)]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptLine:
    """One node's coins."""

    node_id: U32
    account: _Account
    amount: U64
    lock: U8
    receipt: _Account


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    """Whether a guardian agreed."""

    sender: Address
    same: Annotated[bool, Flag()]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptBlame:
    """The nodes that a guardian has otherwise."""

    sender: Address
    nodes: Annotated[tuple[int, ...], Many(UInt(0, U32_MAX), _MANY)]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPay:
    """A sealed batch; of what is owed, the lines from its place on."""

    schedule: ScheduleId
    period: PeriodIndex
    root: Hash
    count: U64
    total: U64
    payable: U64
    last: U32
    guardians: Annotated[tuple[Address, ...], Many(Blob(32, 32), _MANY)]
    owed: Annotated[tuple[KeptLine, ...], Many(Nested(KeptLine), _MANY)]
    agreed: Annotated[tuple[KeptAnswer, ...], Many(Nested(KeptAnswer), _MANY)]
    blamed: Annotated[tuple[KeptBlame, ...], Many(Nested(KeptBlame), _MANY)]
    without: Annotated[tuple[int, ...], Many(UInt(0, U32_MAX), _MANY)]
    void: Annotated[bool, Flag()]
    pay_at: Annotated[int | None, Maybe(_TIME)]
    cursor: U64
    minted: U64
    leaves: Annotated[tuple[bytes, ...], Many(Blob(1, RECORD_BYTES_MAX), _MANY)]
    paid_root: MaybeHash


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptHeld:
    """What waits of a node's coins for one account."""

    node_id: U32
    account: _Account
    amount: U64


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRight:
    """What a receipt should have said, last."""

    schedule: ScheduleId
    period: PeriodIndex
    node_id: U32
    sums: Annotated[Sums, Nested(Sums)]
    receipt: _Account
    given: U64


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFixed:
    """A fixup's coins that nobody has minted yet."""

    fixup: U32
    schedule: ScheduleId
    period: PeriodIndex
    line: Annotated[KeptLine, Nested(KeptLine)]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptDebt:
    """What is still to be taken from a node's pay."""

    node_id: U32
    amount: U64


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCoins:
    """Everything, in the order in which it came."""

    cap: U64
    minted: U64
    promised: U64
    held: Annotated[tuple[KeptHeld, ...], Many(Nested(KeptHeld), _MANY)]
    pays: Annotated[tuple[KeptPay, ...], Many(Nested(KeptPay), _MANY)]
    guardians: Annotated[tuple[Address, ...], Many(Blob(32, 32), _MANY)]
    waiting: Annotated[tuple[KeptFixed, ...], Many(Nested(KeptFixed), _MANY)]
    debts: Annotated[tuple[KeptDebt, ...], Many(Nested(KeptDebt), _MANY)]
    right: Annotated[tuple[KeptRight, ...], Many(Nested(KeptRight), _MANY)]
    fixups: U32
    frauds: Annotated[tuple[int, ...], Many(UInt(0, U32_MAX), _MANY)]
    joined: Annotated[tuple[int, ...], Many(_TIME, _MANY)]
    halted: Annotated[bool, Flag()]


def encode_coins(paying: Paying) -> bytes:
    """All that is remembered between two blocks."""
    coins, fixing = paying.coins, paying.fixing
    return encode_record(
        KeptCoins(
            cap=coins.cap,
            minted=coins.minted,
            promised=coins.promised,
            held=tuple(
                KeptHeld(node_id=node, account=account, amount=amount)
                for node, held in paying.locked.by_node.items()
                for account, amount in held.items()
            ),
            pays=tuple(map(_kept_pay, paying.pays.values())),
            guardians=paying.guardians,
            waiting=tuple(map(_kept_fixed, fixing.waiting)),
            debts=tuple(KeptDebt(node_id=node, amount=sum_) for node, sum_ in fixing.debts.items()),
            right=tuple(_kept_right(place, right) for place, right in fixing.right.items()),
            fixups=fixing.last,
            frauds=tuple(paying.frauds),
            joined=tuple(paying.joined),
            halted=paying.halted,
        )
    )


def restore_coins(paying: Paying, raw: bytes) -> None:
    """Fill a count that has taken no block with what `encode_coins` spelled; raises `Malformed`."""
    kept = decode_record(KeptCoins, raw, _KEPT_BYTES_MAX)
    coins, fixing = paying.coins, paying.fixing
    coins.cap, coins.minted, coins.promised = kept.cap, kept.minted, kept.promised
    for row in kept.held:
        paying.locked.by_node.setdefault(row.node_id, {})[row.account] = row.amount
    paying.pays = {(pay.schedule, pay.period): _pay(pay) for pay in kept.pays}
    paying.guardians = kept.guardians
    fixing.waiting = [
        Fixed(one.fixup, one.schedule, one.period, _line(one.line)) for one in kept.waiting
    ]
    fixing.debts = {row.node_id: row.amount for row in kept.debts}
    fixing.right = {
        (row.schedule, row.period, row.node_id): Right(row.sums, row.receipt, row.given)
        for row in kept.right
    }
    fixing.last = kept.fixups
    paying.frauds = dict.fromkeys(kept.frauds)
    paying.joined = list(kept.joined)
    paying.halted = kept.halted


def _kept_pay(pay: Pay) -> KeptPay:
    promise = pay.promise
    return KeptPay(
        schedule=promise.schedule,
        period=promise.period,
        root=promise.root,
        count=promise.count,
        total=promise.total,
        payable=promise.payable,
        last=pay.last,
        guardians=pay.guardians,
        owed=tuple(map(_kept_line, pay.owed[pay.place :])),
        agreed=tuple(KeptAnswer(sender=who, same=same) for who, same in pay.agreed.items()),
        blamed=tuple(KeptBlame(sender=who, nodes=nodes) for who, nodes in pay.blamed.items()),
        without=tuple(pay.without),
        void=pay.void,
        pay_at=pay.pay_at,
        cursor=pay.cursor,
        minted=pay.minted,
        leaves=tuple(pay.leaves),
        paid_root=pay.root or b"",
    )


def _pay(kept: KeptPay) -> Pay:
    return Pay(
        promise=Promise(
            schedule=kept.schedule,
            period=kept.period,
            root=kept.root,
            count=kept.count,
            total=kept.total,
            payable=kept.payable,
        ),
        last=kept.last,
        guardians=kept.guardians,
        owed=tuple(map(_line, kept.owed)),
        answer=(kept.root, kept.total, kept.count),
        agreed={one.sender: one.same for one in kept.agreed},
        blamed={one.sender: one.nodes for one in kept.blamed},
        without=dict.fromkeys(kept.without),
        void=kept.void,
        pay_at=kept.pay_at,
        cursor=kept.cursor,
        minted=kept.minted,
        leaves=list(kept.leaves),
        root=kept.paid_root or None,
    )


def _kept_line(line: Line) -> KeptLine:
    return KeptLine(
        node_id=line.node_id,
        account=line.account,
        amount=line.amount,
        lock=line.lock,
        receipt=line.receipt,
    )


def _line(kept: KeptLine) -> Line:
    return Line(kept.node_id, kept.account, kept.amount, kept.lock, kept.receipt)


def _kept_fixed(one: Fixed) -> KeptFixed:
    line = _kept_line(one.line)
    return KeptFixed(
        fixup=one.fixup,
        schedule=ScheduleId(one.schedule),
        period=PeriodIndex(one.period),
        line=line,
    )


def _kept_right(place: tuple[int, int, int], right: Right) -> KeptRight:
    schedule, period, node_id = place
    return KeptRight(
        schedule=ScheduleId(schedule),
        period=PeriodIndex(period),
        node_id=node_id,
        sums=right.sums,
        receipt=right.receipt,
        given=right.given,
    )
