"""Where a correct replica stands after each event: nothing of it grows, and it follows the others.

S10: what it holds is bounded. 1.1.6: it knows of each polka for a block that it holds, however late
it came. 1.1.10: it is in no earlier round than more than a third of the power that it heard from.
1.14.1: it asks again for a block that it lacks. What it heard is counted here anew.
"""

from typing import Final

from tfchain.base.limits import (
    CATCH_UP_ROUNDS_MAX,
    MEMPOOL_BYTES_MAX,
    MEMPOOL_TXS_MAX,
    SYNC_BLOCKS_MAX,
)
from tfchain.bft import events as bft
from tfchain.bft.machine import Machine
from tfchain.bft.messages import Message, Vote
from tfchain.bft.rounds import ROUNDS_KEPT
from tfchain.ledger.commit import PREVOTE
from tfchain.ledger.validators import ValidatorSet
from tfchain.replica.council import BLOCKS_HELD_MAX
from tfchain.replica.replica import GOSSIP_EVERY, Replica
from tfchain.replica.sync import ANSWERS_HELD_MAX
from tfchain.sim.fold import more_than_two_thirds

PINNED_MAX: Final = 3
"""Rounds kept beside the window: of the lock, of the valid value, of the proposal's polka."""
ROUNDS_MAX: Final = ROUNDS_KEPT + CATCH_UP_ROUNDS_MAX + PINNED_MAX + 1
ASKED_EVERY_MS: Final = 3 * GOSSIP_EVERY
"""A block that is lacking is asked for at least this often."""


class Standing:
    """One life of one replica."""

    def __init__(self) -> None:
        self._height = 0
        self._heard: dict[int, int] = {}
        self._reached = -1
        self._prevotes: dict[int, dict[int, bytes]] = {}
        """By round and validator: the first prevote that came."""
        self._polkas: dict[int, bytes] = {}
        self._wanted: dict[bytes, int] = {}
        self._resumed = 0

    def resumed(self, height: int) -> None:
        """At this height it knows of a life before this one, too."""
        self._resumed = height

    def heard(self, replica: Replica, validator: int, message: Message) -> None:
        """A genuine message came to the replica, which has not looked at it yet."""
        if message.height != replica.council.height:
            return
        self._enter(replica.council.height)
        if message.round > self._heard.get(validator, -1):
            self._heard[validator] = message.round
            self._reached = _reached(replica.council.machine.config.validators, self._heard)
        if isinstance(message, Vote) and message.kind == PREVOTE:
            self._count(replica, message)

    def _count(self, replica: Replica, vote: Vote) -> None:
        """Of one validator the first prevote counts, and only of rounds that are kept."""
        machine = replica.council.machine
        if vote.height == self._resumed or not machine.rounds.admits(vote.round, machine.round):
            return
        votes = self._prevotes.setdefault(vote.round, {})
        if vote.validator not in votes:
            votes[vote.validator] = vote.block_id
            validators = machine.config.validators
            rows = votes.items()
            powers = [validators.validators[at].power for at, one in rows if one == vote.block_id]
            if vote.block_id and more_than_two_thirds(sum(powers), validators):
                self._polkas[vote.round] = vote.block_id

    def _enter(self, height: int) -> None:
        if height != self._height:
            self._height, self._heard, self._reached, self._wanted = height, {}, -1, {}
            self._prevotes, self._polkas = {}, {}

    def asked(self, block_id: bytes) -> None:
        """The replica asks all for a block."""
        self._wanted.pop(block_id, None)

    def fault(self, replica: Replica, now_ms: int) -> str:
        """What is wrong after an event, with its number; or nothing."""
        self._enter(replica.council.height)
        machine = replica.council.machine
        deciding = machine.step not in {bft.NEW, bft.COMMIT, bft.DECIDED}
        lagging = (self._left_behind(machine) or self._forgetting(machine)) if deciding else ""
        return lagging or _grown(replica) or self._mute(replica, now_ms)

    def _forgetting(self, machine: Machine) -> str:
        """Whether the latest polka for a block that is here and valid is not known (scenario 5)."""
        for round_, block_id in self._polkas.items():
            late = machine.valid_round < round_ <= machine.round
            if late and machine.holds_valid(block_id):
                return f"1.1.6: knows no valid value since round {round_}, which had a polka"
        return ""

    def _left_behind(self, machine: Machine) -> str:
        if machine.round >= self._reached:
            return ""
        return f"1.1.10: in round {machine.round}, and over a third is in round {self._reached}"

    def _mute(self, replica: Replica, now_ms: int) -> str:
        wanted = replica.council.machine.wanted
        if not wanted:
            self._wanted.clear()
            return ""
        self._wanted = {one: self._wanted.get(one, now_ms) for one in wanted}
        since = min(self._wanted.values())
        if now_ms - since <= ASKED_EVERY_MS:
            return ""
        return f"1.14.1: a block is lacking since {now_ms - since} ms, and nobody is asked for it"


def _reached(validators: ValidatorSet, heard: dict[int, int]) -> int:
    """The highest round in which, or beyond which, more than a third of the power was heard."""
    power, total = 0, validators.total_power()
    for validator, round_ in sorted(heard.items(), key=lambda row: -row[1]):
        power += validators.validators[validator].power
        if 3 * power > total:
            return round_
    return -1


def _grown(replica: Replica) -> str:
    """S10."""
    council, sync = replica.council, replica.sync
    held = {
        "rounds": (len(council.machine.rounds.numbers()), ROUNDS_MAX),
        "candidate blocks": (len(council.blocks), BLOCKS_HELD_MAX),
        "waiting transactions": (len(replica.pool), MEMPOOL_TXS_MAX),
        "bytes that wait": (replica.pool.size, MEMPOOL_BYTES_MAX),
        "fetched blocks": (len(sync.fetched), ANSWERS_HELD_MAX * SYNC_BLOCKS_MAX),
    }
    for what, (count, most) in held.items():
        if count > most:
            return f"S10: {count} {what}, where {most} are allowed"
    return ""
