"""Simulated farmers: they found their farms, then carry out their machines' plans over HTTP.

Whatever cannot be handed in now is handed in to the next validator, or is late, as in real life: a
report that nobody took in time is not sent at all.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import trio

from tfchain.base.limits import SUBMIT_TXS_MAX
from tfchain.base.units import FarmId, NodeId
from tfchain.errors import Unavailable
from tfchain.node.devnet import hands
from tfchain.node.devnet.hands import Farmer, Operator, Purse
from tfchain.node.devnet.mirror import Mirror
from tfchain.node.devnet.plan import MS, Action, Ask, Planned, Report, Tell, plan

TICK_S: Final = 0.25
RETRY_S: Final = 1.0
LATE_MS: Final = 3_000
"""An action that could not be done for so long is left out."""
STEP_BLOCKS: Final = hands.VALID_BLOCKS + 1
"""After so many blocks a step of the founding that has not come about is tried again."""

TAKEN: Final = ("ok", "known", "committed")

Make = Callable[[], bytes]
"""Signs a transaction that is wanted, when it is handed in."""
Submit = Callable[[Sequence[bytes]], Awaitable[Sequence[tuple[str, str]]]]
"""Hands transactions to a validator; code and detail of each. Raises `Unavailable`."""


@dataclass(slots=True)
class Round:
    """Validators in turn, each asked again when its turn comes."""

    validators: Sequence[Submit]
    _turn: int = 0

    async def submit(self, raws: Sequence[bytes]) -> Sequence[tuple[str, str]]:
        """The answers of the first validator that answers.

        Raises:
            Unavailable: none does.
        """
        fault = Unavailable("no validator answers", "the whole devnet", "wait, or restart one")
        for _ in self.validators:
            self._turn = (self._turn + 1) % len(self.validators)
            try:
                return await self.validators[self._turn](raws)
            except Unavailable as found:
                fault = found
        raise fault


@dataclass(slots=True)
class Running:
    """A machine on the grid, and what it does next."""

    operator: Operator
    node_id: NodeId
    plan: Iterator[Planned]
    due: Planned = field(init=False)

    def __post_init__(self) -> None:
        self.due = next(self.plan)


@dataclass(slots=True)
class Grid:
    """All farmers of a devnet. `clock`: seconds since 1970; `log`: a line for people."""

    faucet: Purse
    operators: Sequence[Operator]
    mirror: Mirror
    submit: Submit
    clock: Callable[[], float]
    log: Callable[[str], None]
    _refused: set[str] = field(default_factory=set)

    async def run(self) -> None:
        """Found the farms, then work until cancelled."""
        await self.found()
        await self.work()

    # --- founding ---------------------------------------------------------------------------------

    async def found(self) -> None:
        """Coins, twins and farms, nodes: each step when all of the one before stands in blocks."""
        await self._all_done(self._gifts)
        await self._all_done(self._identities)
        await self._all_done(self._registrations)
        farms = len(self._farmers())
        self.log(f"farmers: {farms} farms, {len(self.operators)} nodes, block {self.mirror.height}")

    async def _all_done(self, missing: Callable[[], list[Make]]) -> None:
        """Hand in what is missing; what was lost or refused on its way is made anew."""
        while wanted := missing():
            if not await self._taken([make() for make in wanted]):
                await trio.sleep(RETRY_S)
                continue
            until = self.mirror.height + STEP_BLOCKS
            while missing() and self.mirror.height < until:
                await self.mirror.above(self.mirror.height)

    def _gifts(self) -> list[Make]:
        """For whoever has nothing."""
        poor = [
            one.address for one in self._purses() if self.mirror.account(one.address).balance == 0
        ]
        return [partial(hands.gift, self.faucet, self.mirror, address) for address in poor]

    def _identities(self) -> list[Make]:
        """Twins of all, farms of farmers."""
        twins = [
            partial(hands.twin, one, self.mirror)
            for one in self._purses()
            if not self.mirror.has_twin(one.address)
        ]
        farms = [
            partial(hands.farm, one, self.mirror)
            for one in self._farmers()
            if self.mirror.farm_named(one.farm_name) is None
        ]
        return [*twins, *farms]

    def _registrations(self) -> list[Make]:
        """Nodes that have not joined their farm."""
        return [
            partial(hands.registration, one, self.mirror, self._farm_of(one))
            for one in self.operators
            if self.mirror.node_of(one.purse.address) is None
        ]

    def _purses(self) -> list[Purse]:
        farmers = [one.purse for one in self._farmers()]
        return [*farmers, *[one.purse for one in self.operators]]

    def _farmers(self) -> list[Farmer]:
        return list({one.farmer.number: one.farmer for one in self.operators}.values())

    def _farm_of(self, operator: Operator) -> FarmId:
        farm_id = self.mirror.farm_named(operator.farmer.farm_name)
        assert farm_id is not None, "farms were founded before nodes join"
        return farm_id

    # --- work -------------------------------------------------------------------------------------

    async def work(self) -> None:
        """Carry out every plan, from now on."""
        machines = [self._running(operator) for operator in self.operators]
        while True:
            raws = [raw for machine in machines for raw in self._due(machine)]
            if raws:
                await self._taken(raws)
            await trio.sleep(TICK_S)

    def _running(self, operator: Operator) -> Running:
        params = self.mirror.genesis.params
        node_id = self.mirror.node_of(operator.purse.address)
        assert node_id is not None, "nodes were registered before they work"
        return Running(
            operator, node_id, plan(operator.machine, params.schedules[0], params.uptime)
        )

    def _due(self, machine: Running) -> list[bytes]:
        """What is due now; what is long past is left out."""
        start = self.mirror.genesis.params.schedules[0].start
        now_ms = int((self.clock() - start) * MS)
        raws = []
        while machine.due.at_ms <= now_ms:
            if machine.due.at_ms > now_ms - LATE_MS:
                raws += self._signed(machine, machine.due.action)
            machine.due = next(machine.plan)
        return raws

    def _signed(self, machine: Running, action: Action) -> list[bytes]:
        """The transaction of an action, if it makes sense as the ledger stands.

        A machine goes to sleep only once a block asks it to: otherwise it would not be asleep but
        gone. Left out, a nap looks like a reboot.
        """
        mirror, operator, node_id = self.mirror, machine.operator, machine.node_id
        start = mirror.genesis.params.schedules[0].start
        power = mirror.uptime(node_id).power
        match action:
            case Report(t=t, uptime=uptime):
                return [hands.report(operator, mirror, node_id, start + t, uptime)]
            case Ask(up=up) if up != power.target_up:
                return [hands.power_target(operator.farmer, mirror, node_id, up=up)]
            case Tell(t=t, up=up) if up != power.state_up and up == power.target_up:
                return [hands.power_state(operator, mirror, node_id, start + t, up=up)]
            case _:
                return []

    async def _taken(self, raws: Sequence[bytes]) -> bool:
        """Whether all were taken; what was not is lost, as in a real outage."""
        try:
            taken = await self._hand_in(raws)
        except Unavailable:
            taken = False
        if not taken:
            for purse in (self.faucet, *self._purses()):
                purse.forget()
        return taken

    async def _hand_in(self, raws: Sequence[bytes]) -> bool:
        """In runs that fit one call. A code that was not seen before is told."""
        taken = True
        for first in range(0, len(raws), SUBMIT_TXS_MAX):
            for code, detail in await self.submit(raws[first : first + SUBMIT_TXS_MAX]):
                if code in TAKEN:
                    continue
                taken = False
                if code not in self._refused:
                    self._refused.add(code)
                    self.log(f"farmers: refused for the first time with {code}: {detail}")
        return taken
