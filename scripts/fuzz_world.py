"""Four validators that speak about their first block: genuine bytes to begin from.

Their replicas are the product's own; whatever they ask for is answered at once, and what they say and
log is kept.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from scripts.bench_chain import GENESIS_TIME, Maker, recorded_genesis
from tfchain.base.crypto import sign
from tfchain.base.units import Address, Millis, Round
from tfchain.chain.genesis import read_genesis
from tfchain.client.keys import Key
from tfchain.ledger.block import decode_block
from tfchain.ledger.commit import FOR_BLOCK, PRECOMMIT, Commit, CommitSlot, vote_message
from tfchain.ledger.light import LightBlock, id_of, light_block
from tfchain.node.devnet.homes import Stamp, key_of, seed_of, stamped, template_text
from tfchain.node.rebuilding import Rebuilt
from tfchain.replica import effects, events
from tfchain.replica.replica import Replica

VALIDATORS: Final = 4
_TIME_S: Final = 1_700_000_000
_SEED: Final = 1
_ROUNDS: Final = 400
"""Events that are enough for a first block."""


def genesis_text() -> str:
    """The genesis of the network."""
    stamp = Stamp(time=_TIME_S, salt="fuzz")
    return stamped(template_text(), stamp, _SEED, VALIDATORS)


def faucet() -> Key:
    """An account that can pay."""
    return key_of(_SEED, "faucet")


def follower() -> Replica:
    """A replica that only follows, before its first block."""
    rebuilt = Rebuilt(genesis_text())
    replica = Replica(rebuilt.tip, rebuilt, None, None)
    replica.step(events.Start(now_ms=rebuilt.tip.time, log=()))
    return replica


def signed_light_block(late_s: int) -> LightBlock:
    """A first block, so many seconds after genesis, that all validators signed."""
    maker = Maker(recorded_genesis(0, VALIDATORS), VALIDATORS)
    block = maker.block(GENESIS_TIME + late_s, [])
    maker.take(block, maker.outcome(block))
    assert maker.commit is not None, "what was taken is signed"
    return light_block(block, maker.commit, maker.tip.last_validators)


def light_blocks(raw: bytes) -> list[LightBlock]:
    """The light form of the first block, and of two others of its height, all signed by all.

    The second is of the same round; the third is of a later one, and stands on another history.
    """
    members = read_genesis(genesis_text()).validator_set()
    block = decode_block(raw)
    empty = Commit(height=block.header.height, round=Round(0), block_id=bytes(32), slots=())
    own = light_block(block, empty, members)
    other = replace(own, header=replace(own.header, tx_root=bytes(32)))
    header = replace(own.header, last_block_id=bytes([1]) * 32)
    later = replace(own, header=header, commit=replace(empty, round=Round(1)))
    return [_signed(one) for one in (own, other, later)]


def _signed(block: LightBlock) -> LightBlock:
    names = [f"validator/{number}" for number in range(VALIDATORS)]
    seeds = {key_of(_SEED, name).address: seed_of(_SEED, name) for name in names}
    header = block.header
    text = vote_message(header.chain_id, PRECOMMIT, header.height, block.commit.round, id_of(block))
    slots = tuple(
        CommitSlot(flag=FOR_BLOCK, signature=sign(seeds[row.key], text))
        for row in block.validators.validators
    )
    commit = replace(block.commit, block_id=id_of(block), slots=slots)
    return replace(block, commit=commit)


@dataclass(slots=True)
class Speech:
    """What was said to everybody, by kind, and what one of them logged."""

    said: list[tuple[int, bytes]] = field(default_factory=list)
    logged: list[bytes] = field(default_factory=list)


def first_words() -> Speech:
    """Run four validators until their first block is decided; nothing is stored."""
    speech = Speech()
    rebuilt = Rebuilt(genesis_text())
    now = Millis(rebuilt.tip.time + 1_000)
    seeds = [seed_of(_SEED, f"validator/{number}") for number in range(VALIDATORS)]
    keys = [key_of(_SEED, f"validator/{number}").address for number in range(VALIDATORS)]
    replicas = [Replica(rebuilt.tip, rebuilt, key, None) for key in keys]
    waiting: deque[tuple[int, events.Event]] = deque()
    for number in range(VALIDATORS):
        waiting.append((number, events.Start(now_ms=now, log=())))
        waiting.append((number, _begin(rebuilt, now)))
    for _ in range(_ROUNDS):
        if not waiting:
            break
        number, event = waiting.popleft()
        for effect in replicas[number].step(event):
            if number == 0 and isinstance(effect, effects.Log):
                speech.logged.append(effect.payload)
            if isinstance(effect, effects.Broadcast):
                speech.said.append((effect.kind, effect.payload))
            for target, answer in _answers(number, effect, seeds[number], keys, now):
                waiting.append((target, answer))
    return speech


def _begin(rebuilt: Rebuilt, now: Millis) -> events.Event:
    timer = events.Timer(name=events.BEGIN, height=type(rebuilt.tip.height)(rebuilt.tip.height + 1))
    return events.Fired(timer=timer, now_ms=now)


def _answers(
    number: int, effect: effects.Effect, seed: bytes, keys: list[Address], now: Millis
) -> Iterator[tuple[int, events.Event]]:
    """What comes of an effect, and to whom."""
    match effect:
        case effects.Sign():
            message = replace(effect.message, signature=sign(seed, effect.text))
            yield number, events.Signed(message=message, now_ms=now)
        case effects.Verify():
            good = tuple(True for _ in effect.checks)
            yield number, events.Verified(number=effect.number, good=good, now_ms=now)
        case effects.Broadcast():
            for target in range(len(keys)):
                if target != number:
                    yield (
                        target,
                        events.Received(
                            peer=keys[number], kind=effect.kind, payload=effect.payload, now_ms=now
                        ),
                    )
        case _:
            return
