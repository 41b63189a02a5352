"""Who proves what to whom, and everything that somebody in the middle may try."""

from dataclasses import replace

import pytest

from tfchain.base.crypto import public_key
from tfchain.base.sealing import exchange_key
from tfchain.base.shapes import decode_record, encode_record
from tfchain.errors import Malformed
from tfchain.net.frames import Sealer
from tfchain.net.handshake import (
    HELLO_BYTES_MAX,
    PROOF_BYTES,
    PROTOCOL,
    Greeting,
    Hello,
    Identity,
    Role,
    Session,
    greet,
)

ALICE = Identity(seed=b"\x01" * 32, chain_id="devnet-12345678")
BOB = Identity(seed=b"\x02" * 32, chain_id="devnet-12345678")
EVE = Identity(seed=b"\x03" * 32, chain_id="devnet-12345678")


def greetings(dialler: Identity = ALICE, listener: Identity = BOB) -> tuple[Greeting, Greeting]:
    return (
        greet(dialler, Role.DIALLER, b"\x0a" * 32),
        greet(listener, Role.LISTENER, b"\x0b" * 32),
    )


def forged(hello: bytes, **changes: object) -> bytes:
    return encode_record(replace(decode_record(Hello, hello), **changes))  # type: ignore[arg-type]


def first_from(session: Session, message: bytes) -> bytes:
    """The body of a first frame that this side could have sent instead of its own proof."""
    return Sealer(session.sealer._key).seal(message)[4:]


def sessions() -> tuple[Session, Session]:
    dialler, listener = greetings()
    met, answered = dialler.meet(listener.hello), listener.meet(dialler.hello)
    return met.conclude(answered.proof[4:]), answered.conclude(met.proof[4:])


def test_two_sides_that_meet_know_each_other_and_talk_both_ways() -> None:
    """1.13.1."""
    at_dialler, at_listener = sessions()
    assert (at_dialler.peer, at_listener.peer) == (BOB.key, ALICE.key)
    said = at_dialler.sealer.seal(b"hi")[4:]
    answered = at_listener.sealer.seal(b"hi")[4:]
    assert said != answered
    assert at_listener.unsealer.unseal(said) == b"hi"
    assert at_dialler.unsealer.unseal(answered) == b"hi"


def test_hellos_and_proofs_keep_their_bounds() -> None:
    longest = replace(ALICE, chain_id="x" * 64)
    dialler, listener = greetings(longest, replace(BOB, chain_id="x" * 64))
    assert len(dialler.hello) <= HELLO_BYTES_MAX
    assert len(dialler.meet(listener.hello).proof) == 4 + PROOF_BYTES


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        pytest.param({"protocol": PROTOCOL + 1}, "speaks protocol 2, we speak 1", id="version"),
        pytest.param({"chain_id": "other-1"}, "on another chain 'other-1'", id="chain"),
        pytest.param({"chain_id": "a\n\x1b[2J"}, r"chain 'a\\n\\x1b\[2J'", id="escapes are quoted"),
        pytest.param({"identity": ALICE.key}, "ourselves", id="our own key"),
        pytest.param({"exchange": bytes(32)}, "low order", id="a key that everybody knows"),
    ],
)
def test_a_hello_that_does_not_fit_is_refused_with_its_reason(
    changes: dict[str, object], why: str
) -> None:
    """1.13.2."""
    dialler, listener = greetings()
    with pytest.raises(Malformed, match=why):
        dialler.meet(forged(listener.hello, **changes))


def test_a_hello_of_another_layout_is_refused() -> None:
    dialler, listener = greetings()
    with pytest.raises(Malformed, match="version 1 is due"):
        dialler.meet(listener.hello[:1] + b"\x02" + listener.hello[2:])


def test_a_hello_over_its_bound_is_refused() -> None:
    """1.13.2."""
    with pytest.raises(Malformed, match="at most 1024"):
        greetings()[0].meet(bytes(HELLO_BYTES_MAX + 1))


def test_an_identity_that_is_not_on_the_list_is_refused() -> None:
    picky = replace(BOB, allowed=frozenset({EVE.key}))
    dialler, listener = greetings(listener=picky)
    with pytest.raises(Malformed, match=f"{ALICE.key.hex()} is not on the list"):
        listener.meet(dialler.hello)
    with pytest.raises(Malformed, match="not on the list"):
        greetings(listener=replace(BOB, allowed=frozenset()))[1].meet(dialler.hello)


def test_a_banned_identity_is_turned_away_before_anything_is_computed() -> None:
    """1.16.4: an exchange key of low order would be found out by computing; the ban comes first."""
    wary = replace(BOB, banned=frozenset({ALICE.key}))
    dialler, listener = greetings(listener=wary)
    with pytest.raises(Malformed, match=f"{ALICE.key.hex()} is banned"):
        listener.meet(forged(dialler.hello, exchange=bytes(32)))
    other = replace(BOB, banned=frozenset({EVE.key}))
    dialler, listener = greetings(listener=other)
    assert listener.meet(dialler.hello).session.peer == ALICE.key


