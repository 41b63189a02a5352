"""Who reads a stranger's bytes: one function each, that may refuse them by name and nothing else."""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from scripts.fuzz_world import (
    Speech,
    faucet,
    first_words,
    follower,
    genesis_text,
    light_blocks,
    signed_light_block,
)
from tfchain.base.codec import decode, encode
from tfchain.base.crypto import verify
from tfchain.base.shapes import decode_record, encode_record, layout
from tfchain.base.units import Height, Utft
from tfchain.bft.attack import check_attack, proofs_of
from tfchain.bft.light import Terms, check_anchor
from tfchain.chain import snapshot
from tfchain.chain.genesis import read_genesis
from tfchain.errors import Malformed, TfchainError
from tfchain.ledger.block import decode_block
from tfchain.ledger.evidence import checks_of
from tfchain.ledger.light import ATTACK_BYTES_MAX, LightAttack, id_of
from tfchain.net.frames import Unframer, frame, split
from tfchain.net.handshake import HELLO_BYTES_MAX, Identity, Role, greet
from tfchain.node.answers import txs_of
from tfchain.node.attacks import attack_of
from tfchain.replica import events, snapshot_messages
from tfchain.replica import messages as wire
from tfchain.replica.log import read_record
from tfchain.store import wal_records
from tfchain.tx.kinds.transfer import Transfer
from tfchain.tx.registry import NUMBERS, open_body
from tfchain.tx.transaction import Envelope, decode_transaction, encode_transaction, message_of

Take = Callable[[bytes], None]
"""Raises a `TfchainError` for bytes that are none, and nothing else, ever."""

PIECE: Final = 7
"""Bytes that a stream brings at once."""
DECODED_MAX: Final = 64 * 1024
PEER: Final = bytes(range(32))


@dataclass(frozen=True, slots=True)
class Target:
    """Somebody who reads, and genuine bytes for it."""

    take: Take
    seeds: tuple[bytes, ...]


def codec() -> Target:
    """Canonical values: what is read is written alike."""

    def take(raw: bytes) -> None:
        assert encode(decode(raw, DECODED_MAX)) == raw

    return Target(take, (encode([1, b"bytes", "text", None, [True, -1, 2**63]]), encode([])))


def frames() -> Target:
    """A stream cut into frames, and messages into kind and payload."""

    def take(raw: bytes) -> None:
        unframer = Unframer()
        for start in range(0, len(raw), PIECE):
            unframer.feed(raw[start : start + PIECE])
            while (body := unframer.take(DECODED_MAX)) is not None:
                with suppress(Malformed):
                    split(body, wire.LIMITS)
            assert unframer.held <= DECODED_MAX + 4 + PIECE

    return Target(take, (frame(b"\x03vote") + frame(b"\x01" * 300), frame(b"x")))


def handshake() -> Target:
    """A hello, then a proof."""
    greeting = greet(Identity(seed=b"\x01" * 32, chain_id="fuzz-1"), Role.DIALLER, b"\x02" * 32)
    other = greet(Identity(seed=b"\x03" * 32, chain_id="fuzz-1"), Role.LISTENER, b"\x04" * 32)
    proof = other.meet(greeting.hello).proof

    def take(raw: bytes) -> None:
        hello, body = raw[: len(other.hello)], raw[len(other.hello) :]
        assert len(hello) <= HELLO_BYTES_MAX
        greeting.meet(hello).conclude(body)

    return Target(take, (other.hello + proof[4:], other.hello))


def wal() -> Target:
    """A log file after a bad day: records, torn ends, damage; and what the records say."""
    content = bytearray()
    for payload in (*first_words().logged[:40], b"", b"\x00" + bytes(8)):
        content += wal_records.frame(len(content), payload)
    whole = bytes(content)

    def take(raw: bytes) -> None:
        found = wal_records.survey(raw)
        assert 0 <= found.end <= len(raw)
        for start, length in found.spans:
            assert start + length <= len(raw)
            with suppress(Malformed):
                read_record(raw[start : start + length])
        assert sum(1 for _ in wal_records.frames_from(raw, 0)) <= len(raw)
        read_record(raw)

    return Target(take, (whole[:4_000], whole[-2_000:], first_words().logged[0]))


def blocks() -> Target:
    """A block and everything in it."""

    def take(raw: bytes) -> None:
        block = decode_block(raw)
        assert block.raw == raw
        for one in block.txs:
            with suppress(Malformed):
                open_body(decode_transaction(one))

    return Target(take, tuple(_blocks_in(first_words())))


