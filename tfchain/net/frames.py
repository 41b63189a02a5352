"""What travels on a connection: a length, then that many bytes; sealed once the handshake is done.

Nothing here reads a socket. A message is a kind byte and a payload. Every length is compared with
its bound before a byte of the body is kept, and every kind has a bound of its own (consensus
1.16.1).
"""

from collections.abc import Mapping
from typing import Final

from tfchain.base.limits import FRAME_BYTES_MAX
from tfchain.base.sealing import SEAL_BYTES, seal, unseal
from tfchain.errors import Malformed

LENGTH_BYTES: Final = 4
KIND_BYTES: Final = 1

Limits = Mapping[int, int]
"""Kind of message (one byte) to the most bytes its payload may have."""


def frame(body: bytes) -> bytes:
    """`body` behind its length: four bytes, big-endian."""
    assert body, "an empty frame says nothing"
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


class Unframer:
    """Cuts a stream of bytes into frames. Holds at most one frame and one read."""

    def __init__(self) -> None:
        self._held = bytearray()

    @property
    def held(self) -> int:
        """Bytes that wait for the rest of their frame."""
        return len(self._held)

    def feed(self, chunk: bytes | bytearray) -> None:
        """What was read. Feed only when `take` gave nothing: that bounds what is held."""
        self._held += chunk

    def take(self, bytes_max: int) -> bytes | None:
        """The next body, or nothing until more is fed.

        Raises:
            Malformed: the length is zero or over `bytes_max`; known before the body is there.
        """
        if len(self._held) < LENGTH_BYTES:
            return None
        length = int.from_bytes(self._held[:LENGTH_BYTES], "big")
        if not 0 < length <= bytes_max:
            raise Malformed(f"a frame of {length} bytes where 1 to {bytes_max} are allowed")
        end = LENGTH_BYTES + length
        if len(self._held) < end:
            return None
        body = bytes(self._held[LENGTH_BYTES:end])
        del self._held[:end]
        return body


class Sealer:
    """Seals what one side says, in order: the place in the order is the nonce."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._number = 0

    def seal(self, message: bytes) -> bytes:
        """The whole frame, ready for the wire."""
        sealed = seal(self._key, self._number, message)
        self._number += 1
        return frame(sealed)


class Unsealer:
    """Opens what the other side sealed, in the order in which it was said."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._number = 0

    def unseal(self, body: bytes) -> bytes:
        """The message in a frame's body.

        Raises:
            Malformed: changed, repeated, left out or moved. The connection cannot go on.
        """
        message = unseal(self._key, self._number, body)
        self._number += 1
        return message


def body_bytes_max(limits: Limits) -> int:
    """The longest sealed body under `limits`."""
    most = max(limits.values())
    assert most <= FRAME_BYTES_MAX, "a kind may not be longer than a frame"
    return KIND_BYTES + most + SEAL_BYTES


def join(kind: int, payload: bytes, limits: Limits) -> bytes:
    """The message; a payload over its kind's limit is a bug of ours."""
    assert kind in limits and len(payload) <= limits[kind], (kind, len(payload))
    return bytes((kind,)) + payload


def split(message: bytes, limits: Limits) -> tuple[int, bytes]:
    """The kind and the payload of a message, its payload not yet decoded.

    Raises:
        Malformed: no kind, a kind without a limit, or a payload over its kind's limit.
    """
    if not message:
        raise Malformed("a message without a kind")
    kind, payload = message[0], message[KIND_BYTES:]
    limit = limits.get(kind)
    if limit is None:
        raise Malformed(f"no message of kind {kind} exists")
    if len(payload) > limit:
        raise Malformed(f"{len(payload)} bytes in a message of kind {kind}, at most {limit}")
    return kind, payload
