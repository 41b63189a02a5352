"""What a block says to this program: its transactions that took effect, read by its own decoder.

Kinds are told by number and fields by place (`[version, field, ...]`), so that the definitions that
execute a block are not asked what stands in it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from tfchain.base.codec import Plain
from tfchain.base.made import maker
from tfchain.base.units import Address
from tfchain.chain.columns.envelopes import (
    BODY_PLACE,
    KIND_PLACE,
    SENDER_PLACE,
    Envelope,
    envelopes,
)
from tfchain.chain.columns.plain import bytes_of as _bytes
from tfchain.chain.columns.plain import flag_of as _flag
from tfchain.chain.columns.plain import int_of as _int
from tfchain.chain.columns.plain import list_of as _list
from tfchain.chain.columns.plain import resources_of as _resources
from tfchain.chain.columns.plain import text_of as _text
from tfchain.chain.columns.users import (
    ContractMade,
    Told,
    UsedTold,
    read_contract,
    read_rent,
    read_told,
    read_used,
)
from tfchain.errors import Malformed
from tfchain.ledger.measures import AnyMeasure, Measure
from tfchain.ledger.records import Resources

BODY_VERSION: Final = 1
MINT_ENTRY_FIELDS: Final = 6
FIXUP_ENTRY_FIELDS: Final = 9


@dataclass(frozen=True, slots=True)
class TwinMade:
    """`create_twin`."""

    sender: Address
    relay: str
    public_key: bytes


@dataclass(frozen=True, slots=True)
class FarmMade:
    """`create_farm`."""

    sender: Address
    name: str


@dataclass(frozen=True, slots=True)
class Minted:
    """`mint` or `mint_fixup`: coins that came into being."""

    amount: int


@dataclass(frozen=True, slots=True)
class PayoutSet:
    """`set_payout_account`."""

    farm_id: int
    account: Address


@dataclass(frozen=True, slots=True)
class StellarSet:
    """`set_stellar_address`."""

    farm_id: int
    address: str


@dataclass(frozen=True, slots=True)
class NodeMade:
    """`register_node`."""

    sender: Address
    farm_id: int
    resources: Resources
    country: str
    city: str
    virtualized: bool


@dataclass(frozen=True, slots=True)
class NodeChanged:
    """`update_node`."""

    node_id: int
    resources: Resources
    country: str
    city: str
    virtualized: bool


@dataclass(frozen=True, slots=True)
class Reported:
    """`report_uptime`."""

    node_id: int
    t: int
    uptime: int


_REPORTED: Final = maker(Reported)


@dataclass(frozen=True, slots=True)
class TargetSet:
    """`set_power_target`."""

    node_id: int
    up: bool


@dataclass(frozen=True, slots=True)
class StateSet:
    """`set_power_state`."""

    node_id: int
    up: bool


@dataclass(frozen=True, slots=True)
class FarmTaken:
    """`accept_farm`."""

    sender: Address
    farm_id: int


@dataclass(frozen=True, slots=True)
class TwinTaken:
    """`accept_twin`."""

    sender: Address
    twin_id: int


@dataclass(frozen=True, slots=True)
class NodeMoved:
    """`move_node`."""

    node_id: int
    farm_id: int


@dataclass(frozen=True, slots=True)
class Enacted:
    """`enact`: what a vote brought into force."""

    measure: Measure


@dataclass(frozen=True, slots=True)
class PoolSet:
    """`set_farm_pool`."""

    farm_id: int
    pool: int
    guarantee: int


@dataclass(frozen=True, slots=True)
class NodeDeleted:
    """`delete_node`."""

    node_id: int


@dataclass(frozen=True, slots=True)
class Renewed:
    """`renew_contract`."""

    node_id: int


Event: TypeAlias = (
    TwinMade
    | ContractMade
    | UsedTold
    | Told
    | FarmMade
    | Minted
    | PayoutSet
    | StellarSet
    | NodeMade
    | NodeChanged
    | NodeDeleted
    | PoolSet
    | Renewed
    | Reported
    | TargetSet
    | StateSet
    | Enacted
    | FarmTaken
    | TwinTaken
    | NodeMoved
)


def read_block(txs: Sequence[bytes], codes: Sequence[str]) -> list[Event]:
    """What took effect, in order; kinds that move coins alone are passed over.

    Raises:
        Malformed: not one code a transaction, or bytes that are no transaction of their kind.
    """
    events = [_read(envelope) for envelope in envelopes(txs, codes)]
    return [event for event in events if event is not None]


def _read(envelope: Envelope) -> Event | None:
    kind = _int(envelope[KIND_PLACE])
    row = _KINDS.get(kind)
    if row is None:
        if kind in _MONEY:
            return None
        raise Malformed(f"unknown kind {kind}")
    fields, event_of = row
    body = _list(envelope[BODY_PLACE], fields + 1)
    if _int(body[0]) != BODY_VERSION:
        raise Malformed(f"kind {kind}: version {BODY_VERSION} is due")
    return event_of(Address(_bytes(envelope[SENDER_PLACE])), body[1:])


def _twin(sender: Address, body: list[Plain]) -> Event:
    return TwinMade(sender, _text(body[0]), _bytes(body[1]))


def _mint(_sender: Address, body: list[Plain]) -> Event:
    """Schedule, period, root, upto, entries: version, node, account, amount, lock, receipt."""
    entries = body[4]
    if type(entries) is not list:
        raise Malformed("a list of mint entries is due")
    return Minted(sum(_int(_list(entry, MINT_ENTRY_FIELDS)[3]) for entry in entries))


def _fixup(_sender: Address, body: list[Plain]) -> Event:
    """Entries: version, fixup, schedule, period, node, account, amount, lock, receipt."""
    entries = body[0]
    if type(entries) is not list:
        raise Malformed("a list of fixups is due")
    return Minted(sum(_int(_list(entry, FIXUP_ENTRY_FIELDS)[6]) for entry in entries))


def _farm(sender: Address, body: list[Plain]) -> Event:
    return FarmMade(sender, _text(body[0]))


def _payout(_sender: Address, body: list[Plain]) -> Event:
    return PayoutSet(_int(body[0]), Address(_bytes(body[1])))


def _stellar(_sender: Address, body: list[Plain]) -> Event:
    return StellarSet(_int(body[0]), _text(body[1]))


def _register(sender: Address, body: list[Plain]) -> Event:
    """Farm, reporter, resources, country, city, virtualized, acceptance."""
    size, place = _resources(body[2]), (_text(body[3]), _text(body[4]))
    return NodeMade(sender, _int(body[0]), size, *place, _flag(body[5]))


def _update(_sender: Address, body: list[Plain]) -> Event:
    """Node, resources, country, city, virtualized, acceptance."""
    size, place = _resources(body[1]), (_text(body[2]), _text(body[3]))
    return NodeChanged(_int(body[0]), size, *place, _flag(body[4]))


def _report(_sender: Address, body: list[Plain]) -> Event:
    return _REPORTED(_int(body[0]), _int(body[1]), _int(body[2]))


def _target(_sender: Address, body: list[Plain]) -> Event:
    return TargetSet(_int(body[0]), _flag(body[1]))


def _state(_sender: Address, body: list[Plain]) -> Event:
    """Node, signed time, up: power moves at block time, so the signed one is not looked at."""
    return StateSet(_int(body[0]), _flag(body[2]))


def _enact(_sender: Address, body: list[Plain]) -> Event:
    """Proposal, measure."""
    return Enacted(AnyMeasure().unpack(body[1]))


def _take_farm(sender: Address, body: list[Plain]) -> Event:
    return FarmTaken(sender, _int(body[0]))


def _take_twin(sender: Address, body: list[Plain]) -> Event:
    return TwinTaken(sender, _int(body[0]))


def _move(_sender: Address, body: list[Plain]) -> Event:
    """Node, farm, acceptance."""
    return NodeMoved(_int(body[0]), _int(body[1]))


def _pool(_sender: Address, body: list[Plain]) -> Event:
    return PoolSet(_int(body[0]), _int(body[1]), _int(body[2]))


def _delete(_sender: Address, body: list[Plain]) -> Event:
    return NodeDeleted(_int(body[0]))


def _renew(_sender: Address, body: list[Plain]) -> Event:
    return Renewed(_int(body[0]))


_KINDS: Final[dict[int, tuple[int, Callable[[Address, list[Plain]], Event]]]] = {
    0: (5, _mint),
    1: (2, _twin),
    2: (1, _farm),
    3: (2, _payout),
    4: (2, _stellar),
    5: (7, _register),
    6: (6, _update),
    7: (3, _report),
    8: (2, _target),
    9: (3, _state),
    23: (2, _enact),
    26: (1, _take_farm),
    28: (1, _take_twin),
    29: (3, _move),
    40: (3, _pool),
    41: (1, _delete),
    42: (1, _renew),
    50: (5, read_contract),
    53: (3, read_used),
    54: (3, read_told),
    55: (1, read_rent),
    70: (1, _fixup),
}
"""By kind: how many fields its body has, and who reads them."""
_MONEY: Final = frozenset({*range(10, 23), 24, 25, 27, 43, 51, 52, *range(56, 59), 71})
"""transfer, commit_mint, attest_mint, release_lock, dispute_nodes, what validators decide among
themselves, votes of which only the outcome counts, keys of reporters, offers until they are taken, and
what users and farmers agree on: no node earns by them."""
