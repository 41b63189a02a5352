"""For whom a node waits: whose votes are missing in the round under way, and which peers are behind."""

from dataclasses import dataclass

from tfchain.base.units import Address, Height
from tfchain.bft.machine import Machine
from tfchain.bft.votes import VoteSet
from tfchain.replica.replica import Replica


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerTip:
    """How far a peer says it is, by its last word."""

    key: Address
    height: Height


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The height under way, and who has not spoken."""

    height: Height
    round: int
    proposer: Address
    """Who proposes in this round."""
    proposal: bool
    """Whether the proposal is here."""
    block: bool
    """Whether its block is here and was checked."""
    prevotes_missing: tuple[Address, ...]
    """Validators, by key, whose prevote of this round is not here."""
    precommits_missing: tuple[Address, ...]
    peers: tuple[PeerTip, ...]
    """What connected peers say, the one that is furthest behind first."""


def waiting_of(replica: Replica) -> Waiting:
    """For whom a replica waits, by what it knows now."""
    machine = replica.council.machine
    log = machine.rounds.get(machine.round)
    proposal = machine.proposal_at(machine.round)
    tips = sorted((tip, key) for key, tip in replica.sync.tips.items())
    return Waiting(
        height=machine.config.height,
        round=machine.round,
        proposer=machine.config.validators.proposer(machine.round).key,
        proposal=proposal is not None,
        block=proposal is not None and proposal.block_id in replica.council.blocks,
        prevotes_missing=_silent(machine, None if log is None else log.prevotes),
        precommits_missing=_silent(machine, None if log is None else log.precommits),
        peers=tuple(PeerTip(key=Address(key), height=tip) for tip, key in tips),
    )


def _silent(machine: Machine, votes: VoteSet | None) -> tuple[Address, ...]:
    """The validators whose vote is not in a set."""
    members = machine.config.validators.validators
    return tuple(
        member.key
        for index, member in enumerate(members)
        if votes is None or votes.first_of(index) is None
    )
