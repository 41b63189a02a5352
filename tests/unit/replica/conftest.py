"""Replicas driven by hand: every effect is carried out here, in virtual time, and written down."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from pathlib import Path
from typing import TypeVar

import pytest

from tfchain.base import crypto
from tfchain.base.address import to_text
from tfchain.base.shapes import layout
from tfchain.base.units import Address, Height, Millis, Round, Seconds, Utft
from tfchain.bft.messages import Message, Proposal, Vote, sign_bytes
from tfchain.chain import mints
from tfchain.chain.execute import execute, params_of
from tfchain.chain.tip import Tip, input_of, next_block, next_tip
from tfchain.errors import Rejected
from tfchain.ledger.block import Block, decode_block
from tfchain.ledger.commit import FOR_BLOCK, PRECOMMIT, Commit, CommitSlot, vote_message
from tfchain.ledger.state import State
from tfchain.replica import effects as fx
from tfchain.replica import events as ev
from tfchain.replica import messages as wire
from tfchain.replica.replica import Replica
from tfchain.store.chain import ChainStore, block_rows
from tfchain.store.memory import MemoryStore
from tfchain.store.signer import MemoryMemo, Signer
from tfchain.tx.kind import Kind
from tfchain.tx.kinds.transfer import Transfer
from tfchain.tx.registry import NUMBERS
from tfchain.tx.transaction import Envelope, encode_transaction, message_of

M = TypeVar("M", Proposal, Vote)

ROOT = Path(__file__).resolve().parents[3]
GENESIS = 1_700_000_000
START = GENESIS * 1_000
FEE = 10_000
RICH = (50, 51)
"""Seeds of the accounts that have coins."""


def seed(number: int) -> bytes:
    return bytes([number]) * 32


def key(number: int) -> Address:
    return Address(crypto.public_key(seed(number)))


def genesis_of(validators: int) -> str:
    """The devnet's constants with so many validators, seeds 1 and up."""
    text = (ROOT / "genesis" / "devnet.toml").read_text(encoding="utf-8")
    rows = [text.replace("time = 0", f"time = {GENESIS}")]
    rows += [f'[[account]]\naddress = "{to_text(key(n))}"\nbalance = 1000000000000' for n in RICH]
    for number in range(1, validators + 1):
        name = to_text(key(number))
        rows.append(f'[[validator]]\nkey = "{name}"\npower = 1\nreward_account = "{name}"')
        rows.append(f'[[guardian]]\naccount = "{name}"')
    return "\n".join(rows) + "\n"


@dataclass(slots=True)
class Said:
    """A message that left a node; to everybody where there is no peer."""

    peer: bytes | None
    kind: int
    payload: bytes


