"""The chain as somebody sees it who only has the blocks: what every node must agree with.

Each height is checked and executed once, from the decoded bytes, when the first node stores it; whatever
any node stores is then compared with what came out here.
"""

from typing import Final

from tfchain.base.crypto import verify
from tfchain.base.units import Address, Height
from tfchain.chain.execute import Checked, Outcome, check_txs, execute, params_of
from tfchain.chain.tip import check_header, input_of, next_tip
from tfchain.errors import InvalidBlock
from tfchain.ledger.block import Block, decode_block
from tfchain.ledger.commit import ABSENT, FOR_BLOCK, Commit, signatures_of
from tfchain.ledger.state import Memory, State
from tfchain.ledger.validators import ValidatorSet
from tfchain.store.chain import ChainStore
from tfchain.store.kv import Store
from tfchain.store.layout import STATE
from tfchain.store.memory import MemoryStore
from tfchain.tx.transaction import Check

GENUINE_MAX: Final = 2_000
"""Signatures remembered: nodes store one height within a few of each other."""


class Fold:
    """Blocks from genesis on, one after another."""

    def __init__(self, genesis: str) -> None:
        self._store = MemoryStore()
        self._memory = Memory()
        chain = ChainStore(self._store)
        chain.begin(genesis)
        self.tip = chain.tip()
        """The last one."""
        self.tips = {self.tip.height: self.tip}
        """By height, genesis at 0; old ones may be forgotten."""
        self.outcomes: dict[Height, Outcome] = {}
        """By height, from 1 on."""
        self._keys = [member.key for member in self.tip.validators.validators]
        self._genuine: dict[Check, None] = {}
        self.chain_id = params_of(self.state()).chain_id
        """The name of the chain."""

    def place_of(self, key: bytes) -> int:
        """The place in the set of the validator with this key."""
        return self._keys.index(Address(key))

    def state(self) -> State:
        """The state after the last block, to look into."""
        return State(self._store, memory=self._memory)

    def validators(self, height: Height) -> ValidatorSet:
        """Those of a height that is at most one after the last."""
        return self.tips[Height(height - 1)].validators

    def would_take(self, raw: bytes) -> bool:
        """Whether the block fits the last one; nothing is run."""
        block = decode_block(raw)
        params = params_of(self.state())
        try:
            check_header(self.tip, params, block)
            self._check_signatures(block)
        except InvalidBlock:
            return False
        return True

    def take(self, raw: bytes) -> None:
        """The next block, checked in full, executed and kept; raises `InvalidBlock`, `Malformed`."""
        tip, block = self.tip, decode_block(raw)
        params = params_of(self.state())
        check_header(tip, params, block)
        checked = self._check_signatures(block)
        outcome = execute(self._store, checked.block, checked)
        self._store.write(outcome.rows)
        self.tip = next_tip(tip, block, outcome)
        self.tips[self.tip.height] = self.tip
        self.outcomes[self.tip.height] = outcome

    def forget(self, below: int) -> None:
        """Nobody will ask for the heights below this one any more."""
        for height in [known for known in self.tips if known < below]:
            del self.tips[height]
            self.outcomes.pop(height, None)

    def difference(self, store: Store) -> str:
        """In which row of the state a store differs from what the blocks lead to; or nothing."""
        ours = dict(self._store.scan(STATE))
        theirs = dict(store.scan(STATE))
        for key in sorted({**ours, **theirs}):
            if ours.get(key) != theirs.get(key):
                return f"row {key.hex()} differs"
        return ""

    def _check_signatures(self, block: Block) -> Checked:
        tip = self.tip
        checked = check_txs(self._store, input_of(tip, block), self._memory)
        checks = [*checked.evidence, *[one.check() for one in checked.transactions]]
        if block.last_commit is not None:
            self._check_quorum(tip.last_validators, block.last_commit)
            checks += signatures_of(self.chain_id, tip.last_validators, block.last_commit)
        self._verify(checks)
        return checked

    def check_commit(self, commit: Commit) -> None:
        """Whether a commit of a kept height proves its block; raises `InvalidBlock`."""
        validators = self.validators(commit.height)
        if commit.block_id != self.tips[commit.height].block_id:
            raise InvalidBlock(f"commit of {commit.height}: it is for another block")
        self._check_quorum(validators, commit)
        self._verify(signatures_of(self.chain_id, validators, commit))

    def _check_quorum(self, validators: ValidatorSet, commit: Commit) -> None:
        """Counted here, for the count of the ledger is on trial as well."""
        if len(commit.slots) != len(validators.validators):
            raise InvalidBlock(f"commit of {commit.height}: {len(commit.slots)} slots")
        rows = list(zip(validators.validators, commit.slots, strict=True))
        power = sum(member.power for member, slot in rows if slot.flag == FOR_BLOCK)
        if not more_than_two_thirds(power, validators):
            raise InvalidBlock(f"commit of {commit.height}: power {power} is no two thirds")
        if any((slot.flag == ABSENT) != (slot.signature == b"") for _, slot in rows):
            raise InvalidBlock(f"commit of {commit.height}: a flag belies its signature")

    def _verify(self, checks: list[Check]) -> None:
        for check in checks:
            if check not in self._genuine and not verify(*check):
                raise InvalidBlock("a false signature")
            self._genuine[check] = None
        while len(self._genuine) > GENUINE_MAX:
            del self._genuine[next(iter(self._genuine))]


def more_than_two_thirds(power: int, validators: ValidatorSet) -> bool:
    """The rule of the paper, not the code's quorum."""
    return 3 * power > 2 * sum(member.power for member in validators.validators)
