"""The signer: the one place that holds a validator's key, and that never says two things at once.

What was signed last is on the disk before the signature leaves (1.6.3). So whatever a crash, a
rewound log or a bug above asks for, a second, different answer for one (height, round, step) does
not come out of here. Votes carry no time: equal place and other bytes is always refused (P3).
"""

from dataclasses import dataclass, replace
from threading import Lock
from typing import Annotated, Final, Protocol

from tfchain.base import crypto
from tfchain.base.shapes import U8, Blob, Signature
from tfchain.base.units import U32_MAX, Address, Height, Round
from tfchain.errors import Rejected, Unavailable

PROPOSAL: Final = 1
PREVOTE: Final = 2
PRECOMMIT: Final = 3
"""Steps in the order in which one round passes them (1.6.5)."""

MESSAGE_BYTES_MAX: Final = 4096
"""Signed bytes of a vote or a proposal: ids, numbers and a chain id; some 200 bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastSigned:
    """The latest thing this key said, with its signature; at first, nothing at (0, 0, 0)."""

    height: Height
    round: Round
    step: U8
    message: Annotated[bytes, Blob(0, MESSAGE_BYTES_MAX)]
    signature: Signature

    @property
    def place(self) -> tuple[int, int, int]:
        return self.height, self.round, self.step


def end_of(height: int) -> tuple[int, int, int]:
    """Where nothing more can be signed at `height`; a signer that stands here has skipped the rest.

    No round ever gets this far, so a signer stands here only because it was told to.
    """
    return height, U32_MAX, PRECOMMIT


NOTHING_SIGNED: Final = LastSigned(
    height=Height(0), round=Round(0), step=0, message=b"", signature=bytes(crypto.SIGNATURE_BYTES)
)


class Memo(Protocol):
    """Where a signer keeps what it signed last."""

    @property
    def last(self) -> LastSigned:
        """What was saved last."""
        ...

    def save(self, last: LastSigned) -> None:
        """Durable when this returns. Raises `Unavailable`, and then nobody knows which one stands."""
        ...

    def close(self) -> None:
        """Let another process have it."""
        ...


class MemoryMemo:
    """A memo for the simulator: it outlives the replica that crashes."""

    def __init__(self) -> None:
        self.last: LastSigned = NOTHING_SIGNED

    def save(self, last: LastSigned) -> None:
        self.last = last

    def close(self) -> None:
        """Nothing to give back."""


class Signer:
    """A key and a memo. The seed is in no attribute that is shown, no text and no error."""

    def __init__(self, seed: bytes, memo: Memo) -> None:
        assert len(seed) == crypto.KEY_BYTES, "a seed has 32 bytes"
        self.key = Address(crypto.public_key(seed))
        self._seed = seed
        self._memo = memo
        self._signing = Lock()
        self._broken = False

    def last(self) -> tuple[int, int, int]:
        """Height, round and step of the latest signature; (0, 0, 0) before the first."""
        return self._memo.last.place

    def sign(self, height: int, round_: int, step: int, message: bytes) -> bytes:
        """The signature over `message`, which is this key's word for (height, round, step).

        Asked again with the same bytes, it gives the signature of the first time (1.6.4).

        Raises:
            Rejected: `double_sign`: something else was signed here, or something later.
            Unavailable: the memo cannot be written; from then on nothing is signed.
        """
        assert PROPOSAL <= step <= PRECOMMIT, step
        assert len(message) <= MESSAGE_BYTES_MAX, f"a signed message of {len(message)} bytes"
        with self._signing:
            if self._broken:
                raise Unavailable("the signer state is uncertain", self.key.hex(), "start again")
            known = said_before(self._memo.last, (height, round_, step), message)
            return self._sign_new(height, round_, step, message) if known is None else known

    def skip_to_end_of(self, height: int) -> None:
        """Say nothing more at `height`, nor at any before it, after whatever restart.

        For a validator that does not know any more why it said what it said there: the signer would
        let it speak in a later round, and without its lock it could help to decide a second block.
        """
        with self._signing:
            if self._broken:
                raise Unavailable("the signer state is uncertain", self.key.hex(), "start again")
            if end_of(height) > self._memo.last.place:
                self._save(skipped_to(height))

    def close(self) -> None:
        """Release the locks. Nothing may be signed afterwards."""
        self._broken = True
        self._memo.close()

    def _sign_new(self, height: int, round_: int, step: int, message: bytes) -> bytes:
        signature = crypto.sign(self._seed, message)
        last = LastSigned(
            height=Height(height),
            round=Round(round_),
            step=step,
            message=message,
            signature=signature,
        )
        self._save(last)
        return signature

    def _save(self, last: LastSigned) -> None:
        self._broken = True
        self._memo.save(last)
        self._broken = False


def skipped_to(height: int) -> LastSigned:
    """What a signer remembers that says nothing more up to the end of `height`."""
    _, round_, step = end_of(height)
    return replace(NOTHING_SIGNED, height=Height(height), round=Round(round_), step=step)


def said_before(last: LastSigned, place: tuple[int, int, int], message: bytes) -> bytes | None:
    """The stored signature if this was said already, None if it may be said now (1.6.4).

    Raises:
        Rejected: `double_sign`.
    """
    if place > last.place:
        return None
    if place < last.place:
        raise Rejected("double_sign", f"{place} is before {last.place}, which is signed")
    if message != last.message:
        raise Rejected("double_sign", f"something else is signed at {place}")
    return last.signature