class Node:
    """A replica with its store, signer and log. What it asks of its driver is done at once.

    `holding`: leave signatures and execution to the test.
    """

    def __init__(self, text: str, number: int | None, *, holding: bool = False) -> None:
        self.store = MemoryStore()
        self.chain = ChainStore(self.store)
        self.chain.begin(text)
        self.number = number
        self.memo = MemoryMemo()
        self.signer = None if number is None else Signer(seed(number), self.memo)
        self.key = key(200) if self.signer is None else self.signer.key
        self.holding = holding
        self.now = START
        self.log: list[bytes] = []
        self.synced = 0
        """Records of the log that are surely on disk."""
        self.records: list[bytes] = []
        """All that was ever logged."""
        self.said: list[Said] = []
        self.words: list[Message] = []
        """What it signed."""
        self.refused: list[Message] = []
        self.effects: list[fx.Effect] = []
        self.timers: list[tuple[int, ev.Timer]] = []
        self.checks: list[tuple[bytes, bytes, bytes]] = []
        """Every signature that was verified, mints of effort included."""
        self.replica = self._replica()

    def _replica(self) -> Replica:
        tip = self.chain.tip()
        signing = None if self.signer is None else self.signer.key
        return Replica(tip, self.store.snapshot(), signing, self.chain.commit(tip.height))

    def start(self, log: tuple[bytes, ...] = ()) -> list[fx.Effect]:
        return self.give(ev.Start(now_ms=Millis(self.now), log=log))

    def restart(self, log: tuple[bytes, ...] | None = None) -> list[fx.Effect]:
        """A new process on the same disk."""
        kept = tuple(self.log) if log is None else log
        self.replica, self.timers, self.log = self._replica(), [], list(kept)
        self.signer = None if self.number is None else Signer(seed(self.number), self.memo)
        return self.start(kept)

    def hear(self, peer: bytes, kind: int, payload: bytes) -> list[fx.Effect]:
        return self.give(
            ev.Received(peer=peer, kind=kind, payload=payload, now_ms=Millis(self.now))
        )

    def submit(self, *raws: bytes, ticket: int = 1) -> list[fx.Effect]:
        return self.give(ev.Submitted(ticket=ticket, raws=raws, now_ms=Millis(self.now)))

    def fire(self, name: str) -> list[fx.Effect]:
        """A timer of this height, whether or not it was set."""
        machine = self.replica.council.machine
        timer = ev.Timer(
            name=name, height=self.replica.council.height, round=machine.round, step=machine.step
        )
        return self.give(ev.Fired(timer=timer, now_ms=Millis(self.now)))

    def give(self, event: ev.Event) -> list[fx.Effect]:
        """One event, and the answers to what it asks for; the effects of them all."""
        work, done = [event], list[fx.Effect]()
        while work:
            for effect in self.replica.step(work.pop(0)):
                done.append(effect)
                answer = self._carry(effect)
                if answer is not None:
                    work.append(answer)
        self.effects += done
        return done

    def _carry(self, effect: fx.Effect) -> ev.Event | None:
        now = Millis(self.now)
        match effect:
            case fx.Log():
                self.log.append(effect.payload)
                self.records.append(effect.payload)
            case fx.SyncLog():
                self.synced = len(self.log)
            case fx.EndLog():
                self.log.clear()
            case fx.Sign():
                return self._sign(effect)
            case fx.SendTo():
                self.said.append(Said(effect.peer, effect.kind, effect.payload))
            case fx.Broadcast():
                self.said.append(Said(None, effect.kind, effect.payload))
            case fx.Serve():
                self._serve(effect)
            case fx.SetTimer():
                self.timers.append((self.now + effect.ms, effect.timer))
            case fx.Verify():
                return None if self.holding else self.verified(effect)
            case fx.Execute():
                outcome = effect.run(self.store)
                return ev.Executed(block_id=effect.block.id, outcome=outcome, now_ms=now)
            case fx.Save():
                self.store.write(block_rows(effect))
                return ev.Saved(tip=effect.tip, reader=self.store.snapshot(), now_ms=now)
            case _:
                pass
        return None

    def verified(self, effect: fx.Verify) -> ev.Verified:
        self.checks += effect.checks
        good = tuple(crypto.verify(*check) for check in effect.checks)
        return ev.Verified(number=effect.number, good=good, now_ms=Millis(self.now))

    def _sign(self, effect: fx.Sign) -> ev.Event | None:
        assert self.synced == len(self.log), "what leads to a word is on disk before it is signed"
        assert self.signer is not None
        message = effect.message
        step = 1 if isinstance(message, Proposal) else message.kind + 1
        try:
            signature = self.signer.sign(message.height, message.round, step, effect.text)
        except Rejected:
            self.refused.append(message)
            return None
        signed = replace(message, signature=signature)
        self.words.append(signed)
        return ev.Signed(message=signed, now_ms=Millis(self.now))

    def _serve(self, effect: fx.Serve) -> None:
        last = min(self.chain.height(), effect.height + effect.count - 1)
        rows = []
        for number in range(effect.height, last + 1):
            raw, commit = self.chain.raw_block(Height(number)), self.chain.commit(Height(number))
            assert raw is not None and commit is not None
            rows.append((raw, commit))
        self.said.append(Said(effect.peer, wire.BLOCKS, wire.encode_blocks(rows)))

    @property
    def height(self) -> int:
        return self.replica.tip.height


class Town:
    """Several nodes, links of 20 ms between all of them, and a clock."""

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes
        self.now = START
        self.down: set[int] = set()
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0

    def at(self, ms: int, act: Callable[[], None]) -> None:
        self._count += 1
        heappush(self._queue, (ms, self._count, act))

    def begin(self) -> None:
        for node in self.nodes:
            node.start()
            self.collect(node)
        for node in self.nodes:
            for other in self.nodes:
                if other is not node:
                    self.give(node, ev.PeerUp(peer=other.key))

    def give(self, node: Node, event: ev.Event) -> None:
        if self.nodes.index(node) not in self.down:
            node.now = self.now
            node.give(event)
            self.collect(node)

    def collect(self, node: Node) -> None:
        """Put what the node said and set on the way."""
        said, timers = list(node.said), list(node.timers)
        node.said.clear()
        node.timers.clear()
        for one in said:
            for other in self.nodes:
                if other is not node and one.peer in (None, other.key):
                    self._send(node, other, one)
        for due, timer in timers:
            self.at(due, lambda timer=timer, due=due: self.give(node, _fired(timer, due)))  # type: ignore[misc]

    def _send(self, node: Node, other: Node, one: Said) -> None:
        def arrive() -> None:
            arrival = Millis(self.now)
            self.give(
                other,
                ev.Received(peer=node.key, kind=one.kind, payload=one.payload, now_ms=arrival),
            )

        self.at(self.now + 20, arrive)

    def run(self, ms: int) -> None:
        """Live so long."""
        until = self.now + ms
        while self._queue and self._queue[0][0] <= until:
            self.now, _, act = heappop(self._queue)
            act()
        self.now = until

    def heights(self) -> list[int]:
        return [node.height for node in self.nodes]