def test_an_identity_on_the_list_is_let_in() -> None:
    picky = replace(BOB, allowed=frozenset({ALICE.key}))
    dialler, listener = greetings(listener=picky)
    assert listener.meet(dialler.hello).session.peer == ALICE.key


def test_who_answers_must_be_who_was_called() -> None:
    caller = greet(ALICE, Role.DIALLER, b"\x0a" * 32, expected=EVE.key)
    with pytest.raises(Malformed, match="where another was called"):
        caller.meet(greetings()[1].hello)


@pytest.mark.parametrize("whose", [Role.DIALLER, Role.LISTENER], ids=["dialler's", "listener's"])
@pytest.mark.parametrize("flip", [0x01, 0x80], ids=["lowest bit", "highest, which X25519 ignores"])
def test_every_changed_byte_of_a_hello_breaks_the_handshake(whose: Role, flip: int) -> None:
    dialler, listener = greetings()
    author, reader = (dialler, listener) if whose is Role.DIALLER else (listener, dialler)
    proof = author.meet(reader.hello).proof[4:]
    for place in range(len(author.hello)):
        changed = bytearray(author.hello)
        changed[place] ^= flip
        with pytest.raises(Malformed):  # at the hello, or at the proof
            reader.meet(bytes(changed)).conclude(proof)


def test_keys_hang_on_the_hellos_and_not_on_the_exchange_alone() -> None:
    dialler, listener = greetings()
    as_eve = forged(listener.hello, identity=EVE.key)
    with_bob = dialler.meet(listener.hello).session
    with_eve = dialler.meet(as_eve).session
    assert first_from(with_bob, b"hi") != first_from(with_eve, b"hi")


def test_every_changed_byte_of_a_proof_breaks_the_handshake() -> None:
    dialler, listener = greetings()
    proof = dialler.meet(listener.hello).proof[4:]
    for place in range(len(proof)):
        changed = bytearray(proof)
        changed[place] ^= 0x80
        with pytest.raises(Malformed, match="seal is broken"):
            listener.meet(dialler.hello).conclude(bytes(changed))


def test_nobody_in_the_middle_can_put_in_an_exchange_key_of_his_own() -> None:
    """1.13.1."""
    dialler, listener = greetings()
    secret = b"\x0e" * 32
    to_dialler = forged(listener.hello, exchange=exchange_key(secret))
    to_listener = forged(dialler.hello, exchange=exchange_key(secret))
    met, answered = dialler.meet(to_dialler), listener.meet(to_listener)
    with pytest.raises(Malformed):
        met.conclude(answered.proof[4:])

    # He does hold the keys towards each side, so he can open Alice's proof and seal it again for
    # Bob: it is over the wrong transcript.
    posing_as_bob = replace(greet(BOB, Role.LISTENER, secret), hello=to_dialler)
    posing_as_alice = replace(greet(ALICE, Role.DIALLER, secret), hello=to_listener)
    stolen = posing_as_bob.meet(dialler.hello).session.unsealer.unseal(met.proof[4:])
    posing = posing_as_alice.meet(listener.hello)
    with pytest.raises(Malformed, match="does not hold the key"):
        answered.conclude(first_from(posing.session, stolen))


def test_naming_the_key_of_another_is_found_out() -> None:
    dialler, listener = greetings(dialler=EVE)
    claim = replace(dialler, hello=forged(dialler.hello, identity=ALICE.key))
    with pytest.raises(Malformed, match="does not hold the key"):
        listener.meet(claim.hello).conclude(claim.meet(listener.hello).proof[4:])


def test_a_hello_sent_back_to_its_author_is_refused() -> None:
    dialler, _ = greetings()
    with pytest.raises(Malformed, match="ourselves"):
        dialler.meet(dialler.hello)


def test_a_proof_sent_back_to_its_author_is_refused() -> None:
    dialler, listener = greetings()
    met = dialler.meet(listener.hello)
    with pytest.raises(Malformed):
        met.conclude(met.proof[4:])


def test_a_proof_of_the_same_transcript_in_the_other_role_is_refused() -> None:
    dialler, listener = greetings()
    met, answered = dialler.meet(listener.hello), listener.meet(dialler.hello)
    signature = answered.session.unsealer.unseal(met.proof[4:])
    mirrored = replace(met.session, peer=ALICE.key)
    replayed = replace(met, session=mirrored)
    with pytest.raises(Malformed, match="does not hold the key"):
        replayed.conclude(first_from(answered.session, signature))


def test_a_proof_of_an_earlier_handshake_is_refused() -> None:
    dialler, listener = greetings()
    old = dialler.meet(listener.hello).proof[4:]
    again = greet(BOB, Role.LISTENER, b"\x0c" * 32)
    with pytest.raises(Malformed):
        again.meet(dialler.hello).conclude(old)


def test_secrets_are_not_shown() -> None:
    dialler, listener = greetings()
    shown = f"{ALICE!r} {dialler!r} {dialler.meet(listener.hello)!r}"
    assert repr(ALICE.seed) not in shown
    assert repr(dialler.secret) not in shown


def test_the_key_is_the_one_of_the_seed() -> None:
    assert ALICE.key == public_key(ALICE.seed)