def peer() -> Target:
    """A replica that is told whatever a peer may say. The first byte is the kind."""
    replica = follower()

    def take(raw: bytes) -> None:
        kind, payload = split(raw, wire.LIMITS)
        now = replica.tip.time
        replica.step(events.Received(peer=PEER, kind=kind, payload=payload, now_ms=now))

    seeds = {bytes([kind]) + payload: None for kind, payload in first_words().said}
    return Target(take, tuple(seeds))


def http() -> Target:
    """The body of `POST /v1/txs`, and the transactions in it, as far as the mempool."""
    replica = follower()
    body = json.dumps({"txs": [_transfer().hex(), _transfer()[:40].hex()]}).encode()

    def take(raw: bytes) -> None:
        raws = tuple(txs_of(raw))
        replica.step(events.Submitted(ticket=1, raws=raws, now_ms=replica.tip.time))

    return Target(take, (body, b'{"txs": []}', _transfer()))


def attacks() -> Target:
    """The body of `POST /v1/light/attacks`, as far as the judgement."""
    own, other = signed_light_block(1), signed_light_block(2)
    terms = Terms(chain_id=own.header.chain_id)

    def take(raw: bytes) -> None:
        attack = attack_of(raw)
        check_attack(terms, attack, own, own, verify)
        proofs_of(attack.conflicting, own)

    genuine = [LightAttack(conflicting=one, common_height=own.height) for one in (other, own)]
    bodies = [json.dumps({"attack": encode_record(one).hex()}).encode() for one in genuine]
    return Target(take, tuple(bodies))


def chunks() -> Target:
    """Manifests and chunks of a snapshot."""
    row = snapshot.StateRow(key=b"k" * 20, value=b"v" * 40)
    chunk = snapshot.Chunk(ref=_ref(), siblings=(), rows=(row,))

    def take(raw: bytes) -> None:
        with suppress(Malformed):
            manifest = decode_record(snapshot.Manifest, raw, snapshot.MANIFEST_BYTES_MAX)
            snapshot.check_manifest(manifest, "fuzz-1", Height(1), bytes(32))
        found = decode_record(snapshot.Chunk, raw, snapshot.CHUNK_BYTES_MAX)
        if found.ref.tag not in snapshot.ARCHIVE_TAGS:
            snapshot.check_alone(found, bytes(32))

    return Target(take, (encode_record(chunk), encode_record(_manifest())))


def light() -> Target:
    """Light blocks, and evidence that a light client hands in: whoever is named signed twice."""
    own, *others = light_blocks(_blocks_in(first_words())[0])
    lies = [LightAttack(conflicting=other, common_height=own.height) for other in others]
    terms = Terms(chain_id=own.header.chain_id)
    members = [row.address for row in own.validators.validators]

    def take(raw: bytes) -> None:
        with suppress(TfchainError):
            for block in snapshot_messages.decode_lights(raw):
                check_anchor(terms, block, block.height, id_of(block), verify)
        found = decode_record(LightAttack, raw, ATTACK_BYTES_MAX)
        guilty = check_attack(terms, found, own, own, verify)
        pieces = proofs_of(found.conflicting, own)
        assert set(guilty) <= set(members)
        for piece in pieces:
            key = own.validators.validators[members.index(piece.validator)].key
            assert all(verify(*check) for check in checks_of(terms.chain_id, key, piece))

    lights = snapshot_messages.encode_lights([own, others[0]])
    return Target(take, (*(encode_record(lie) for lie in lies), lights))


TARGETS: Final[dict[str, Callable[[], Target]]] = {
    "codec": codec,
    "frames": frames,
    "handshake": handshake,
    "wal": wal,
    "blocks": blocks,
    "peer": peer,
    "http": http,
    "attacks": attacks,
    "chunks": chunks,
    "light": light,
}


def _ref() -> snapshot.ChunkRef:
    return snapshot.ChunkRef(tag=1, batch=b"", place=bytes(32), depth=0, root=bytes(32))


def _manifest() -> snapshot.Manifest:
    return snapshot.Manifest(
        chain_id="fuzz-1",
        height=Height(1),
        tables=(snapshot.TableRoot(tag=1, root=bytes(32)),),
        chunks=(_ref(),),
    )


def _blocks_in(speech: Speech) -> Sequence[bytes]:
    proposals = [payload for kind, payload in speech.said if kind == wire.PROPOSAL]
    return [wire.decode_proposal(payload)[1] for payload in proposals]


def _transfer() -> bytes:
    key = faucet()
    envelope = Envelope(
        chain_id=read_genesis(genesis_text()).params.chain_id,
        sender=key.address,
        nonce=0,
        valid_until=Height(50),
        fee=Utft(10_000),
        kind=NUMBERS[Transfer],
    )
    plain = layout(Transfer).pack(Transfer(to=key.address, amount=Utft(1_000)))
    return encode_transaction(envelope, plain, key.sign(message_of(envelope, plain)))