def _fired(timer: ev.Timer, due: int) -> ev.Fired:
    return ev.Fired(timer=timer, now_ms=Millis(due))


class Author:
    """Writes a chain without any consensus: it has all the keys."""

    def __init__(self, text: str, validators: int) -> None:
        self.numbers = range(1, validators + 1)
        self.store = MemoryStore()
        chain = ChainStore(self.store)
        chain.begin(text)
        self.tip: Tip = chain.tip()
        self.commit: Commit | None = None
        self.blocks: list[tuple[bytes, Commit]] = []
        self.params = params_of(State(self.store))

    def draft(
        self,
        *txs: bytes,
        after_ms: int = 1_000,
        round_: int = 0,
        edit: Callable[[Block], Block] | None = None,
    ) -> Block:
        """The next block, by the proposer of the round, with its mints."""
        time = Millis(self.tip.time + after_ms)
        height = Height(self.tip.height + 1)
        due = mints.due(State(self.store), self.params, height, Seconds(time // 1_000))
        proposer = self.tip.validators.proposer(Round(round_)).address
        block = next_block(self.tip, self.params, time, proposer, [*due, *txs], self.commit)
        return block if edit is None else edit(block)

    def write(self, block: Block) -> Commit:
        """Everybody precommits it; it is executed and kept."""
        commit = self.commit_of(block.header.height, block.id)
        outcome = execute(self.store, input_of(self.tip, block))
        tip = next_tip(self.tip, block, outcome)
        self.store.write(block_rows(fx.Save(block=block, commit=commit, outcome=outcome, tip=tip)))
        self.tip, self.commit = tip, commit
        self.blocks.append((block.raw, commit))
        return commit

    def chain(self, count: int) -> "Author":
        for _ in range(count):
            self.write(self.draft())
        return self

    def commit_of(self, height: Height, block_id: bytes, round_: int = 0) -> Commit:
        text = vote_message(self.params.chain_id, PRECOMMIT, height, Round(round_), block_id)
        by_address = {
            member.address: crypto.sign(seed(number), text)
            for number in self.numbers
            for member in self.tip.validators.validators
            if member.key == key(number)
        }
        slots = tuple(
            CommitSlot(flag=FOR_BLOCK, signature=by_address[member.address])
            for member in self.tip.validators.validators
        )
        return Commit(height=height, round=Round(round_), block_id=block_id, slots=slots)

    def number_of(self, index: int) -> int:
        """The seed of the validator at a place in the set."""
        member = self.tip.validators.validators[index]
        return next(number for number in self.numbers if key(number) == member.key)

    def index_of(self, number: int) -> int:
        members = self.tip.validators.validators
        return next(at for at, member in enumerate(members) if member.key == key(number))

    def proposal(self, block: Block, round_: int = 0, number: int | None = None) -> Proposal:
        """Signed by the round's proposer, or by somebody else."""
        proposal = Proposal(
            height=block.header.height,
            round=Round(round_),
            pol_round=-1,
            block_id=block.id,
            time_ms=block.header.time,
        )
        right = self.number_of(self.tip.validators.proposer_index(Round(round_)))
        return self.signed(proposal, right if number is None else number)

    def vote(self, kind: int, block_id: bytes, number: int, round_: int = 0) -> Vote:
        vote = Vote(
            kind=kind,
            height=Height(self.tip.height + 1),
            round=Round(round_),
            block_id=block_id,
            validator=self.index_of(number),
        )
        return self.signed(vote, number)

    def signed(self, message: M, number: int) -> M:
        text = sign_bytes(self.params.chain_id, message)
        return replace(message, signature=crypto.sign(seed(number), text))


def transfer(
    chain_id: str, sender: int, nonce: int, *, fee: int = FEE, until: int = 20, amount: int = 1_000
) -> bytes:
    """A signed payment to somebody new."""
    body = Transfer(to=key(99), amount=Utft(amount))
    return transaction(chain_id, sender, body, nonce=nonce, fee=fee, until=until)


def transaction(
    chain_id: str, sender: int, body: Kind, *, nonce: int = 0, fee: int = FEE, until: int = 20
) -> bytes:
    envelope = Envelope(
        chain_id=chain_id,
        sender=key(sender),
        nonce=nonce,
        valid_until=Height(until),
        fee=Utft(fee),
        kind=NUMBERS[type(body)],
    )
    plain = layout(type(body)).pack(body)
    return encode_transaction(
        envelope, plain, crypto.sign(seed(sender), message_of(envelope, plain))
    )


class Kit:
    """What a test builds with."""

    START = START
    GENESIS = GENESIS
    FEE = FEE
    RICH = RICH
    Node = Node
    Town = Town
    Author = Author
    seed = staticmethod(seed)
    key = staticmethod(key)
    transfer = staticmethod(transfer)
    transaction = staticmethod(transaction)
    genesis_of = staticmethod(genesis_of)
    decode_block = staticmethod(decode_block)


@pytest.fixture(scope="session")
def kit() -> type[Kit]:
    return Kit
