"""What must hold whatever happens to the network, looked at as each thing happens (consensus 2.5).

| number | what                                                                                |
| ------ | ----------------------------------------------------------------------------------- |
| S0     | no correct replica stops, and none is blamed                                        |
| S1     | agreement: one block a height                                                       |
| S2     | validity: every decided block passes all checks of somebody who only has the blocks |
| S3     | integrity: a node stores consecutive heights, each once; a restart lowers none      |
| S4     | nobody correct says two things in one place, over all its lives                     |
| S5     | nobody correct prevotes against its lock                                            |
| S6     | each stored commit proves its block from scratch                                    |
| S7     | all nodes come to the same roots and codes                                          |
| S8     | block time grows, and is never ahead of honest clocks                               |
| W1     | a validator's own word is on its disk before it leaves (consensus 1.7.2)            |
| L1     | after the heal every correct node decides new heights, and nobody restarts it       |
"""

from collections.abc import Collection, Sequence
from typing import Final

from tfchain.base.units import Height
from tfchain.bft.messages import Message
from tfchain.errors import InvalidBlock, Malformed
from tfchain.replica.effects import Save
from tfchain.sim.disk import LogDisk
from tfchain.sim.fold import Fold
from tfchain.sim.words import Words

CLOCKS_MS: Final = 1_000
"""How far ahead of true time a decided block may be: the precision, and honest clocks' own error."""


class Violation(Exception):
    """An invariant is broken: its number, and how."""

    def __init__(self, number: str, text: str) -> None:
        super().__init__(f"{number}: {text}")
        self.number = number
        self.text = text


class Watch:
    """Sees everything that correct nodes say and store. Every method raises `Violation`."""

    def __init__(self, genesis: str, keys: Sequence[bytes], liars: Collection[int]) -> None:
        """`keys`: of the nodes, all validators. `liars`: nodes that may say anything."""
        self.fold = Fold(genesis)
        self.liars = tuple(liars)
        self.correct = tuple(node for node in range(len(keys)) if node not in liars)
        self._places = [self.fold.place_of(key) for key in keys]
        self._words = Words(self.fold, [self._places[node] for node in liars])
        self.heights = [0] * len(keys)
        """The last stored height of each node: a liar stores what the others store."""

    def signed(self, message: Message) -> None:
        """A signer gave its signature for `message` (S4)."""
        if fault := self._words.signed(message):
            raise Violation("S4", fault)

    def sent(self, node: int, kind: int, payload: bytes, log: LogDisk) -> None:
        """A correct node sends this, while its log holds what it holds (S4, S5, W1)."""
        message, fault = self._words.heard(kind, payload)
        if message is None:
            return
        if fault:
            raise Violation("S5" if "in spite of" in fault else "S4", fault)
        own = self._words.author(message) == self._places[node]
        if own and message.signature in log.unsynced():
            raise Violation("W1", f"{message} leaves, and is not on the disk")

    def booted(self, node: int, height: Height) -> None:
        """A node starts from what its store holds (S3)."""
        if height != self.heights[node]:
            text = f"node {node} starts at height {height} and had stored {self.heights[node]}"
            raise Violation("S3", text)

    def stored(self, node: int, save: Save, now_ms: int) -> None:
        """A node has stored a block (S1, S2, S3, S6, S7, S8)."""
        height = save.tip.height
        if height != self.heights[node] + 1:
            raise Violation("S3", f"node {node} stores {height} after {self.heights[node]}")
        self.heights[node] = height
        if height == len(self.fold.tips):
            self._take_first(save, now_ms)
        tip, outcome = self.fold.tips[height], self.fold.outcomes[height - 1]
        if save.block.id != tip.block_id:
            two = f"{save.block.id.hex()} and {tip.block_id.hex()}"
            raise Violation("S1", f"height {height}: blocks {two}")
        if (save.tip, save.outcome.codes) != (tip, outcome.codes):
            raise Violation("S7", f"node {node} comes to another state at height {height}")
        try:
            self.fold.check_commit(save.commit)
        except InvalidBlock as fault:
            raise Violation("S6", f"node {node}: {fault}") from fault

    def _take_first(self, save: Save, now_ms: int) -> None:
        before = self.fold.tip.time
        try:
            self.fold.take(save.block.raw)
        except (InvalidBlock, Malformed) as fault:
            raise Violation("S2", str(fault)) from fault
        time = self.fold.tip.time
        if not before < time <= now_ms + CLOCKS_MS:
            raise Violation("S8", f"block time {time} after {before}, at {now_ms}")
