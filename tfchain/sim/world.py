"""A whole network in virtual time: one heap of what is due, one seed for all chance, no real clock.

A run has two halves. Until the heal, faults strike; then all links, clocks and machines are good for
ever, nobody is started again, and every correct node must decide new heights within a bound.
"""

from collections.abc import Callable
from functools import partial
from heapq import heappop, heappush
from itertools import count
from typing import Final

from tfchain.base.units import Seconds
from tfchain.errors import TfchainError
from tfchain.replica.effects import Effect
from tfchain.replica.events import Event, PeerDown, PeerUp, Received, Submitted
from tfchain.sim.chance import Chance
from tfchain.sim.faults import LYING, Crash, Cut, Fault, Skew, Slow, Turn, episodes
from tfchain.sim.genesis import GENESIS_TIME, genesis_text, seed_of
from tfchain.sim.invariants import Violation, Watch
from tfchain.sim.liar import Liar
from tfchain.sim.load import Load
from tfchain.sim.network import FAIR, Network
from tfchain.sim.node import IDLE_MS, Identity, Node
from tfchain.sim.plan import Plan, Report
from tfchain.sim.trace import Step, Trace
from tfchain.store.chain import genesis_rows
from tfchain.store.signer import MemoryMemo, Signer

START_MS: Final = GENESIS_TIME * 1_000
NEW_HEIGHTS: Final = 4
"""L1: so many heights above the highest of the heal."""
PROGRESS_MS: Final = 60_000
"""L1: within this. Timeouts are at most 10 s long, and a height after a long silence may need two
rounds; the others take a second each."""
LOAD_EVERY_MS: Final = 450
CLOCK_ERROR_MS: Final = 150
"""How far honest clocks are from the true time."""
NOTICED_MS: Final = 800
"""By when a peer has noticed that another one is gone."""


