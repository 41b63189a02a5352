"""The log of a height's rounds, bounded whatever strangers send.

Rounds from `ROUNDS_KEPT` behind to `CATCH_UP_ROUNDS_MAX` ahead of the current one are kept, and the
few older ones that the machine's locks point at. Of rounds further ahead one integer a validator is
kept, enough to notice that the others have moved on (consensus 1.1.10, 1.14.2).
"""

from itertools import accumulate
from typing import Final

from tfchain.base.limits import CATCH_UP_ROUNDS_MAX
from tfchain.base.units import Round
from tfchain.bft.events import Conflict
from tfchain.bft.messages import Message, Proposal, Vote, same_statement
from tfchain.bft.votes import VoteSet, Weights
from tfchain.ledger.commit import PREVOTE, PROPOSAL

ROUNDS_KEPT: Final = 64
"""Rounds behind the current one that still take votes.

Their precommits may decide (1.1.9). With growing timeouts these are most of an hour, long after
gossip has brought what there was; a commit of an older round comes with its block from a peer that
decided, and later rounds decide too.
"""

_NEVER: Final = -1


class RoundLog:
    """What was said in one round, and which of its timers were set."""

    __slots__ = (
        "precommit_timer",
        "precommits",
        "prevote_timer",
        "prevotes",
        "proposal",
        "proposer_accused",
        "timely",
    )

    def __init__(self, weights: Weights) -> None:
        self.proposal: Proposal | None = None
        self.timely = False
        self.proposer_accused = False
        self.prevotes = VoteSet(weights)
        self.precommits = VoteSet(weights)
        self.prevote_timer = False
        self.precommit_timer = False

    def votes(self, kind: int) -> VoteSet:
        """The set of one kind of vote."""
        return self.prevotes if kind == PREVOTE else self.precommits


class Rounds:
    """The rounds of one height that are kept, and the highest round heard from each validator."""

    __slots__ = ("_heard", "_logs", "_weights", "reached")

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._logs: dict[int, RoundLog] = {}
        self._heard = [_NEVER] * len(weights.powers)
        self.reached = _NEVER
        """The highest round that more than a third of the power has reached.

        At least one of them is honest, so the round exists. A validator counts once, with the
        highest round it spoke in: one liar far ahead moves nobody (consensus 1.1.10, scenario 9).
        """

    def get(self, round_: int) -> RoundLog | None:
        """The log of a round, if anything was ever said in it and it is still kept."""
        return self._logs.get(round_)

    def open(self, round_: int) -> RoundLog:
        """The log of a round, begun if need be. The caller has asked `admits`."""
        log = self._logs.get(round_)
        if log is None:
            log = self._logs[round_] = RoundLog(self._weights)
        return log

    def admits(self, round_: int, current: Round) -> bool:
        """Whether messages of that round are kept."""
        if round_ in self._logs:
            return True
        return current - ROUNDS_KEPT <= round_ <= current + CATCH_UP_ROUNDS_MAX

    def add_proposal(self, proposal: Proposal, *, timely: bool) -> Conflict | None:
        """Keep the first proposal of a round; a different one by the same proposer is a fault.

        The proof is given once, and nothing of the second proposal is kept (consensus 1.2.6).
        """
        log = self.open(proposal.round)
        if log.proposal is None:
            log.proposal, log.timely = proposal, timely
            return None
        if same_statement(log.proposal, proposal) or log.proposer_accused:
            return None
        log.proposer_accused = True
        return Conflict(kind=PROPOSAL, first=log.proposal, second=proposal)

    def add_vote(self, vote: Vote) -> Conflict | None:
        """Count a vote; a second, different one of its validator is a fault, proved once."""
        votes = self.open(vote.round).votes(vote.kind)
        first = votes.add(vote)
        if first is None or same_statement(first, vote) or not votes.accuse(vote.validator):
            return None
        return Conflict(kind=vote.kind, first=first, second=vote)

    def earlier(self, message: Message) -> Message | None:
        """What its sender said before at the same place, if anything."""
        log = self._logs.get(message.round)
        if log is None:
            return None
        if isinstance(message, Vote):
            return log.votes(message.kind).first_of(message.validator)
        return log.proposal

    def numbers(self) -> list[int]:
        """The rounds that are kept, oldest first."""
        return sorted(self._logs)

    def prune(self, current: Round, pinned: tuple[int, ...]) -> None:
        """Forget what lies too far behind, but for the rounds in `pinned`."""
        for number in self.numbers():
            if number < current - ROUNDS_KEPT and number not in pinned:
                del self._logs[number]

    def hear(self, validator: int, round_: int) -> None:
        """A genuine message of that validator and round came, of whatever kind."""
        if round_ > self._heard[validator]:
            self._heard[validator] = round_
            self.reached = self._reach()

    def _reach(self) -> int:
        ahead = sorted(zip(self._heard, self._weights.powers, strict=True), reverse=True)
        sums = accumulate(weight for _, weight in ahead)
        pairs = zip(ahead, sums, strict=True)
        return next(heard for (heard, _), power in pairs if 3 * power > self._weights.total)
