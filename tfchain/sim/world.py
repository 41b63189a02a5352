"""A whole network in virtual time: one heap of what is due, one seed for all chance, no real clock.

A run has two halves. Until the heal, faults strike; then all links, clocks and machines are good for
ever, nobody is started again, and every correct node must decide new heights within a bound.
"""

from collections.abc import Callable
from functools import partial
from heapq import heappop, heappush
from itertools import count
from typing import Final

from tfchain.base.crypto import verify
from tfchain.base.units import Seconds
from tfchain.bft.messages import Message
from tfchain.errors import TfchainError
from tfchain.replica.effects import Effect
from tfchain.replica.events import Event, PeerDown, PeerUp, Received, Submitted
from tfchain.sim.cast import Cast
from tfchain.sim.chance import Chance
from tfchain.sim.faults import Crash, Cut, Fault, Full, Skew, Slow, Turn
from tfchain.sim.genesis import GENESIS_TIME, genesis_text, key_of, seed_of
from tfchain.sim.invariants import Forked, Violation, Watch
from tfchain.sim.liar import Liar
from tfchain.sim.load import Load
from tfchain.sim.machine import Identity, Machine
from tfchain.sim.network import FAIR, Network
from tfchain.sim.node import IDLE_MS, Node
from tfchain.sim.plan import Plan, Report
from tfchain.sim.pulse import LOOK_EVERY_MS, Pulse
from tfchain.sim.scenarios import SCENARIOS, cast_of, episodes, heal_of
from tfchain.sim.stage import Stage
from tfchain.sim.trace import Step, Trace
from tfchain.store.chain import genesis_rows

START_MS: Final = GENESIS_TIME * 1_000
NEW_HEIGHTS: Final = 4
"""L1: so many heights above the highest of the heal."""
PROGRESS_MS: Final = 60_000
"""L1: within this, and longer where blocks are further apart. Timeouts are at most 10 s long, and a
height after a long silence may need two rounds; the others take a second each."""
LOAD_EVERY_MS: Final = 450
CLOCK_ERROR_MS: Final = 150
"""How far honest clocks are from the true time."""
NOTICED_MS: Final = 800
"""By when a peer has noticed that another one is gone."""
GENUINE_MAX: Final = 4_000
"""Signatures whose answer is remembered."""


