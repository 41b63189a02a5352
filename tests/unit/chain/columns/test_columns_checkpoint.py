"""What the second program keeps between two runs, and the columns that it keeps it in."""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import pytest

from tfchain.base.crypto import HASH_BYTES, digest
from tfchain.base.units import NodeId
from tfchain.chain.columns import checkpoint
from tfchain.chain.columns.program import Columns
from tfchain.chain.columns.streams import CHUNK_ROWS, Stream
from tfchain.chain.genesis import Genesis
from tfchain.errors import Malformed, Unavailable
from tfchain.ledger.records import Resources
from tfchain.tx.kind import Kind
from tfchain.tx.kinds.update_node import UpdateNode

GIB = 1 << 30


class Paper(Protocol):
    """What `conftest` lends."""

    columns: Columns
    height: int

    def block(self, time: int, *bodies: Kind, code: str = ..., sender: int = ...) -> None: ...
    def join(self, time: int, *, sender: int = ..., farm: int = ..., key: bytes = ...) -> None: ...
    def report(self, time: int, uptime: int, *, node: int = ..., block: int = ...) -> None: ...
    def target(self, time: int, *, up: bool, node: int = ...) -> None: ...
    def state(self, time: int, *, up: bool, node: int = ...) -> None: ...


def _update(paper: Paper, time: int, cru: int, *, virtualized: bool = False) -> None:
    body = UpdateNode(
        node_id=NodeId(1),
        resources=Resources(cru=cru, mru=33 * GIB, hru=0, sru=400 * GIB),
        country="BE",
        city="Gent",
        virtualized=virtualized,
        acceptance=b"",
    )
    paper.block(time, body)


def _steady(paper: Paper, first: int, last: int) -> None:
    for time in range(first, last + 1, 2):
        paper.report(time, 100 + time)


def _busy(paper: Paper) -> None:
    _update(paper, 2, 2)
    _steady(paper, 5, 31)
    paper.target(40, up=False)
    paper.state(41, up=False)
    paper.target(58, up=True)
    paper.report(61, 3)
    paper.report(63, 5)


def test_a_resumed_program_goes_on_as_if_it_had_never_stopped(
    new_paper: Callable[[], Paper], genesis: Genesis
) -> None:
    through, resumed = new_paper(), new_paper()
    for paper in (through, resumed):
        paper.join(-5)
        _busy(paper)
    sealed = resumed.columns.checkpoint()
    resumed.columns = Columns.resume(genesis.params, genesis.policies, sealed, genesis.supply())
    assert resumed.columns.height == through.columns.height
    assert resumed.columns.checkpoint() == sealed
    for paper in (through, resumed):
        paper.report(66, 8)
        paper.block(132)
    for period in (0, 1):
        assert through.columns.result(0, period) == resumed.columns.result(0, period)
    assert through.columns.checkpoint() == resumed.columns.checkpoint()


def test_chunks_apart_make_the_same_program(joined: Paper, genesis: Genesis) -> None:
    """Rows are packed by the tens of thousands: the stream gets them here from nobody's blocks."""
    joined.report(5, 5)
    columns = joined.columns
    (stream,) = columns._routes.streams.values()
    for time in range(CHUNK_ROWS + 7):
        stream.append(0, 1, 6 + time, 6 + time, 1 << 40 if time % 2 else 6)
    ((place, number),) = columns.chunks()
    assert (place, number) == ((0, 0, 0), 0)
    assert len(columns.chunk(place, number)) < 23 * CHUNK_ROWS
    resumed = Columns.resume(
        genesis.params,
        genesis.policies,
        columns.checkpoint_apart(),
        genesis.supply(),
        columns.chunk,
    )
    assert resumed.checkpoint() == columns.checkpoint()
    assert resumed.checkpoint_apart() == columns.checkpoint_apart()


def test_a_checkpoint_without_its_chunks_is_not_taken_for_a_whole_one(
    joined: Paper, genesis: Genesis
) -> None:
    constants = (genesis.params, genesis.policies)
    with pytest.raises(Malformed, match="hash"):
        Columns.resume(*constants, joined.columns.checkpoint_apart(), genesis.supply())
    whole = joined.columns.checkpoint()
    with pytest.raises(Malformed, match="hash"):
        Columns.resume(*constants, whole, genesis.supply(), joined.columns.chunk)


