"""Who is at the other end: two hellos in clear, then a proof from each side inside the seal.

Both hellos (protocol, chain, identity, one-time exchange key) make the transcript. Its hash goes
into the keys of the connection and is signed by both identities, each under its own role. So nobody
in the middle can put in an exchange key of his own, nobody can send a proof back to its author, and
no proof serves twice. Identities travel in clear: a validator set is public, and a stranger is
turned away before anything is computed for him. Proofs travel sealed.

Each step is a value that offers only the next one: greet, meet, conclude.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Final

from tfchain.base.codec import encode
from tfchain.base.crypto import KEY_BYTES, SIGNATURE_BYTES, digest, public_key, sign, verify
from tfchain.base.sealing import SEAL_BYTES, agree, direction_keys, exchange_key
from tfchain.base.shapes import U16, Blob, Text, decode_record, encode_record
from tfchain.errors import Malformed
from tfchain.net.frames import Sealer, Unsealer

PROTOCOL: Final = 1
"""What peers speak; two numbers never talk, so it moves only with a release that says so."""

HELLO_BYTES_MAX: Final = 1024
"""A hello needs about 140; a chain id may have 64."""
PROOF_BYTES: Final = SIGNATURE_BYTES + SEAL_BYTES

_PROOF_TAG: Final = b"tfchain/net/proof/"
_Key = Annotated[bytes, Blob(KEY_BYTES, KEY_BYTES)]


class Role(Enum):
    """Which end of the connection: the name goes into the signed bytes."""

    DIALLER = b"dialler"
    LISTENER = b"listener"

    @property
    def other(self) -> "Role":
        """The role of the peer."""
        return Role.LISTENER if self is Role.DIALLER else Role.DIALLER


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who we are and whom we talk to. `seed`: 32 bytes; `allowed`: None is anyone."""

    seed: bytes = field(repr=False)
    chain_id: str
    allowed: frozenset[bytes] | None = None
    banned: frozenset[bytes] = frozenset()
    """Who is turned away for a while, before anything is computed for them."""

    @property
    def key(self) -> bytes:
        """Our Ed25519 public key: what peers know us by."""
        return public_key(self.seed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """The first message of each side, in clear."""

    protocol: U16
    chain_id: Annotated[str, Text(1, 64)]
    identity: _Key
    exchange: _Key


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """An authenticated connection: whom with, and how to seal and open from here on."""

    peer: bytes
    role: Role
    sealer: Sealer = field(repr=False)
    unsealer: Unsealer = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """Hellos are exchanged; `proof` is the frame to send, theirs is due."""

    transcript: bytes
    session: Session
    proof: bytes

    def conclude(self, body: bytes) -> Session:
        """The session, given the body of their proof's frame.

        Raises:
            Malformed: it does not open, or is not this peer's proof in this handshake.
        """
        session = self.session
        signature = session.unsealer.unseal(body)
        if not verify(session.peer, _proven(session.role.other, self.transcript), signature):
            raise Malformed("the peer does not hold the key that it names")
        return session


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """Our hello is said (`hello`: the body of its frame); theirs is due."""

    identity: Identity = field(repr=False)
    role: Role
    secret: bytes = field(repr=False)
    expected: bytes | None
    hello: bytes

    def meet(self, body: bytes) -> Meeting:
        """What follows from their hello: cheap checks first, then keys and our proof.

        Raises:
            Malformed: not a hello, another protocol or chain, ourselves, not who was called, not
                on the list, banned, or an exchange key of low order.
        """
        theirs = decode_record(Hello, body, HELLO_BYTES_MAX)
        self._check(theirs)
        transcript = self._transcript(body)
        keys = direction_keys(agree(self.secret, theirs.exchange), transcript)
        ours, their = keys if self.role is Role.DIALLER else (keys[1], keys[0])
        session = Session(
            peer=theirs.identity, role=self.role, sealer=Sealer(ours), unsealer=Unsealer(their)
        )
        signature = sign(self.identity.seed, _proven(self.role, transcript))
        return Meeting(
            transcript=transcript,
            session=session,
            proof=session.sealer.seal(signature),
        )

    def _check(self, theirs: Hello) -> None:
        identity = self.identity
        if theirs.protocol != PROTOCOL:
            raise Malformed(f"peer speaks protocol {theirs.protocol}, we speak {PROTOCOL}")
        if theirs.chain_id != identity.chain_id:
            # ascii(): a stranger's text ends in a line that a person reads.
            raise Malformed(f"peer is on another chain {theirs.chain_id!a}")
        if theirs.identity == identity.key:
            raise Malformed("peer is ourselves, or has our key")
        if self.expected is not None and theirs.identity != self.expected:
            raise Malformed(f"peer {theirs.identity.hex()} answers where another was called")
        if identity.allowed is not None and theirs.identity not in identity.allowed:
            raise Malformed(f"peer {theirs.identity.hex()} is not on the list")
        if theirs.identity in identity.banned:
            raise Malformed(f"peer {theirs.identity.hex()} is banned")

    def _transcript(self, theirs: bytes) -> bytes:
        dialler_first = self.role is Role.DIALLER
        hellos = [self.hello, theirs] if dialler_first else [theirs, self.hello]
        return digest(b"tf/net/hellos", encode(hellos))


def greet(
    identity: Identity, role: Role, secret: bytes, *, expected: bytes | None = None
) -> Greeting:
    """Begin. `secret`: 32 fresh bytes, never used again; `expected`: whom we called, if anybody."""
    hello = Hello(
        protocol=PROTOCOL,
        chain_id=identity.chain_id,
        identity=identity.key,
        exchange=exchange_key(secret),
    )
    return Greeting(
        identity=identity,
        role=role,
        secret=secret,
        expected=expected,
        hello=encode_record(hello),
    )


def _proven(role: Role, transcript: bytes) -> bytes:
    """What a side signs. It starts with text: no vote and no transaction does."""
    return _PROOF_TAG + role.value + b"/" + transcript