class World:
    """One network, and everything that is due in it."""

    def __init__(self, plan: Plan, cast: Cast | None = None, stage: Stage | None = None) -> None:
        """`cast`: who plays, instead of those that the plan's seed draws; `stage`: on what."""
        self.trace = Trace()
        self._plan = plan
        self._chance = Chance(f"{plan.scenario} {plan.validators} {plan.seed}")
        self.cast = cast or cast_of(plan.scenario, self._chance.branch("cast"), plan.validators)
        stage = stage or self._usual_stage()
        self.now_ms = self._start_ms = stage.start_ms
        self._heal_ms = plan.heal_ms or heal_of(plan.scenario, self.cast)
        scenario = SCENARIOS[plan.scenario]
        self._interval_ms, self._look_ms = stage.interval_ms, stage.look_ms
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()
        self._target = 0
        """The height that everybody must reach; 0 before the heal."""
        keys = [key_of("validator", number) for number in range(self.cast.validators)]
        self.watch = Watch(stage.genesis, keys, self.cast)
        chance = self._chance.branch("network")
        self.network = Network(self.cast.nodes, chance, self.watch.places)
        self.nodes = [self._node(index, stage) for index in range(self.cast.nodes)]
        self.load = stage.play(self.watch.fold, self.nodes[0].machine.chain)
        self._places = {node.name: index for index, node in enumerate(self.nodes)}
        self._genuine: dict[tuple[bytes, bytes, bytes], bool] = {}
        bound_ms = scenario.bound_ms
        self._pulse = Pulse(self.watch.correct, bound_ms, self._start_ms) if bound_ms else None
        rows = genesis_rows(stage.genesis)
        for node in self.nodes:
            node.machine.rows.write(rows)

    def _usual_stage(self) -> Stage:
        """Two people and a farmer, on the constants of a devnet."""
        scenario, chance = SCENARIOS[self._plan.scenario], self._chance.branch("load")
        interval_ms = scenario.interval_ms
        return Stage(
            genesis=genesis_text(self.cast.powers, interval_ms, scenario.evidence_s),
            start_ms=START_MS,
            interval_ms=interval_ms,
            look_ms=LOAD_EVERY_MS * interval_ms // 1_000,
            gossip_ms=0,
            keeps_all=False,
            play=lambda fold, _chain: Load(fold, chance),
        )

    def _node(self, index: int, stage: Stage) -> Node:
        chance, cast = self._chance.branch(f"node {index}"), self.cast
        validator = cast.validator_of(index)
        seed = seed_of("validator", validator)
        liar = None
        habits = dict(cast.liars).get(index)
        if habits is not None:
            liar = Liar(seed, self.watch.fold.chain_id, habits, chance.branch("lies"))
        who = Identity(
            index=index,
            name=key_of("peer", index),
            seed=seed,
            forgetful=index in cast.forgetful,
            liar=liar,
        )
        node = Node(Machine(who, chance.branch("disks")), cast.nodes, self, chance)
        node.skew(chance.between(-CLOCK_ERROR_MS, CLOCK_ERROR_MS))
        node.gossip_ms = stage.gossip_ms
        node.keeps_all = stage.keeps_all and index == 0
        return node

    def run(self) -> Report:
        """Until the network has gone on after the heal, or an invariant is broken."""
        try:
            return self._report(self._run())
        except Forked as fork:
            return self._report(0, forked=fork.convicted)
        except Violation as violation:
            return self._report(0, str(violation))
        except (TfchainError, AssertionError, LookupError) as fault:
            return self._report(0, f"S0: a replica stops: {type(fault).__name__}: {fault}")

    def _run(self) -> int:
        """How long after the heal everybody had gone on."""
        self._begin()
        deadline = (
            self._start_ms + self._heal_ms + PROGRESS_MS + 2 * NEW_HEIGHTS * self._interval_ms
        )
        while not self._has_gone_on():
            self.now_ms, _, due = heappop(self._due)
            if self.now_ms > deadline:
                return self._too_late()
            due()
        self._check_rows()
        return self.now_ms - self._start_ms - self._heal_ms

    def _begin(self) -> None:
        plan = self._plan
        for node in self.nodes:
            self._boot(node)
        chance = self._chance.branch("faults")
        for episode in episodes(plan.scenario, plan.seed, chance, self.cast, self._heal_ms):
            self.after(episode.at_ms, partial(self.strike, episode.fault))
        self.after(self._heal_ms, self._heal)
        self.after(LOAD_EVERY_MS, self._submit)
        if self._pulse is not None:
            self.after(LOOK_EVERY_MS, partial(self._feel, self._pulse))

    def _feel(self, pulse: Pulse) -> None:
        """L1 while faults last."""
        if fault := pulse.look(self.watch.heights, self.now_ms):
            raise Violation("L1", fault)
        self.after(LOOK_EVERY_MS, partial(self._feel, pulse))

    def _heights(self) -> list[int]:
        return [self.watch.heights[index] for index in self.watch.correct]

    def _has_gone_on(self) -> bool:
        """L1, L2 and L3 at once; and whoever was seen to lie has answered for it."""
        heights = self._heights()
        if not 0 < self._target <= min(heights) or max(heights) - min(heights) > 1:
            return False
        return self.load.has_last() and not self.watch.unsettled()

    def _too_late(self) -> int:
        """What was promised and did not come. Where a third and more lies, nothing was."""
        heights, target = self._heights(), self._target
        if not self.cast.is_safe:
            return 0
        if max(heights) < target:
            raise Violation("L1", f"heights {heights}, {target} was due for all")
        if not self.load.has_last():
            raise Violation("L2", f"heights {heights}, and the guest's transaction is in none")
        if min(heights) >= target and (open_ := self.watch.unsettled()):
            raise Violation("1.9.3", f"{open_.hex()} said two things, and no block holds that")
        raise Violation("L3", f"heights {heights}, {target} was due for all")

    def _check_rows(self) -> None:
        """S7: whoever is where the blocks alone lead has just the rows that they lead to."""
        fold = self.watch.fold
        for index in self.watch.correct:
            if self.watch.heights[index] == fold.tip.height:
                chain = self.nodes[index].machine.chain
                if difference := fold.difference(chain.store):
                    raise Violation("S7", f"node {index}: {difference}")

    def _report(self, healed_ms: int, violation: str = "", forked: tuple[int, ...] = ()) -> Report:
        return Report(
            plan=self._plan,
            heights=self.watch.fold.tip.height,
            events=self.trace.events,
            trace=self.trace.digest(),
            healed_ms=healed_ms,
            violation=violation,
            forked=forked,
            players=self.cast.told(),
            longest_ms=0 if self._pulse is None else self._pulse.longest_ms,
            last=self.trace.last() if violation else (),
        )

    # What happens to the network.

    def strike(self, fault: Fault) -> None:
        """A fault happens now."""
        self.trace.note(f"{self.now_ms - self._start_ms:>7} ms  {fault}")
        match fault:
            case Cut():
                self.network.cut(fault.links, fault.words, fault.deal)
                self._felt(fault)
            case Turn():
                self.network.weather = fault.weather
            case Crash():
                for index in fault.nodes:
                    self.nodes[index].doom(fault)
            case Skew():
                self.nodes[fault.node].skew(fault.ms, fault.drift)
            case Slow():
                self.nodes[fault.node].busy_ms = fault.most_ms
            case Full():
                self.nodes[fault.node].fill(fault)

    def _felt(self, cut: Cut) -> None:
        if self._pulse is None:
            return
        if cut == Cut():
            self._pulse.mended(self.now_ms)
        else:
            self._pulse.cut()

    def _heal(self) -> None:
        """All is well from now on. Whoever is down is started, and never again."""
        self.trace.note(f"{self.now_ms - self._start_ms:>7} ms  heal")
        self.network.mend()
        self.network.weather = FAIR
        for node in self.nodes:
            node.spare()
            node.busy_ms = IDLE_MS
            node.skew(self._chance.between(-CLOCK_ERROR_MS, CLOCK_ERROR_MS))
            self._boot(node)
        self._target = max(self.watch.heights) + NEW_HEIGHTS
        healthy = self.nodes[self._chance.pick(self.watch.correct)]
        last = (self.load.last(),)
        healthy.take(Submitted(ticket=0, raws=last, now_ms=healthy.clock()))

    def _boot(self, node: Node) -> None:
        """Start a node that is down, and connect it with all that are up."""
        if node.replica is not None:
            return
        node.boot()
        for other in self.nodes:
            if other is not node:
                node.take(PeerUp(peer=other.name))
                other.take(PeerUp(peer=node.name))

    def _submit(self) -> None:
        raws = self.load.next(Seconds(self.now_ms // 1_000))
        node = self._chance.pick(self.nodes)
        if raws:
            node.take(Submitted(ticket=0, raws=raws, now_ms=node.clock()))
        self.after(self._look_ms, self._submit)

    # What nodes stand in.

    def after(self, wait_ms: int, due: Callable[[], None]) -> None:
        """Have something done later; what is due at one time is done in the order of asking."""
        heappush(self._due, (self.now_ms + wait_ms, next(self._order), due))

    def carry(
        self, source: int, target: int, kind: int, payload: bytes, word: Message | None
    ) -> None:
        """Put a message on the wire; `word`: what a validator says in it."""
        sender, node = self.nodes[source], self.nodes[target]

        def arrive() -> None:
            now = node.clock()
            node.hear(Received(peer=sender.name, kind=kind, payload=payload, now_ms=now), word)

        for delay in self.network.delays(source, target, word):
            self.after(delay, arrive)

    def index_of(self, key: bytes) -> int:
        """Which node has this name."""
        return self._places[key]

    def verify(self, key: bytes, message: bytes, signature: bytes) -> bool:
        """Whether a signature is genuine; remembered, for every node asks."""
        asked = (key, message, signature)
        if asked not in self._genuine:
            if len(self._genuine) >= GENUINE_MAX:
                self._genuine.clear()
            self._genuine[asked] = verify(*asked)
        return self._genuine[asked]

    def stepped(self, node: int, event: Event, effects: list[Effect]) -> None:
        """A replica was told something and answered."""
        at_ms = self.now_ms - self._start_ms
        self.trace.step(Step(at_ms=at_ms, node=node, event=event, effects=effects))

    def died(self, node: int, down_ms: int) -> None:
        """A node is down: its peers notice, and it is started again."""
        self.trace.note(f"{self.now_ms - self._start_ms:>7} ms  node {node} is down")
        self.watch.died(node)
        gone = self.nodes[node]
        for other in self.nodes:
            if other is not gone:
                told = partial(other.take, PeerDown(peer=gone.name))
                self.after(self._chance.between(1, NOTICED_MS), told)
        self.after(down_ms, partial(self._boot, gone))


def simulate(plan: Plan) -> Report:
    """One run."""
    return World(plan).run()
