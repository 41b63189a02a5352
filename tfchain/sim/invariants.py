"""What must hold whatever happens to the network, looked at as each thing happens (consensus 2.5).

| number | what                                                                                |
| ------ | ----------------------------------------------------------------------------------- |
| S0     | no correct replica stops, none is blamed, and none is refused its start             |
| S1     | agreement: one block a height                                                       |
| S2     | validity: every decided block passes all checks of somebody who only has the blocks |
|        | (S2 also: nobody correct prevotes one that does not)                                |
| S3     | integrity: a node stores consecutive heights, each once; a restart lowers none      |
| S4     | nobody correct says two things in one place, over all its lives                     |
| S5     | nobody correct prevotes against its lock, or without the polka that it is owed      |
| S6     | each stored commit proves its block from scratch                                    |
| S7     | all nodes come to the same roots, codes, sets and rows                              |
| S8     | block time grows, and is never ahead of honest clocks                               |
| S9     | where a third and more lies and a height forks, words convict them, and them alone  |
| S10    | what a replica holds is bounded                                                     |
| S11    | nobody correct is ever accused                                                      |
| W1     | a validator's own word is on its disk before it leaves (consensus 1.7.2)            |
| 1.1.10 | nobody stays behind the rounds of more than a third of the power                    |
| 1.9.3  | whoever was seen to say two things answers for it on the ledger                     |
| 1.1.6  | whoever holds a block knows of its polka, however late it came                      |
| 1.14.1 | whoever lacks a block that two thirds voted for asks for it until it comes          |
| L1     | after the heal every correct node decides new heights, and nobody restarts it       |
| L2     | a transaction that is handed in after the heal comes into the chain                 |
| L3     | after the heal whoever was behind catches up                                        |
| L4     | without traffic, what is sent is what heights and keeping in touch take             |
| D1     | one seed is one run: asked of whole runs, not of events                             |
"""

from collections.abc import Collection, Sequence
from typing import Final

from tfchain.base.units import Height
from tfchain.bft.messages import Message, Vote
from tfchain.errors import InvalidBlock, Malformed
from tfchain.ledger import tables
from tfchain.ledger.block import Block, decode_block
from tfchain.ledger.commit import NIL, PREVOTE
from tfchain.ledger.validators import validator_address
from tfchain.replica.effects import Conflict, Save
from tfchain.sim.cast import Cast
from tfchain.sim.disk import LogDisk
from tfchain.sim.fold import Fold
from tfchain.sim.words import Words

CLOCKS_MS: Final = 1_000
"""How far ahead of true time a decided block may be: the precision, and honest clocks' own error."""
FORGET_EVERY: Final = 64
"""Heights after which what nobody asks for any more is forgotten."""


class Violation(Exception):
    """An invariant is broken: its number, and how."""

    def __init__(self, number: str, text: str) -> None:
        super().__init__(f"{number}: {text}")
        self.number = number
        self.text = text


class Forked(Exception):
    """Two blocks of one height, where that was allowed to happen, and the guilty validators."""

    def __init__(self, convicted: tuple[int, ...]) -> None:
        super().__init__(f"forked by {convicted}")
        self.convicted = convicted


