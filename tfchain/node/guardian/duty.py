"""What a guardian owes a batch, from what the ledger shows and what its own program computed.

Nothing is remembered that the ledger does not show: a guardian that was killed at any moment goes on
from here, and neither commits nor attests twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tfchain.base.crypto import digest
from tfchain.base.shapes import layout
from tfchain.base.units import Address, Height, PeriodIndex, ScheduleId, Seconds
from tfchain.chain.admit import seconds
from tfchain.chain.batches import LIVE_MAX
from tfchain.chain.tip import Tip
from tfchain.client.keys import Key
from tfchain.ledger import tables
from tfchain.ledger.accounts import account_of
from tfchain.ledger.disputes import Dispute
from tfchain.ledger.kept import schedule_state
from tfchain.ledger.minting import (
    APPROVED,
    COMMIT,
    DISPUTED,
    PAID,
    SEALED,
    VOID,
    Attestation,
    Batch,
    Commitment,
    commitment_digest,
)
from tfchain.ledger.params import Params
from tfchain.ledger.state import State
from tfchain.tx.kind import Kind
from tfchain.tx.kinds.attest_mint import AttestMint
from tfchain.tx.kinds.commit_mint import CommitMint
from tfchain.tx.registry import NUMBERS
from tfchain.tx.transaction import Envelope, encode_transaction, message_of

SALT_DOMAIN: Final = b"tfchain/guardian/salt/1\x00"
VALID_BLOCKS: Final = 20
"""How long a transaction of the desk may wait; then it is made anew."""

Name = tuple[int, int]
"""A batch: schedule and period."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mine:
    """What the guardian's own program computed for a batch, and the salt it commits with."""

    root: bytes
    total: int
    count: int
    salt: bytes

    @property
    def digest(self) -> bytes:
        """What the commitment carries."""
        return commitment_digest(self.root, self.total, self.count, self.salt)

    def equals(self, said: Attestation | Batch) -> bool:
        """Whether an attestation, or a sealed batch, says the same."""
        return (self.root, self.total, self.count) == (said.root, said.total, said.count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A batch, and what this guardian has said of it on the ledger."""

    batch: Batch
    commitment: Commitment | None
    attestation: Attestation | None
    dispute: Dispute | None = None
    """The nodes that it has named."""

    @property
    def name(self) -> Name:
        """Schedule and period."""
        return self.batch.schedule, self.batch.period


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The ledger at one height, as far as a guardian looks."""

    height: Height
    time: Seconds
    params: Params
    nonce: int
    cases: tuple[Case, ...]


def salt_of(key: Key, chain_id: str, name: Name) -> bytes:
    """A salt that only the key's owner can make, and can make again after a crash.

    Ed25519 signs the same bytes the same way each time, and this signature is never shown: nobody
    else can guess the salt, and nothing has to be on the disk between commitment and reveal (P9).
    """
    batch = tables.batch_key(ScheduleId(name[0]), PeriodIndex(name[1]))
    return digest(b"tf/guardian-salt", key.sign(SALT_DOMAIN + batch + chain_id.encode()))


def view_of(state: State, tip: Tip, guardian: Address, settled: frozenset[Name]) -> View:
    """The cases among the last periods that are not settled for this guardian."""
    params = tables.PARAMS.need(state, tables.SINGLE)
    names = (name for name in _names(state, params) if name not in settled)
    cases = (case_of(state, guardian, name) for name in names)
    return View(
        height=tip.height,
        time=seconds(tip.time),
        params=params,
        nonce=account_of(state, guardian).nonce,
        cases=tuple(case for case in cases if case is not None),
    )


def _names(state: State, params: Params) -> Iterator[Name]:
    """As many periods back as may still move; a dispute that is older is for people."""
    for row in params.schedules:
        running = schedule_state(state, row.id).running
        if running is not None:
            for period in range(max(0, running + 1 - LIVE_MAX), running + 1):
                yield row.id, period


def case_of(state: State, guardian: Address, name: Name) -> Case | None:
    """A batch with what this guardian has said of it; None where there is no batch."""
    key = tables.batch_key(ScheduleId(name[0]), PeriodIndex(name[1]))
    batch = tables.BATCHES.get(state, key)
    if batch is None:
        return None
    place = tables.of_guardian(key, guardian)
    return Case(
        batch=batch,
        commitment=tables.COMMITMENTS.get(state, place),
        attestation=tables.ATTESTATIONS.get(state, place),
        dispute=tables.DISPUTES.get(state, place),
    )


def wants_result(case: Case) -> bool:
    """Whether it is time to ask the program: the commit window is open, or it was missed."""
    return case.batch.state == COMMIT or case.batch.state >= SEALED


def is_settled(case: Case, guardian: Address, mine: Mine | None = None) -> bool:
    """Whether nothing is left to say: it was said, or can be said no more.

    Without `mine`, what can be told before the program is asked.
    """
    batch, said = case.batch, case.attestation
    if batch.state < SEALED:
        return False
    if guardian not in batch.guardians or batch.state == VOID:
        return True
    if said is None:
        return False
    if APPROVED <= batch.state <= PAID:
        return True
    if mine is None or not mine.equals(said):
        return False
    return mine.equals(batch) or case.dispute is not None


def must_name(case: Case, mine: Mine) -> bool:
    """Whether its nodes are to be named: the batch is disputed, and the ledger has another answer.

    The ledger hears only whom it knows to differ: who has attested that other answer (P10).
    """
    said = case.attestation is not None and mine.equals(case.attestation)
    return case.batch.state == DISPUTED and said and not mine.equals(case.batch)


def duty(case: Case, guardian: Address, mine: Mine, now: Seconds) -> Kind | None:
    """The transaction that is due; nothing where all is said or must wait (P9, P10)."""
    batch = case.batch
    fits = case.commitment is not None and case.commitment.digest == mine.digest
    if batch.state == COMMIT:
        if fits:
            return None
        return CommitMint(schedule=batch.schedule, period=batch.period, digest=mine.digest)
    if batch.state < SEALED or is_settled(case, guardian, mine):
        return None
    if case.attestation is not None and mine.equals(case.attestation):
        return None  # it differs from the ledger, and waits for the dispute
    if not fits and now < batch.attest_until:
        return None
    return AttestMint(
        schedule=batch.schedule,
        period=batch.period,
        root=mine.root,
        total=mine.total,
        count=mine.count,
        salt=mine.salt,
    )


def signed(key: Key, view: View, body: Kind, blocks: int = VALID_BLOCKS) -> tuple[Envelope, bytes]:
    """The transaction's envelope and bytes: the least fee, the next nonce, good for so many blocks."""
    number = NUMBERS[type(body)]
    envelope = Envelope(
        chain_id=view.params.chain_id,
        sender=key.address,
        nonce=view.nonce,
        valid_until=Height(view.height + min(blocks, view.params.expiry_max)),
        fee=view.params.fee_of(number),
        kind=number,
    )
    plain = layout(type(body)).pack(body)
    return envelope, encode_transaction(envelope, plain, key.sign(message_of(envelope, plain)))
