"""A whole network on one machine: validators as processes, farmers, and a picture of what goes on.

One nursery holds everything; when it ends, for whatever reason, so does every process.
"""

import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import trio

from tfchain.base.units import Height, Seconds, Utft
from tfchain.errors import Unavailable
from tfchain.ledger.minting import PAID, STATES, Batch
from tfchain.node.devnet.farmers import Grid, Round
from tfchain.node.devnet.hands import Purse, farmers_of
from tfchain.node.devnet.homes import Network, key_of
from tfchain.node.devnet.link import Link
from tfchain.node.devnet.mirror import Mirror
from tfchain.node.devnet.plan import roster
from tfchain.node.devnet.validators import Process

ASK_S: Final = 1
"""Between two questions to each validator: where do you stand?"""
RETRY_S: Final = 0.5
NODES_MAX: Final = 1_000
"""Simulated nodes: each reports every two seconds, from this one process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is asked for beside the network that lies on the disk."""

    nodes: int
    again: bool
    """Whether a validator that ended is started again."""
    picture_s: float
    """Between two pictures."""
    web: bool = False
    """Whether the web runs beside the validators."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A validator in the picture."""

    number: int
    url: str
    pid: int | None
    height: int | None
    """None while it does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLine:
    """A batch in the picture."""

    period: int
    state: str
    ends: Seconds
    committed: int
    agreeing: int
    differing: int
    guardians: int
    receipts: int
    total: int
    minted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The network at one moment."""

    chain_id: str
    height: Height
    time: Seconds
    nodes_up: int
    nodes: int
    minted: Utft
    batches: tuple[BatchLine, ...]
    validators: tuple[Line, ...]


@dataclass(slots=True)
class Devnet:
    """A running network. `show` gets a picture now and then, `log` a line when something happens."""

    network: Network
    options: Options
    clock: Callable[[], float]
    show: Callable[[Picture], None]
    log: Callable[[str], None]
    mirror: Mirror = field(init=False)
    validators: list[Process] = field(init=False)
    links: list[Link] = field(init=False)
    interrupted: bool = False
    _heights: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.mirror = Mirror(self.network.genesis)
        members, again = self.network.members, self.options.again
        self.validators = [Process(member, again, self.log) for member in members]
        self.links = [Link(member.url) for member in members]

    async def run(self, until: "Until") -> None:
        """Run until `until` returns, or a signal comes."""
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async with trio.open_nursery() as nursery:
                for validator in self.validators:
                    nursery.start_soon(validator.keep)
                if self.options.web:
                    web = Process(self.network.web, self.options.again, self.log)
                    nursery.start_soon(web.keep)
                for place in range(len(self.links)):
                    nursery.start_soon(self._ask, place)
                nursery.start_soon(self._follow)
                nursery.start_soon(self._draw)
                if self.options.nodes:
                    nursery.start_soon(self._grid().run)
                nursery.start_soon(self._interrupt, signals, nursery.cancel_scope)
                await until(self)
                nursery.cancel_scope.cancel()

    async def _interrupt(self, signals: "Signals", scope: trio.CancelScope) -> None:
        async for _ in signals:
            self.interrupted = True
            scope.cancel()

    def _grid(self) -> Grid:
        seed = self.network.seed
        return Grid(
            faucet=Purse(key_of(seed, "faucet")),
            operators=farmers_of(seed, roster(seed, self.options.nodes)),
            mirror=self.mirror,
            submit=Round([link.submit for link in self.links]).submit,
            clock=self.clock,
            log=self.log,
        )

    # --- what goes on -----------------------------------------------------------------------------

    async def _follow(self) -> None:
        """Take every block, from whichever validator answers."""
        place = 0
        while True:
            try:
                async with self.links[place].blocks(self.mirror.height + 1) as blocks:
                    async for raw in blocks:
                        self.mirror.take(raw)
            except Unavailable:
                await trio.sleep(RETRY_S)
            place = (place + 1) % len(self.links)

    async def _ask(self, place: int) -> None:
        """Where each validator stands."""
        while True:
            try:
                self._heights[place] = await self.links[place].height()
            except Unavailable:
                self._heights.pop(place, None)
            await trio.sleep(ASK_S)

    async def _draw(self) -> None:
        while True:
            self.show(self.picture())
            await trio.sleep(self.options.picture_s)

    def picture(self) -> Picture:
        """What there is to see now."""
        mirror = self.mirror
        return Picture(
            chain_id=mirror.genesis.params.chain_id,
            height=mirror.height,
            time=mirror.time,
            nodes_up=mirror.nodes_up(),
            nodes=mirror.totals().nodes,
            minted=mirror.minted(),
            batches=tuple(self._batch_line(batch) for batch in mirror.batches()),
            validators=tuple(self._line(place) for place in range(len(self.validators))),
        )

    def _batch_line(self, batch: Batch) -> BatchLine:
        return BatchLine(
            period=batch.period,
            state=STATES[batch.state],
            ends=batch.end,
            committed=self.mirror.committed(batch),
            agreeing=sum(1 for answer in batch.answers if answer.agrees),
            differing=sum(1 for answer in batch.answers if not answer.agrees),
            guardians=len(self.mirror.genesis.guardians),
            receipts=batch.count,
            total=batch.total,
            minted=batch.minted,
        )

    def _line(self, place: int) -> Line:
        validator = self.validators[place]
        return Line(
            number=place,
            url=self.network.members[place].url,
            pid=validator.pid,
            height=self._heights.get(place),
        )

    # --- one period -------------------------------------------------------------------------------

    async def first_period(self) -> BatchLine:
        """Wait until period 0 is paid and every guardian has answered."""
        while True:
            batch = self.mirror.batch(0)
            if batch is not None:
                line = self._batch_line(batch)
                if batch.state == PAID and line.agreeing + line.differing == line.guardians:
                    return line
            await self.mirror.above(self.mirror.height)

    async def export(self, path: Path) -> None:
        """Write the chain, as the first validator that answers has it.

        All that is shown is in it: a validator that is behind what the stream told is waited for.

        Raises:
            Unavailable: none answers, or the file cannot be written.
        """
        fault = Unavailable("no validator gives its chain", "the devnet", "see their logs")
        for link in self.links:
            try:
                async with link.blocks(self.mirror.height) as blocks:
                    await anext(blocks)
                await link.export(path)
            except Unavailable as found:
                fault = found
            else:
                return
        raise fault


Until = Callable[[Devnet], Awaitable[None]]
"""What a devnet runs for."""
Signals = AsyncIterator[int]
