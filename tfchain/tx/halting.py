"""A halt: blocks go on, so that a vote can lift it, and all else stands still (P21).

It is asked when a transaction is run, not when it is admitted: what is admitted may depend on nonces,
fees and times alone (P26). A refused one has paid its fee.
"""

from typing import Final

from tfchain.errors import Rejected
from tfchain.ledger.state import State
from tfchain.tx.kind import Kind
from tfchain.tx.kinds.leave_validators import LeaveValidators
from tfchain.tx.kinds.propose import Propose
from tfchain.tx.kinds.propose_constant import ProposeConstant
from tfchain.tx.kinds.propose_power import ProposePower
from tfchain.tx.kinds.propose_upgrade import ProposeUpgrade
from tfchain.tx.kinds.propose_validator import ProposeValidator
from tfchain.tx.kinds.veto_proposal import VetoProposal
from tfchain.tx.kinds.vote_as_guardian import VoteAsGuardian
from tfchain.tx.kinds.vote_change import VoteChange
from tfchain.tx.kinds.vote_proposal import VoteProposal
from tfchain.tx.proposals import docket_of

GOING_ON: Final[frozenset[type[Kind]]] = frozenset(
    {
        Propose,
        VoteProposal,
        VoteAsGuardian,
        VetoProposal,
        ProposeValidator,
        ProposePower,
        ProposeConstant,
        ProposeUpgrade,
        VoteChange,
        LeaveValidators,
    }
)
"""Kinds that a halt leaves alone."""


def check_halt(state: State, body: Kind) -> None:
    """`Rejected("halted")` for what a halt stops."""
    if type(body) not in GOING_ON and docket_of(state).halted:
        raise Rejected("halted", "guardians have halted the chain; votes go on")