class World:
    """One network, and everything that is due in it."""

    def __init__(self, plan: Plan) -> None:
        self.now_ms = START_MS
        self.trace = Trace()
        self._plan = plan
        self._chance = Chance(f"{plan.scenario} {plan.validators} {plan.seed}")
        self._network = Network(plan.validators, self._chance.branch("network"))
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()
        self._target = 0
        """The height that everybody must reach; 0 before the heal."""
        signers = [_signer(index) for index in range(plan.validators)]
        self._places: dict[bytes, int] = {signer.key: at for at, signer in enumerate(signers)}
        lying = (plan.validators - 1,) if plan.scenario == LYING else ()
        text = genesis_text(plan.validators)
        self.watch = Watch(text, tuple(self._places), lying)
        self._load = Load(self.watch.fold, self._chance.branch("load"))
        self.nodes = [self._node(index, signer) for index, signer in enumerate(signers)]
        for node in self.nodes:
            node.store.store.write(genesis_rows(text))

    def _node(self, index: int, signer: Signer) -> Node:
        chance = self._chance.branch(f"node {index}")
        liar = None
        if index in self.watch.liars:
            chain_id = self.watch.fold.chain_id
            liar = Liar(_seed(index), chain_id, chance.branch("lies"))
        who = Identity(index=index, signer=signer, liar=liar)
        node = Node(who, self._plan.validators, self, chance)
        node.skew_ms = chance.between(-CLOCK_ERROR_MS, CLOCK_ERROR_MS)
        return node

    def run(self) -> Report:
        """Until the network has gone on after the heal, or an invariant is broken."""
        try:
            return self._report(self._run(), "")
        except Violation as violation:
            return self._report(0, str(violation))
        except (TfchainError, AssertionError, LookupError) as fault:
            return self._report(0, f"S0: a replica stops: {type(fault).__name__}: {fault}")

    def _run(self) -> int:
        """How long after the heal everybody had gone on."""
        self._begin()
        deadline = START_MS + self._plan.heal_ms + PROGRESS_MS
        while not self._has_gone_on():
            self.now_ms, _, due = heappop(self._due)
            if self.now_ms > deadline:
                heights = self.watch.heights
                raise Violation("L1", f"heights {heights}, {self._target} was due for all")
            due()
        return self.now_ms - START_MS - self._plan.heal_ms

    def _begin(self) -> None:
        plan = self._plan
        for node in self.nodes:
            self._boot(node)
        chance = self._chance.branch("faults")
        for episode in episodes(plan.scenario, chance, plan.validators, plan.heal_ms):
            self.after(episode.at_ms, partial(self._strike, episode.fault))
        self.after(plan.heal_ms, self._heal)
        self.after(LOAD_EVERY_MS, self._submit)

    def _has_gone_on(self) -> bool:
        heights = [self.watch.heights[index] for index in self.watch.correct]
        return 0 < self._target <= min(heights)

    def _report(self, healed_ms: int, violation: str) -> Report:
        return Report(
            plan=self._plan,
            heights=self.watch.fold.tip.height,
            events=self.trace.events,
            trace=self.trace.digest(),
            healed_ms=healed_ms,
            violation=violation,
            last=self.trace.last() if violation else (),
        )

    # What happens to the network.

    def _strike(self, fault: Fault) -> None:
        self.trace.note(f"{self.now_ms - START_MS:>7} ms  {fault}")
        match fault:
            case Cut():
                self._network.cut(fault.links, fault.words)
            case Turn():
                self._network.weather = fault.weather
            case Crash():
                for index in fault.nodes:
                    self.nodes[index].doom(fault)
            case Skew():
                self.nodes[fault.node].skew_ms = fault.ms
            case Slow():
                self.nodes[fault.node].busy_ms = fault.most_ms

    def _heal(self) -> None:
        """All is well from now on. Whoever is down is started, and never again."""
        self.trace.note(f"{self.now_ms - START_MS:>7} ms  heal")
        self._network.mend()
        self._network.weather = FAIR
        for node in self.nodes:
            node.spare()
            node.busy_ms = IDLE_MS
            node.skew_ms = self._chance.between(-CLOCK_ERROR_MS, CLOCK_ERROR_MS)
            self._boot(node)
        self._target = max(self.watch.heights) + NEW_HEIGHTS

    def _boot(self, node: Node) -> None:
        """Start a node that is down, and connect it with all that are up."""
        if node.replica is not None:
            return
        node.boot()
        for other in self.nodes:
            if other is not node:
                node.take(PeerUp(peer=other.key))
                other.take(PeerUp(peer=node.key))

    def _submit(self) -> None:
        raws = self._load.next(Seconds(self.now_ms // 1_000))
        node = self._chance.pick(self.nodes)
        node.take(Submitted(ticket=0, raws=raws, now_ms=node.clock()))
        self.after(LOAD_EVERY_MS, self._submit)

    # What nodes stand in.

    def after(self, wait_ms: int, due: Callable[[], None]) -> None:
        """Have something done later; what is due at one time is done in the order of asking."""
        heappush(self._due, (self.now_ms + wait_ms, next(self._order), due))

    def carry(self, source: int, target: int, kind: int, payload: bytes) -> None:
        """Put a message on the wire."""
        sender, node = self.nodes[source], self.nodes[target]

        def arrive() -> None:
            clock = node.clock()
            node.take(Received(peer=sender.key, kind=kind, payload=payload, now_ms=clock))

        for delay in self._network.delays(source, target, kind, payload):
            self.after(delay, arrive)

    def index_of(self, key: bytes) -> int:
        """Which node has this key."""
        return self._places[key]

    def stepped(self, node: int, event: Event, effects: list[Effect]) -> None:
        """A replica was told something and answered."""
        at_ms = self.now_ms - START_MS
        self.trace.step(Step(at_ms=at_ms, node=node, event=event, effects=effects))

    def died(self, node: int, crash: Crash) -> None:
        """A node has crashed: its peers notice, and it is started again."""
        self.trace.note(f"{self.now_ms - START_MS:>7} ms  node {node} is down")
        gone = self.nodes[node]
        for other in self.nodes:
            if other is not gone:
                told = partial(other.take, PeerDown(peer=gone.key))
                self.after(self._chance.between(1, NOTICED_MS), told)
        self.after(crash.down_ms, partial(self._boot, gone))


def _seed(index: int) -> bytes:
    return seed_of("validator", index)


def _signer(index: int) -> Signer:
    return Signer(_seed(index), MemoryMemo())


def simulate(plan: Plan) -> Report:
    """One run."""
    return World(plan).run()
