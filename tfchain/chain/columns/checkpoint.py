"""What the second program remembers between two runs, as bytes that carry their own hash (P36)."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Final, TypeAlias

from tfchain.base.crypto import HASH_BYTES, digest
from tfchain.base.shapes import (
    U8,
    U16,
    U32,
    Blob,
    Hash,
    Many,
    Nested,
    UInt,
    decode_record,
    encode_record,
)
from tfchain.base.units import (
    U32_MAX,
    FarmId,
    Height,
    Millis,
    NodeId,
    PeriodIndex,
    ScheduleId,
    Seconds,
    Utft,
)
from tfchain.chain.columns.offers import Offered
from tfchain.chain.columns.past import Past
from tfchain.chain.columns.roster import FarmHistory, Machine, Roster
from tfchain.chain.columns.routes import Place, Routes
from tfchain.chain.columns.streams import Stream
from tfchain.chain.columns.uses import Had, Taken
from tfchain.errors import Malformed
from tfchain.ledger.gaps import Gap
from tfchain.ledger.params import Params
from tfchain.ledger.records import Policy, Twin

CHECKPOINT_BYTES_MAX: Final = U32_MAX
"""Where a MessagePack blob ends: a period of 97,000 nodes that report every forty minutes."""
WHOLE: Final = b"tf/columns"
"""The hash of a checkpoint with all its columns."""
APART: Final = b"tf/columns/end"
"""The hash of one whose chunks stand elsewhere."""
_ROWS: Final = U32_MAX
ChunkOf: TypeAlias = Callable[[Place, int], bytes]
"""A stream's chunk, by the stream's place and the chunk's number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asleep:
    """A node that came into a period asleep."""

    node_id: NodeId
    since: Seconds
    asked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptStream:
    """One period's columns."""

    schedule: ScheduleId
    period: PeriodIndex
    own: U32
    """0; or of periods that are nodes' own 1, 2, ..."""
    columns: Annotated[bytes, Blob(0, CHECKPOINT_BYTES_MAX)]
    asleep: Annotated[tuple[Asleep, ...], Many(Nested(Asleep), _ROWS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """The first period of a schedule that was not forgotten."""

    schedule: ScheduleId
    period: PeriodIndex


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """The periods of a schedule that had a block, of those that were not forgotten."""

    schedule: ScheduleId
    periods: Annotated[tuple[PeriodIndex, ...], Many(UInt(0, U32_MAX), _ROWS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Minted:
    """Coins that had ever been minted once a block of this second was there."""

    time: Seconds
    amount: Utft


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """What a farm said that it is."""

    farm_id: FarmId
    pool: U8
    guarantee: U16


@dataclass(frozen=True, slots=True, kw_only=True)
class Constants:
    """What a checkpoint was computed under."""

    supply: Utft

    params: Annotated[Params, Nested(Params)]
    policies: Annotated[tuple[Policy, ...], Many(Nested(Policy), 64)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Everything."""

    constants: Hash
    height: Height
    time_ms: Millis
    twins: Annotated[tuple[Twin, ...], Many(Nested(Twin), _ROWS)]
    farms: Annotated[tuple[FarmHistory, ...], Many(Nested(FarmHistory), _ROWS)]
    machines: Annotated[tuple[Machine, ...], Many(Nested(Machine), _ROWS)]
    offered: Annotated[Offered, Nested(Offered)]
    gaps: Annotated[tuple[Gap, ...], Many(Nested(Gap), _ROWS)]
    streams: Annotated[tuple[KeptStream, ...], Many(Nested(KeptStream), _ROWS)]
    floors: Annotated[tuple[Floor, ...], Many(Nested(Floor), 64)]
    openings: Annotated[tuple[Opening, ...], Many(Nested(Opening), 64)]
    minted: Annotated[tuple[Minted, ...], Many(Nested(Minted), _ROWS)]
    pools: Annotated[tuple[Pool, ...], Many(Nested(Pool), _ROWS)]
    contracts: Annotated[tuple[Taken, ...], Many(Nested(Taken), _ROWS)]
    had: Annotated[tuple[Had, ...], Many(Nested(Had), _ROWS)]


def seal(checkpoint: Checkpoint, tag: bytes = WHOLE) -> bytes:
    """The bytes, their hash in front."""
    body = encode_record(checkpoint)
    return digest(tag, body) + body


def unseal(
    sealed: bytes, constants: bytes, bytes_max: int = CHECKPOINT_BYTES_MAX, tag: bytes = WHOLE
) -> Checkpoint:
    """The checkpoint that `sealed` spells.

    Raises:
        Malformed: longer than `bytes_max`, the hash does not fit, or it was made under other constants.
    """
    if len(sealed) > bytes_max:
        raise Malformed(f"a checkpoint of {len(sealed)} bytes")
    front, body = sealed[:HASH_BYTES], sealed[HASH_BYTES:]
    if digest(tag, body) != front:
        raise Malformed("the checkpoint does not have the hash that it carries")
    checkpoint = decode_record(Checkpoint, body, bytes_max)
    if checkpoint.constants != constants:
        raise Malformed("the checkpoint is of a chain with other constants")
    return checkpoint


def constants_hash(params: Params, policies: tuple[Policy, ...], supply: Utft) -> bytes:
    """What ties a checkpoint to its chain."""
    constants = Constants(params=params, policies=policies, supply=supply)
    return digest(b"tf/columns/const", encode_record(constants))


def checkpoint_of(
    constants: bytes,
    at: tuple[Height, Millis],
    roster: Roster,
    routes: Routes,
    past: Past,
    columns: Callable[[Stream], bytes] = Stream.encode,
) -> Checkpoint:
    """All of it as one record, in order of schedule, period and id.

    `at`: the last block's height and time; `columns`: what of a stream stands in it.
    """
    height, time_ms = at
    return Checkpoint(
        constants=constants,
        height=height,
        time_ms=time_ms,
        twins=tuple(roster.twins),
        farms=tuple(roster.farms),
        machines=tuple(roster.machines),
        offered=roster.offered,
        gaps=tuple(Gap(since=Seconds(a), until=Seconds(b)) for a, b in past.gaps),
        streams=tuple(
            _kept(place, routes.streams[place], columns) for place in sorted(routes.streams)
        ),
        floors=tuple(
            Floor(schedule=ScheduleId(schedule), period=PeriodIndex(period))
            for schedule, period in sorted(routes.forgotten.items())
        ),
        openings=tuple(
            Opening(schedule=ScheduleId(schedule), periods=tuple(map(PeriodIndex, periods)))
            for schedule, periods in sorted(past.opened.items())
        ),
        minted=tuple(Minted(time=Seconds(at), amount=Utft(sum_)) for at, sum_ in past.minted),
        pools=tuple(
            Pool(farm_id=FarmId(farm), pool=kind, guarantee=promised)
            for farm, (kind, promised) in sorted(roster.pools.items())
        ),
        contracts=tuple(roster.uses.contracts),
        had=tuple(roster.uses.had[place] for place in sorted(roster.uses.had)),
    )


def restore(
    checkpoint: Checkpoint,
    roster: Roster,
    routes: Routes,
    past: Past,
    chunk: ChunkOf | None = None,
) -> None:
    """Fill an empty roster, empty routes and an empty past.

    `chunk`: who has the chunks of a checkpoint that was made without them.

    Raises:
        Malformed: columns of unequal length.
    """
    roster.twins = list(checkpoint.twins)
    roster.twin_ids = {twin.account: twin.id for twin in checkpoint.twins}
    roster.farms, roster.machines = list(checkpoint.farms), list(checkpoint.machines)
    roster.offered = checkpoint.offered
    roster.pools = {row.farm_id: (row.pool, row.guarantee) for row in checkpoint.pools}
    past.opened = {row.schedule: [*map(int, row.periods)] for row in checkpoint.openings}
    past.gaps = [(gap.since, gap.until) for gap in checkpoint.gaps]
    past.minted = [(row.time, row.amount) for row in checkpoint.minted]
    roster.uses.contracts = list(checkpoint.contracts)
    roster.uses.had = {(row.schedule, row.period, row.node_id): row for row in checkpoint.had}
    for floor in checkpoint.floors:
        routes.forgotten[floor.schedule] = floor.period
    for kept in checkpoint.streams:
        asleep = {int(row.node_id): (int(row.since), row.asked) for row in kept.asleep}
        place = (kept.schedule, kept.period, kept.own)
        try:
            if chunk is None:
                stream = Stream.decode(kept.columns, asleep)
            else:
                stream = Stream.joined(partial(chunk, place), kept.columns, asleep)
        except ValueError as fault:
            raise Malformed("columns of unequal length") from fault
        routes.streams[place] = stream


def _kept(place: Place, stream: Stream, columns: Callable[[Stream], bytes]) -> KeptStream:
    return KeptStream(
        schedule=ScheduleId(place[0]),
        period=PeriodIndex(place[1]),
        own=place[2],
        columns=columns(stream),
        asleep=tuple(
            Asleep(node_id=NodeId(node), since=Seconds(since), asked=asked)
            for node, (since, asked) in sorted(stream.asleep.items())
        ),
    )