@pytest.mark.parametrize(
    "chunk",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(bytes(8) + b"\1", id="a column without its rows"),
        pytest.param(bytes(8) + b"\3" + bytes(4 * CHUNK_ROWS), id="rows of three bytes"),
    ],
)
def test_a_chunk_that_nobody_packed_is_refused(chunk: bytes) -> None:
    with pytest.raises(ValueError, match=r"chunk|buffer|offset"):
        Stream.joined(lambda _: chunk, (1).to_bytes(8, "little"), {})


@pytest.mark.parametrize("end", [bytes(8) + bytes(9), bytes(8) + bytes(48)])
def test_an_end_that_holds_no_whole_rows_is_refused(end: bytes) -> None:
    with pytest.raises(ValueError, match=r"buffer|reshape"):
        Stream.joined(lambda _: b"", end, {})


def test_forgetting_outlives_a_stop(joined: Paper, genesis: Genesis) -> None:
    joined.block(72)
    joined.columns.forget(0, 0)
    resumed = Columns.resume(
        genesis.params, genesis.policies, joined.columns.checkpoint(), genesis.supply()
    )
    with pytest.raises(Unavailable, match="forgotten"):
        resumed.result(0, 0)


@pytest.mark.parametrize("place", [0, HASH_BYTES - 1, HASH_BYTES, -1])
def test_a_bit_that_flipped_is_noticed(joined: Paper, genesis: Genesis, place: int) -> None:
    sealed = bytearray(joined.columns.checkpoint())
    sealed[place] ^= 1
    with pytest.raises(Malformed, match="hash"):
        Columns.resume(genesis.params, genesis.policies, bytes(sealed), genesis.supply())


@pytest.mark.parametrize("sealed", [b"", bytes(31), digest(b"tf/columns", b"")])
def test_a_checkpoint_cut_off_is_malformed(genesis: Genesis, sealed: bytes) -> None:
    with pytest.raises(Malformed):
        Columns.resume(genesis.params, genesis.policies, sealed, genesis.supply())


def test_a_checkpoint_of_another_chain_is_malformed(joined: Paper, genesis: Genesis) -> None:
    joined.block(1)
    sealed = joined.columns.checkpoint()
    with pytest.raises(Malformed, match="constants"):
        Columns.resume(genesis.params, genesis.policies[:1], sealed, genesis.supply())


def test_columns_of_unequal_length_are_malformed(joined: Paper, genesis: Genesis) -> None:
    joined.report(5, 5)
    constants = checkpoint.constants_hash(genesis.params, genesis.policies, genesis.supply())
    kept = checkpoint.unseal(joined.columns.checkpoint(), constants)
    (stream,) = kept.streams
    for columns in (stream.columns[:-8], stream.columns[:-1]):
        cut = replace(kept, streams=(replace(stream, columns=columns),))
        with pytest.raises(Malformed, match="columns"):
            Columns.resume(genesis.params, genesis.policies, checkpoint.seal(cut), genesis.supply())


def test_a_checkpoint_too_long_is_malformed_unread() -> None:
    with pytest.raises(Malformed, match="41 bytes"):
        checkpoint.unseal(bytes(41), bytes(32), 40)


@pytest.mark.parametrize(
    "row",
    [
        pytest.param((0, True, 5, 5, 5), id="true for a number"),
        pytest.param((3, 1, 5, 5, 5), id="an unknown kind"),
        pytest.param((0, 0, 5, 5, 5), id="no node"),
        pytest.param((0, 1, -1, 5, 5), id="before all time"),
        pytest.param((0, 1, 5, (1 << 48) + 1, 5), id="up for longer than all time"),
        pytest.param((0, 1, 5, 5, 1 << 63), id="beyond int64"),
    ],
)
def test_a_column_takes_only_what_fits(row: tuple[int, int, int, int, int]) -> None:
    with pytest.raises(AssertionError):
        Stream().append(*row)


def test_a_stream_grows_and_keeps_its_order() -> None:
    stream = Stream()
    for time in range(600):
        stream.append(0, 1 + time % 2, time, time, time)
    rows = stream.by_node()
    assert rows[2].tolist() == [*range(0, 600, 2), *range(1, 600, 2)]
    assert Stream.decode(stream.encode(), {}).encode() == stream.encode()
