"""What a replica that starts from a snapshot asks its peers, and what they answer (1.12.4).

Light blocks and chunks go over the same wire as everything else, so that no server need be trusted,
or even found. Numbers and bounds stand in `messages`, with those of the other kinds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias

from tfchain.base.codec import decode, encode
from tfchain.base.shapes import U32, Hash, UInt, decode_record, layout
from tfchain.base.units import Height
from tfchain.chain.snapshot import CHUNK_BYTES_MAX, CHUNKS_MAX, MANIFEST_BYTES_MAX
from tfchain.errors import Malformed
from tfchain.ledger.light import LIGHT_BYTES_MAX, LightBlock

GET_LIGHTS: Final = 16
LIGHTS: Final = 17
GET_SNAPSHOTS: Final = 18
SNAPSHOTS: Final = 19
GET_MANIFEST: Final = 20
MANIFEST: Final = 21
GET_CHUNK: Final = 22
CHUNK: Final = 23

LIGHTS_MAX: Final = 32
"""Light blocks in one answer; cut short at `LIGHTS_BYTES_MAX`."""
LIGHTS_BYTES_MAX: Final = 512 * 1024
OFFERS_MAX: Final = 10
"""Snapshots that a peer tells of (1.12.1)."""
_REQUEST_BYTES_MAX: Final = 64

LIMITS: Final = {
    GET_LIGHTS: _REQUEST_BYTES_MAX,
    LIGHTS: LIGHTS_BYTES_MAX + LIGHT_BYTES_MAX,
    GET_SNAPSHOTS: _REQUEST_BYTES_MAX,
    SNAPSHOTS: 1024,
    GET_MANIFEST: _REQUEST_BYTES_MAX,
    MANIFEST: MANIFEST_BYTES_MAX,
    GET_CHUNK: _REQUEST_BYTES_MAX,
    CHUNK: CHUNK_BYTES_MAX + _REQUEST_BYTES_MAX,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GetLights:
    """Light blocks from `height` on."""

    height: Height
    count: Annotated[int, UInt(1, LIGHTS_MAX)]


@dataclass(frozen=True, slots=True, kw_only=True)
class GetSnapshots:
    """Which snapshots are there?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class GetManifest:
    """The manifest of the snapshot of a height."""

    height: Height


@dataclass(frozen=True, slots=True, kw_only=True)
class GetChunk:
    """A chunk of the snapshot of a height."""

    height: Height
    index: Annotated[int, UInt(0, CHUNKS_MAX - 1)]


Request: TypeAlias = GetLights | GetSnapshots | GetManifest | GetChunk
REQUESTS: Final[dict[int, type[Request]]] = {
    GET_LIGHTS: GetLights,
    GET_SNAPSHOTS: GetSnapshots,
    GET_MANIFEST: GetManifest,
    GET_CHUNK: GetChunk,
}
ANSWERS: Final = (LIGHTS, SNAPSHOTS, MANIFEST, CHUNK)
KIND_OF: Final[dict[type[Request], int]] = {cls: kind for kind, cls in REQUESTS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A snapshot that a peer has: its height, the hash of its manifest, how many chunks."""

    height: Height
    id: Hash
    chunks: U32


def decode_request(kind: int, payload: bytes) -> Request:
    """What is asked; raises `Malformed`."""
    return decode_record(REQUESTS[kind], payload, _REQUEST_BYTES_MAX)


def encode_lights(blocks: Sequence[LightBlock]) -> bytes:
    """Light blocks, ascending."""
    return encode([layout(LightBlock).pack(block) for block in blocks])


def decode_lights(payload: bytes) -> list[LightBlock]:
    """Up to `LIGHTS_MAX` light blocks; raises `Malformed`."""
    plain = decode(payload, LIMITS[LIGHTS])
    if type(plain) is not list or len(plain) > LIGHTS_MAX:
        raise Malformed(f"a list of at most {LIGHTS_MAX} light blocks is due")
    return [layout(LightBlock).unpack(row) for row in plain]


def encode_offers(offers: Sequence[Offer]) -> bytes:
    """What one has, the highest first."""
    return encode([layout(Offer).pack(offer) for offer in offers])


def decode_offers(payload: bytes) -> list[Offer]:
    """Up to `OFFERS_MAX` offers; raises `Malformed`."""
    plain = decode(payload, LIMITS[SNAPSHOTS])
    if type(plain) is not list or len(plain) > OFFERS_MAX:
        raise Malformed(f"a list of at most {OFFERS_MAX} snapshots is due")
    return [layout(Offer).unpack(row) for row in plain]


def encode_chunk(height: Height, index: int, raw: bytes) -> bytes:
    """A chunk with the place that it was asked for by."""
    return encode([height, index, raw])


def decode_chunk(payload: bytes) -> tuple[Height, int, bytes]:
    """Height, index and bytes; raises `Malformed`. The chunk itself is not looked at."""
    plain = decode(payload, LIMITS[CHUNK])
    if type(plain) is not list or len(plain) != 3:
        raise Malformed("a height, a number and a chunk are due")
    height, index, raw = plain
    if type(height) is not int or type(index) is not int or type(raw) is not bytes:
        raise Malformed("a height, a number and a chunk are due")
    return Height(height), index, raw