class Watch:
    """Sees everything that correct nodes say and store. Every method raises `Violation`."""

    def __init__(self, genesis: str, keys: Sequence[bytes], cast: Cast) -> None:
        """`keys`: of the validators."""
        self.fold = Fold(genesis)
        self.cast = cast
        nodes = range(cast.nodes)
        self.correct = tuple(
            node for node in nodes if cast.validator_of(node) not in cast.byzantine
        )
        self.liars = tuple(validator for validator, _ in cast.liars)
        """Nodes whose code is not the true one."""
        self.places = [self.fold.place_of(keys[cast.validator_of(node)]) for node in nodes]
        """Of each node's key in the set of genesis."""
        self.addresses = [validator_address(keys[cast.validator_of(node)]) for node in nodes]
        self.byzantine = tuple(self.addresses[validator] for validator in cast.byzantine)
        self.words = Words(self.fold, self.byzantine)
        self._accused: dict[bytes, dict[int, Height]] = {}
        """By address: the nodes that saw two statements of it in their present lives, and of which
        height the first two were."""
        self._good: dict[bytes, bool] = {}
        """Blocks of the height after the last, and whether they are valid."""
        self.heights = [0] * cast.nodes
        """The last stored height of each node: a liar stores what the others store."""

    # What is said.

    def signed(self, node: int, message: Message) -> None:
        """The signer of a node gave its signature for `message` (S4)."""
        if fault := self.words.signed(node, message):
            raise Violation("S4", fault)

    def sent(self, node: int, message: Message, log: LogDisk) -> None:
        """A node that is no liar sends this for the first time, and its log holds what it holds.

        S4, S5, W1.
        """
        if fault := self.words.heard(message):
            raise Violation("S4", fault)
        own = self.words.author(message) == self.addresses[node]
        if not own or node not in self.correct:
            return  # a twin tells on what its twin said
        if self.words.leaves_first(message) and message.signature in log.unsynced():
            raise Violation("W1", f"{message} leaves, and is not on the disk")
        if isinstance(message, Vote):
            if fault := self.words.against_rules(node, message):
                raise Violation("S5", fault)
            if message.kind == PREVOTE and not self._is_good(message):
                raise Violation("S2", f"{message} is for an invalid block")

    def _is_good(self, vote: Vote) -> bool:
        """Whether a correct node may prevote this, as far as is known here (S11)."""
        if vote.height != self.fold.tip.height + 1 or vote.block_id == NIL:
            return True
        if vote.block_id not in self._good:
            raw = self.words.block(vote.block_id)
            self._good[vote.block_id] = raw is None or self.fold.would_take(raw)
            if raw is not None and self._good[vote.block_id]:
                self._check_accused(decode_block(raw))
        return self._good[vote.block_id]

    def _check_accused(self, block: Block) -> None:
        """S11: nobody correct stands in the evidence, which is not asked whether it is genuine."""
        for piece in block.evidence:
            if piece.validator not in self.byzantine:
                text = f"block {block.header.height} accuses somebody correct: {piece}"
                raise Violation("S11", text)

    def blamed(self, node: int, peer: int, reason: str) -> None:
        """A correct node blames a peer (S0)."""
        if peer not in self.liars:
            raise Violation("S0", f"node {node} blames node {peer}, which is correct: {reason}")

    def accused(self, node: int, conflict: Conflict) -> None:
        """A correct node shows two statements of somebody (S11)."""
        author = self.words.author(conflict.first)
        if author not in self.byzantine:
            raise Violation("S11", f"node {node} accuses somebody correct: {conflict}")
        self._accused.setdefault(author, {}).setdefault(node, conflict.first.height)

    def died(self, node: int) -> None:
        """Whom a node alone had seen to lie, it may have forgotten by now."""
        for seen_by in self._accused.values():
            seen_by.pop(node, None)

    def unsettled(self) -> bytes | None:
        """One whom a correct node saw to lie, and who has not answered for it on the ledger (1.9.3)."""
        state = self.fold.state()
        for author, seen_by in self._accused.items():
            seat = tables.SEATS.get(state, author)
            if seen_by and seat is not None and seat.fault is None:
                return author
        return None

    def kept(self, node: int, pending: Collection[tuple[Height, bytes]]) -> None:
        """A correct node has begun a height, with this evidence by height and author (1.9.3).

        Whom it saw to lie it accuses until the ledger does. No run is as long as evidence counts.
        """
        for author, seen_by in self._accused.items():
            height = seen_by.get(node)
            if height is None or height > self.heights[node] or (height, author) in pending:
                continue
            seat = tables.SEATS.get(self.fold.state(), author)
            if seat is not None and seat.fault is None:
                text = f"node {node} holds no evidence of height {height} against {author.hex()}"
                raise Violation("1.9.3", f"{text} any more, and no block does")

    # What is stored.

    def booted(self, node: int, height: Height) -> None:
        """A node starts from what its store holds (S3)."""
        if height != self.heights[node]:
            text = f"node {node} starts at height {height} and had stored {self.heights[node]}"
            raise Violation("S3", text)

    def stored(self, node: int, save: Save, now_ms: int) -> None:
        """A node has stored a block (S1, S2, S3, S6, S7, S8); raises `Forked`, too."""
        height = save.tip.height
        if height != self.heights[node] + 1:
            raise Violation("S3", f"node {node} stores {height} after {self.heights[node]}")
        self.heights[node] = height
        if height == self.fold.tip.height + 1:
            self._take_first(save, now_ms)
        tip, outcome = self.fold.tips[height], self.fold.outcomes[height]
        if save.block.id != tip.block_id:
            self._fork(height, save.block.id, tip.block_id)
        if (save.tip, save.outcome.codes) != (tip, outcome.codes):
            raise Violation("S7", f"node {node} comes to another state at height {height}")
        try:
            self.fold.check_commit(save.commit)
        except InvalidBlock as fault:
            raise Violation("S6", f"node {node}: {fault}") from fault
        self._forget(height)

    def _fork(self, height: int, one: bytes, other: bytes) -> None:
        text = f"height {height}: blocks {one.hex()} and {other.hex()}"
        if self.cast.is_safe:
            raise Violation("S1", text)
        convicted = tuple(
            validator
            for validator, address in enumerate(self.addresses[: self.cast.validators])
            if address in self.words.convicted
        )
        power = sum(self.cast.powers[validator] for validator in convicted)
        if 3 * power < sum(self.cast.powers):
            raise Violation("S9", f"{text}, and only {convicted} are convicted")
        if not {*convicted} <= {*self.cast.byzantine}:
            raise Violation("S9", f"{text}, and of {convicted} somebody is correct")
        raise Forked(convicted)

    def _take_first(self, save: Save, now_ms: int) -> None:
        before = self.fold.tip.time
        self._good = {}
        try:
            self.fold.take(save.block.raw)
        except (InvalidBlock, Malformed) as fault:
            raise Violation("S2", str(fault)) from fault
        self._check_accused(save.block)
        time = self.fold.tip.time
        if not before < time <= now_ms + CLOCKS_MS:
            raise Violation("S8", f"block time {time} after {before}, at {now_ms}")

    def _forget(self, height: int) -> None:
        """What all are past is not asked for again; a long run must not hold all of it."""
        if height % FORGET_EVERY or height != max(self.heights):
            return
        past = min(self.heights) - 1
        self.fold.forget(past)
        self.words.forget(past)
