"""The machine of one simulated node: disks that outlive it, and how a start finds them.

Before the first word, log and signer are held against each other as `node` does it: a log that does not
lead to what was signed last has lost a lock, so the operator sets it aside and the validator says
nothing more at that height (consensus 1.7.6). No honest crash may ever come to that.
"""

from dataclasses import dataclass
from typing import Final

from tfchain.base.units import Height
from tfchain.bft.events import Signed
from tfchain.bft.messages import Message, Vote
from tfchain.replica.council import Council
from tfchain.replica.effects import Effect, Sign
from tfchain.replica.log import entries_of
from tfchain.replica.replica import Replica
from tfchain.sim.chance import Chance
from tfchain.sim.disk import LogDisk, MemoDisk, RowsDisk
from tfchain.sim.liar import Liar
from tfchain.store.chain import ChainStore
from tfchain.store.signer import PROPOSAL, Signer, end_of

NOWHERE: Final = (0, 0, 0)
"""Before the first signature, as the signer counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a node is, across all its lives."""

    index: int
    name: bytes
    """What its peers know it by."""
    seed: bytes
    """Of its validator key; a twin has the same."""
    forgetful: bool = False
    """Whether its log disk breaks its word."""
    liar: Liar | None = None


class Machine:
    """Three disks."""

    def __init__(self, who: Identity, chance: Chance) -> None:
        self.who = who
        self.rows = RowsDisk()
        self.chain = ChainStore(self.rows)
        self.memo = MemoDisk(chance.branch("memo"))
        self.log = LogDisk(chance.branch("log") if who.forgetful else None)
        self.signer = Signer(who.seed, self.memo)

    def free(self) -> None:
        """There is room on all disks."""
        for room in (self.rows.room, self.memo.room, self.log.room):
            room.free()

    def started(self) -> tuple[Replica, tuple[bytes, ...], bool]:
        """A replica on what the disks hold, its log, and whether an operator had to help."""
        self.free()
        self.signer = Signer(self.who.seed, self.memo)
        log = self.log.replay()
        helped = not self._leads_to_last_word(log)
        if helped:
            self.log.put_aside()
            self.signer.skip_to_end_of(self.signer.last()[0])
            log = ()
        tip = self.chain.tip()
        last_commit = self.chain.commit(tip.height)
        reader = self.rows.snapshot()
        return Replica(tip, reader, self.signer.key, last_commit), log, helped

    def _leads_to_last_word(self, log: tuple[bytes, ...]) -> bool:
        """Whether the log holds what was signed last, or asks for just that again (P35, 1.7.6)."""
        tip, last = self.chain.tip(), self.signer.last()
        if last <= end_of(tip.height) or last == end_of(last[0]):
            return True
        entries = entries_of(log, Height(tip.height + 1))
        own = [place_of(entry.message) for entry in entries if isinstance(entry, Signed)]
        out: list[Effect] = []
        last_commit = self.chain.commit(tip.height)
        Council(tip, self.rows, self.signer.key, last_commit, out).start(log)
        due = [place_of(effect.message) for effect in out if isinstance(effect, Sign)]
        return last <= max([*own, *due], default=NOWHERE)


def place_of(message: Message) -> tuple[int, int, int]:
    """Height, round and step of a message, as the signer counts (1.6.5)."""
    step = PROPOSAL + message.kind if isinstance(message, Vote) else PROPOSAL
    return message.height, message.round, step
