"""Reads one minting period of the public chain from plain JSON values.

The format is that of recorded periods: the state that matters at the period's start or end, and the
blocks' events in order. A stranger's file: every value is checked against its range, or `Malformed`
names the place.
"""

from collections.abc import Callable
from typing import TypeAlias, TypeGuard, TypeVar

from tfchain.base.units import (
    U32_MAX,
    U64_MAX,
    FarmId,
    MilliUsd,
    NodeId,
    PeriodIndex,
    PolicyId,
    Seconds,
    TwinId,
)
from tfchain.chain.grid_events import (
    ContractMade,
    Event,
    GridBlock,
    GridContract,
    GridNode,
    GridPolicy,
    GridTwin,
    NodeSaid,
    PeriodInput,
    StateMoved,
    TargetMoved,
    TrafficSaid,
    UptimeSaid,
    UseSaid,
)
from tfchain.errors import Malformed
from tfchain.ledger.records import Resources
from tfchain.ledger.uptime import PowerState

CERTIFICATIONS = {"Diy": False, "Certified": True}
POWERS = {"Down": False, "Up": True}
PUBLIC_KEY_BYTES_MAX = 4_096


def read_period(plain: object) -> PeriodInput:
    """The period that a JSON value describes; raises `Malformed`."""
    fields = _object(plain, "input")
    return PeriodInput(
        period=PeriodIndex(_u32(fields, "period")),
        first_block=_seconds(fields, "start_block_ts"),
        nodes=_each(fields, "nodes", _node),
        power=dict(_each(fields, "power", _power)),
        farms=dict(_each(fields, "farms", _farm)),
        twins=dict(_each(fields, "twins", _twin)),
        payouts=_payouts(fields),
        policies=dict(_each(fields, "policies", _policy)),
        contracts=_each(fields, "contracts", _contract),
        blocks=_each(fields, "blocks", _block),
        post=_each(fields, "post", _block),
    )


def read_counts(plain: object, nodes_max: int, rows_max: int) -> tuple[int, int]:
    """How many nodes and rows the columns behind a line have; raises `Malformed`."""
    fields = _object(plain, "columns")
    nodes = _integer(_value(fields, "nodes"), nodes_max, "nodes")
    return nodes, _integer(_value(fields, "rows"), rows_max, "rows")


Fields: TypeAlias = dict[str, object]
T = TypeVar("T")


def _object(plain: object, what: str) -> Fields:
    if type(plain) is not dict:
        raise Malformed(f"{what}: an object is due")
    return plain


def _value(fields: Fields, name: str) -> object:
    if name not in fields:
        raise Malformed(f"{name} is missing")
    return fields[name]


def _list(plain: object, what: str) -> list[object]:
    if type(plain) is not list:
        raise Malformed(f"{what}: a list is due")
    return plain


def _each(fields: Fields, name: str, read: Callable[[Fields], T]) -> tuple[T, ...]:
    items = _list(_value(fields, name), name)
    return tuple(read(_object(item, name)) for item in items)


def _integer(plain: object, most: int, what: str) -> int:
    if type(plain) is not int or not 0 <= plain <= most:
        raise Malformed(f"{what}: an integer from 0 to {most} is due")
    return plain


def _u32(fields: Fields, name: str) -> int:
    return _integer(_value(fields, name), U32_MAX, name)


def _u64(fields: Fields, name: str) -> int:
    return _integer(_value(fields, name), U64_MAX, name)


def _seconds(fields: Fields, name: str) -> Seconds:
    return Seconds(_u64(fields, name))


def _flag(fields: Fields, name: str) -> bool:
    value = _value(fields, name)
    if type(value) is not bool:
        raise Malformed(f"{name}: true or false is due")
    return value


def _choice(fields: Fields, name: str, choices: dict[str, bool]) -> bool:
    value = _text(_value(fields, name), name)
    if value not in choices:
        raise Malformed(f"{name}: one of {', '.join(choices)} is due")
    return choices[value]


def _text(plain: object, what: str) -> str:
    """Text that UTF-8 can say: JSON can smuggle in half a character."""
    if type(plain) is not str:
        raise Malformed(f"{what}: text is due")
    try:
        plain.encode()
    except UnicodeEncodeError as fault:
        raise Malformed(f"{what}: text is due") from fault
    return plain


def _resources(fields: Fields, name: str) -> Resources:
    part = _object(_value(fields, name), name)
    return Resources(
        cru=_u64(part, "cru"), mru=_u64(part, "mru"), hru=_u64(part, "hru"), sru=_u64(part, "sru")
    )


def _node(fields: Fields) -> GridNode:
    return GridNode(
        id=NodeId(_u32(fields, "id")),
        farm_id=FarmId(_u32(fields, "farm_id")),
        twin_id=TwinId(_u32(fields, "twin_id")),
        resources=_resources(fields, "resources"),
        policy_id=PolicyId(_u32(fields, "farming_policy_id")),
        certified=_choice(fields, "certification", CERTIFICATIONS),
        virtualized=_flag(fields, "virtualized"),
        connection_price=MilliUsd(_u64(fields, "connection_price")),
    )


def _power(fields: Fields) -> tuple[NodeId, PowerState]:
    state_up = _choice(fields, "state", POWERS)
    power = PowerState(
        target_up=_choice(fields, "target", POWERS),
        state_up=state_up,
        down_at=Seconds(0) if state_up else _seconds(fields, "down_ts"),
    )
    return NodeId(_u32(fields, "node_id")), power


