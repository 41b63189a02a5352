"""Everything that validators signed, gathered from their logs, their signers and their blocks.

A log holds our own words and those of the others as they came, signatures checked. So each statement
is seen by up to as many as there are validators, and two different ones of one place are proof.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, TypeAlias

from tfchain.base.crypto import verify
from tfchain.base.units import Address
from tfchain.bft.events import ProposalReceived, Signed, VoteReceived
from tfchain.bft.messages import Message, sign_bytes
from tfchain.errors import Malformed
from tfchain.node.devnet.homes import Member
from tfchain.node.recovery import place_of
from tfchain.replica.log import read_record
from tfchain.store.signer_files import load_state
from tfchain.store.wal_records import frames_from

Place: TypeAlias = tuple[int, int, int]


@dataclass(slots=True)
class Log:
    """One file of a member's log, and how far it was read."""

    file: BinaryIO
    position: int = 0

    @property
    def number(self) -> int:
        """What tells it from the one that replaces it."""
        return os.fstat(self.file.fileno()).st_ino

    def news(self) -> Iterator[Message]:
        """The signed messages that were not read before; a torn end is read once it is whole."""
        self.file.seek(self.position)
        content = self.file.read()
        for end, payload in frames_from(content, self.position):
            self.position = end
            message = _message_of(payload)
            if message is not None:
                yield message


@dataclass(slots=True)
class Words:
    """What the keys of a network said. `faults` is empty as long as all is well."""

    chain_id: str
    keys: tuple[Address, ...]
    """Of the members, in their order."""
    said: dict[tuple[bytes, Place], bytes] = field(default_factory=dict)
    """The signed bytes at each key's place."""
    faults: list[str] = field(default_factory=list)
    doubles: int = 0
    """Places at which a key said two things."""
    logs: int = 0
    """Files that were read: a log that grew too long is followed by another."""
    _read: dict[int, Log] = field(default_factory=dict)
    """The log that each member writes."""
    _signers: dict[int, Place] = field(default_factory=dict)

    def gather(self, member: Member) -> None:
        """Read what is new in a member's log, and where its signer stands."""
        for message in self._new_messages(member):
            self._hear(message)
        self._look_at_signer(member)

    def _new_messages(self, member: Member) -> Iterator[Message]:
        log, path = self._read.get(member.number), member.home.wal
        if not path.exists():
            return
        if log is None or log.number != path.stat().st_ino:
            fresh = Log(path.open("rb"))  # kept open: what is replaced can be read to its end
            self._read[member.number] = fresh
            self.logs += 1
            if log is not None:
                yield from log.news()
                log.file.close()
            log = fresh
        yield from log.news()

    def close(self) -> None:
        """Give the logs back."""
        for log in self._read.values():
            log.file.close()

    def _hear(self, message: Message) -> None:
        text, place = sign_bytes(self.chain_id, message), place_of(message)
        signers = [key for key in self.keys if verify(key, text, message.signature)]
        if len(signers) != 1:
            self.faults.append(f"a statement at {place} that no validator signed is in a log")
            return
        earlier = self.said.setdefault((signers[0], place), text)
        if earlier != text:
            self.doubles += 1
            self.faults.append(f"{signers[0].hex()[:16]} signed two statements at {place}")

    def _look_at_signer(self, member: Member) -> None:
        """A signer's place only grows, and is never behind what its key was heard to say."""
        key = self.keys[member.number]
        place = load_state(member.home.signer_state, key).place
        if place < self._signers.get(member.number, (0, 0, 0)):
            self.faults.append(f"the signer of validator-{member.number} went back to {place}")
        self._signers[member.number] = place

    def check_signers(self) -> None:
        """Nothing was heard of a key that its signer does not know of."""
        for number, key in enumerate(self.keys):
            heard = max((place for who, place in self.said if who == key), default=(0, 0, 0))
            if heard > self._signers.get(number, (0, 0, 0)):
                self.faults.append(f"validator-{number} was heard at {heard}, past its signer")


def _message_of(payload: bytes) -> Message | None:
    """The signed message in a record of a log, if there is one."""
    if not payload:
        return None
    try:
        record = read_record(payload)
    except Malformed:
        return None
    match record:
        case Signed(message=message):
            return message
        case VoteReceived(vote=vote):
            return vote
        case ProposalReceived(proposal=proposal):
            return proposal
        case _:
            return None
