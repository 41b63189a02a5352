"""Proposing, voting, vetoing and deciding, by farms or by guardians (rules.md 9, P21).

Whoever is to decide stands in the measure's row. What was decided is not done here: the block after
carries it as a transaction that everybody derives, so that it stands in plain sight (`enact`).
"""

from dataclasses import dataclass, replace
from typing import Final

from tfchain.base.units import Address, FarmId, Height, Seconds
from tfchain.errors import Rejected
from tfchain.ledger import tables
from tfchain.ledger.electorate import electorates, standing_of, weight_of
from tfchain.ledger.measures import FARMS, GUARDIANS, Measure, row_of
from tfchain.ledger.proposals import (
    DECLINED,
    ENACTED,
    FAILED,
    OPEN,
    OPEN_EACH_MAX,
    OPEN_MAX,
    PASSED,
    VETOED,
    Docket,
    FarmVote,
    OpenProposal,
    Proposal,
)
from tfchain.ledger.state import State
from tfchain.tx.kind import Context
from tfchain.tx.lookup import own_farm

FARMS_LEAST: Final = 5
"""Farms that must vote, at least; and a tenth of those that could (P21)."""
FARMS_SHARE: Final = 10
VETOES: Final = 3
PAID_BATCHES: Final = 3
"""Batches in which a farm was paid before it proposes anything (P21)."""
TERMS_MAX: Final = 30
TERMS_USUAL: Final = 7
"""A vote lasts as long as `ledger.voting` says: a week on mainnet, so that a seventh of it is the
least, a day, and thirty of those are too many (rules.md 9)."""
BLANK: Final = Docket(last=0, open=(), passed=(), halted=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What somebody proposes."""

    farm_id: FarmId
    measure: Measure
    text_hash: bytes
    link: str
    threshold: int
    duration: Seconds


def docket_of(state: State) -> Docket:
    """What is voted on, and what waits."""
    return tables.DOCKET.get(state, tables.SINGLE) or BLANK


def threshold_least(state: State) -> int:
    """Farms that must vote at least: five, or a tenth of those with a weight, whatever is more.

    A farm with nodes on two schedules counts in both, which asks for a little more.
    """
    farms = sum(one.farms for one in electorates(state).paid)
    return max(FARMS_LEAST, -(-farms // FARMS_SHARE))


def propose(state: State, context: Context, draft: Draft) -> Proposal:
    """Open a vote.

    Refused with `not_a_guardian`, `unknown_farm`, `not_the_owner`, `too_new`, `threshold`,
    `duration`, `docket_full`, `duplicate_proposal`.
    """
    chamber = row_of(draft.measure).chamber
    _check_proposer(state, context, draft, chamber)
    usual = context.params.voting
    lasting = draft.duration or usual
    if not usual <= lasting * TERMS_USUAL < usual * TERMS_MAX:
        least, most = -(-usual // TERMS_USUAL), usual * TERMS_MAX // TERMS_USUAL
        raise Rejected("duration", f"{least} s at least, and below {most} s")
    if chamber == FARMS and draft.threshold < threshold_least(state):
        raise Rejected("threshold", f"{threshold_least(state)} farms at least")
    docket = docket_of(state)
    _check_docket(state, docket, context.sender, draft.measure)
    proposal = _opened(state, context, draft, docket.last + 1, Seconds(context.time + lasting))
    row = OpenProposal(id=proposal.id, until=proposal.until, proposer=context.sender)
    after = replace(docket, last=proposal.id, open=(*docket.open, row))
    tables.DOCKET.put(state, tables.SINGLE, after)
    tables.PROPOSALS.put(state, tables.id_key(proposal.id), proposal)
    return proposal


def vote_farm(state: State, context: Context, number: int, farm_id: FarmId, *, yes: bool) -> None:
    """A farm's owner says yes or no; the last word of a farm counts, once.

    Refused with `unknown_proposal`, `closed`, `wrong_chamber`, `unknown_farm`, `not_the_owner`,
    `no_weight`, `duplicate_vote`.
    """
    proposal = _voted_on(state, context, number, FARMS)
    own_farm(state, farm_id, context.sender)
    weight = weight_of(state, proposal.electorate, farm_id)
    if not weight:
        raise Rejected("no_weight", f"no node of farm {farm_id} was paid in the last batch")
    place = vote_key(number, farm_id)
    before = tables.VOTES.get(state, place)
    if before is not None and before.yes == yes:
        raise Rejected("duplicate_vote", f"farm {farm_id} has said so already")
    if before is not None:
        proposal = _tallied(proposal, before, -1)
    vote = FarmVote(
        farm_id=farm_id, account=context.sender, weight=weight, yes=yes, height=context.height
    )
    tables.VOTES.put(state, place, vote)
    tables.VOTES.put(state, cast_key(number, proposal.casts), vote)
    proposal = _tallied(replace(proposal, casts=proposal.casts + 1), vote, 1)
    met = proposal.farms_yes + proposal.farms_no >= proposal.threshold
    if met and row_of(proposal.measure).early:
        _close(state, context.height, proposal, _verdict(proposal))
    else:
        _save(state, proposal)


def vote_guardian(state: State, context: Context, number: int, *, yes: bool) -> None:
    """A guardian says yes or no. More than two thirds of all of them carry it at once.

    Refused with `unknown_proposal`, `closed`, `wrong_chamber`, `not_a_guardian`, `duplicate_vote`.
    """
    proposal = _voted_on(state, context, number, GUARDIANS)
    guardians = _check_guardian(state, context.sender)
    if context.sender in (proposal.guardians_yes if yes else proposal.guardians_no):
        raise Rejected("duplicate_vote", "you have said so already")
    agreed = _with(proposal.guardians_yes, context.sender, guardians, there=yes)
    against = _with(proposal.guardians_no, context.sender, guardians, there=not yes)
    proposal = replace(proposal, guardians_yes=agreed, guardians_no=against)
    if 3 * len(agreed) > 2 * len(guardians):
        _close(state, context.height, proposal, PASSED)
    elif 3 * (len(guardians) - len(against)) <= 2 * len(guardians):
        _close(state, context.height, proposal, DECLINED)
    else:
        _save(state, proposal)


def veto(state: State, context: Context, number: int) -> None:
    """A guardian will not have what farms vote on; the third one kills it.

    Refused with `unknown_proposal`, `closed`, `wrong_chamber`, `not_a_guardian`, `duplicate_veto`.
    """
    proposal = _voted_on(state, context, number, FARMS)
    guardians = _check_guardian(state, context.sender)
    if context.sender in proposal.vetoes:
        raise Rejected("duplicate_veto", "one guardian, one veto")
    vetoes = _with(proposal.vetoes, context.sender, guardians, there=True)
    proposal = replace(proposal, vetoes=vetoes)
    if len(vetoes) >= VETOES:
        _close(state, context.height, proposal, VETOED)
    else:
        _save(state, proposal)


def close_due(state: State, height: Height, now: Seconds) -> None:
    """Decide what has been voted on for its time. Nobody need ask for it; at most `OPEN_MAX` rows."""
    for row in docket_of(state).open:
        if row.until <= now:
            proposal = tables.PROPOSALS.need(state, tables.id_key(row.id))
            by_farms = row_of(proposal.measure).chamber == FARMS
            _close(state, height, proposal, _verdict(proposal) if by_farms else DECLINED)


def done(state: State, height: Height, number: int, *, failed: bool) -> None:
    """A proposal was enacted, or could not be."""
    proposal = tables.PROPOSALS.need(state, tables.id_key(number))
    _save(state, replace(proposal, state=FAILED if failed else ENACTED, enacted=height))
    docket = docket_of(state)
    rest = tuple(one for one in docket.passed if one != number)
    tables.DOCKET.put(state, tables.SINGLE, replace(docket, passed=rest))


def vote_key(number: int, farm_id: FarmId) -> bytes:
    """Key of a farm's vote on a proposal: 4 + 4 bytes."""
    return tables.id_key(number) + tables.id_key(farm_id)


def cast_key(number: int, place: int) -> bytes:
    """Key of the vote that was cast as the so manieth on a proposal, from 0: 4 + 1 + 4 bytes."""
    return tables.id_key(number) + b"#" + tables.id_key(place)


def _check_proposer(state: State, context: Context, draft: Draft, chamber: int) -> None:
    if chamber == GUARDIANS or not draft.farm_id:
        _check_guardian(state, context.sender)
        return
    own_farm(state, draft.farm_id, context.sender)
    paid = standing_of(state, draft.farm_id).paid_batches
    if paid < PAID_BATCHES:
        raise Rejected("too_new", f"paid in {paid} batches, {PAID_BATCHES} are due")


def _check_guardian(state: State, account: Address) -> tuple[Address, ...]:
    guardians = tables.GUARDIANS.need(state, tables.SINGLE).accounts
    if account not in guardians:
        raise Rejected("not_a_guardian")
    return guardians


def _check_docket(state: State, docket: Docket, proposer: Address, measure: Measure) -> None:
    mine = sum(1 for row in docket.open if row.proposer == proposer)
    if len(docket.open) + len(docket.passed) >= OPEN_MAX or mine >= OPEN_EACH_MAX:
        raise Rejected("docket_full", f"{len(docket.open)} are voted on, {mine} of them yours")
    for row in docket.open:
        if tables.PROPOSALS.need(state, tables.id_key(row.id)).measure == measure:
            raise Rejected("duplicate_proposal", f"as proposal {row.id}, which is voted on")


def _opened(state: State, context: Context, draft: Draft, number: int, until: Seconds) -> Proposal:
    return Proposal(
        id=number,
        measure=draft.measure,
        proposer=context.sender,
        farm_id=draft.farm_id,
        text_hash=draft.text_hash,
        link=draft.link,
        threshold=draft.threshold,
        opened=context.height,
        until=until,
        state=OPEN,
        closed=Height(0),
        enacted=Height(0),
        electorate=electorates(state).paid,
        farms_yes=0,
        farms_no=0,
        yes=0,
        no=0,
        casts=0,
        guardians_yes=(),
        guardians_no=(),
        vetoes=(),
    )


def _voted_on(state: State, context: Context, number: int, chamber: int) -> Proposal:
    proposal = tables.PROPOSALS.get(state, tables.id_key(number))
    if proposal is None:
        raise Rejected("unknown_proposal", str(number))
    if proposal.state != OPEN or context.time >= proposal.until:
        raise Rejected("closed", f"proposal {number} is decided")
    if row_of(proposal.measure).chamber != chamber:
        raise Rejected("wrong_chamber", "the others decide on this")
    return proposal


def _tallied(proposal: Proposal, vote: FarmVote, sign: int) -> Proposal:
    """The proposal with a farm's vote added, or taken off."""
    if vote.yes:
        farms, weight = proposal.farms_yes + sign, proposal.yes + sign * vote.weight
        return replace(proposal, farms_yes=farms, yes=weight)
    farms, weight = proposal.farms_no + sign, proposal.no + sign * vote.weight
    return replace(proposal, farms_no=farms, no=weight)


def _with(
    accounts: tuple[Address, ...], one: Address, seated: tuple[Address, ...], *, there: bool
) -> tuple[Address, ...]:
    """Who said so, with or without one more; whoever has left its seat is forgotten."""
    others = [account for account in accounts if account in seated and account != one]
    return tuple(sorted([*others, one] if there else others))


def _verdict(proposal: Proposal) -> int:
    met = proposal.farms_yes + proposal.farms_no >= proposal.threshold
    return PASSED if met and proposal.yes > proposal.no else DECLINED


def _close(state: State, height: Height, proposal: Proposal, how: int) -> None:
    _save(state, replace(proposal, state=how, closed=height))
    docket = docket_of(state)
    rest = tuple(row for row in docket.open if row.id != proposal.id)
    passed = (*docket.passed, proposal.id) if how == PASSED else docket.passed
    tables.DOCKET.put(state, tables.SINGLE, replace(docket, open=rest, passed=passed))


def _save(state: State, proposal: Proposal) -> None:
    tables.PROPOSALS.put(state, tables.id_key(proposal.id), proposal)