def _farm(fields: Fields) -> tuple[FarmId, str]:
    return FarmId(_u32(fields, "id")), _text(_value(fields, "name"), "name")


def _twin(fields: Fields) -> tuple[TwinId, GridTwin]:
    relay = _value(fields, "relay")
    twin = GridTwin(
        relay=None if relay is None else _text(relay, "relay"),
        public_key=_public_key(_value(fields, "pk")),
    )
    return TwinId(_u32(fields, "id")), twin


def _public_key(plain: object) -> bytes | None:
    if plain is None:
        return None
    key = _list(plain, "pk")
    if len(key) > PUBLIC_KEY_BYTES_MAX:
        raise Malformed(f"pk: at most {PUBLIC_KEY_BYTES_MAX} bytes are allowed")
    if not _are_integers(key) or (key and not 0 <= min(key) <= max(key) <= 0xFF):
        raise Malformed("pk: integers from 0 to 255 are due")
    return bytes(key)


def _are_integers(items: list[object]) -> TypeGuard[list[int]]:
    return {*map(type, items)} <= {int}


def _payouts(fields: Fields) -> dict[FarmId, str]:
    payouts = _object(_value(fields, "payouts"), "payouts")
    return {_farm_key(key): _text(address, "payouts") for key, address in payouts.items()}


def _farm_key(key: str) -> FarmId:
    """JSON can only key by text."""
    if not 0 < len(key) <= len(str(U32_MAX)) or any(letter not in "0123456789" for letter in key):
        raise Malformed("payouts: keyed by farm ids")
    return FarmId(_integer(int(key), U32_MAX, "payouts"))


def _policy(fields: Fields) -> tuple[PolicyId, GridPolicy]:
    policy = GridPolicy(
        cu=_u32(fields, "cu"),
        su=_u32(fields, "su"),
        nu=_u32(fields, "nu"),
        ipv4=_u32(fields, "ipv4"),
        minimal_uptime=_u32(fields, "minimal_uptime"),
        immutable=_flag(fields, "immutable"),
        default=_flag(fields, "default"),
    )
    return PolicyId(_u32(fields, "id")), policy


def _contract(fields: Fields) -> GridContract:
    return GridContract(
        id=_u64(fields, "contract_id"),
        node_id=NodeId(_u32(fields, "node_id")),
        ips=_u32(fields, "ips"),
        used=_resources(fields, "resources"),
    )


def _block(fields: Fields) -> GridBlock:
    return GridBlock(
        time=_seconds(fields, "ts"),
        events=_each(fields, "events", _event),
        height=_u64(fields, "height") if "height" in fields else 0,
    )


def _event(fields: Fields) -> Event:
    if len(fields) != 1:
        raise Malformed("events: an event is one name and its content")
    [(name, content)] = fields.items()
    if name not in EVENTS:
        raise Malformed(f"events: not an event: {name[:40]!a}")
    return EVENTS[name](content)


def _stored(content: object) -> Event:
    return NodeSaid(node=_node(_object(content, "node")))


def _reported(content: object) -> Event:
    numbers = _list(content, "NodeUptimeReported")
    if len(numbers) != 3:
        raise Malformed("NodeUptimeReported: node, time and uptime are due")
    return UptimeSaid(
        node_id=NodeId(_integer(numbers[0], U32_MAX, "node id")),
        t=Seconds(_integer(numbers[1], U64_MAX, "time")),
        uptime=Seconds(_integer(numbers[2], U64_MAX, "uptime")),
    )


def _target(content: object) -> Event:
    fields = _object(content, "PowerTargetChanged")
    return TargetMoved(
        node_id=NodeId(_u32(fields, "node_id")), up=_choice(fields, "power_target", POWERS)
    )


def _state(content: object) -> Event:
    fields = _object(content, "PowerStateChanged")
    return StateMoved(
        node_id=NodeId(_u32(fields, "node_id")), up=_choice(fields, "power_state", POWERS)
    )


NOTHING_USED = Resources(cru=0, mru=0, hru=0, sru=0)


def _created(content: object) -> Event:
    fields = _object(content, "ContractCreated")
    number = _u64(fields, "contract_id")
    kind = _object(_value(fields, "contract_type"), "contract_type")
    if "NodeContract" not in kind:
        return ContractMade(contract=None)
    part = _object(kind["NodeContract"], "NodeContract")
    contract = GridContract(
        id=number,
        node_id=NodeId(_u32(part, "node_id")),
        ips=_u32(part, "public_ips"),
        used=NOTHING_USED,
    )
    return ContractMade(contract=contract)


def _used(content: object) -> Event:
    fields = _object(content, "ContractUsedResourcesUpdated")
    return UseSaid(contract_id=_u64(fields, "contract_id"), used=_resources(fields, "used"))


def _traffic(content: object) -> Event:
    fields = _object(content, "NruConsumptionReceived")
    return TrafficSaid(
        contract_id=_u64(fields, "contract_id"),
        t=_seconds(fields, "timestamp"),
        window=_seconds(fields, "window"),
        traffic=_u64(fields, "nru"),
    )


EVENTS: dict[str, Callable[[object], Event]] = {
    "NodeStoredEvent": _stored,
    "NodeUpdatedEvent": _stored,
    "NodeUptimeReported": _reported,
    "PowerTargetChanged": _target,
    "PowerStateChanged": _state,
    "ContractCreated": _created,
    "ContractUsedResourcesUpdated": _used,
    "NruConsumptionReceived": _traffic,
}
