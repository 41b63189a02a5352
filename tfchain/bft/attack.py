"""Two histories, both signed: finding where they part, and evidence against whoever signed (1.17.5).

A light client asks witnesses for the height that it came to trust. One that names another block must
show that its own is signed as well, from the last block that both agree on; then somebody cheats,
nobody here can tell who, and each side is handed the evidence against the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tfchain.base.units import Height, Millis
from tfchain.bft.light import (
    NOT_SIGNED,
    WRONG_HASH,
    WRONG_HEIGHT,
    Climb,
    Distrust,
    Terms,
    check_next,
    check_own_word,
    signers_in,
)
from tfchain.errors import InvalidBlock
from tfchain.ledger.commit import FOR_BLOCK, PRECOMMIT, Verify, check_commit
from tfchain.ledger.evidence import DoubleHistory, DoubleVote, Evidence, Precommitted
from tfchain.ledger.header import GIVEN, Header, given_of
from tfchain.ledger.light import LightAttack, LightBlock, id_of
from tfchain.ledger.validators import ValidatorSet

NO_CONFLICT: Final = "no_conflict"
WRONG_COMMON: Final = "wrong_common"
AHEAD_OF_TIME: Final = "ahead_of_time"

_EXECUTED: Final = tuple(name for name in GIVEN if name != "last_block_id")
"""What executing the blocks before leads to: a block with other values is made up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fork:
    """Two signed blocks of one height, as evidence: each goes to the side that it is not against."""

    against_primary: LightAttack
    against_witness: LightAttack


class Comparison:
    """One witness against the blocks that were trusted on the primary's word.

    `wanted` is the height to ask the witness for. Once it is None, `fork` says whether the two are
    at odds; the first block of the trace was given by a person and is not in question.
    """

    def __init__(self, terms: Terms, trace: Sequence[LightBlock]) -> None:
        assert trace, "at least the trusted block is there"
        self._terms = terms
        self._trace = trace
        self._agreed = 0
        """The highest place in the trace at which both are known to agree."""
        self._parted = len(trace)
        """The lowest place at which they are known to differ, or the end."""
        self._place = len(trace) - 1
        self._climb: Climb | None = None
        self.fork: Fork | None = None
        self.wanted: Height | None = trace[-1].height

    def take(self, block: LightBlock, now: Millis, verify: Verify) -> None:
        """The block that the witness has at the height that was wanted.

        Raises:
            Distrust: the witness cannot show that its block is signed, or is of another chain.
        """
        assert self.wanted is not None, "nothing is wanted any more"
        if block.height != self.wanted:
            raise Distrust(WRONG_HEIGHT, f"height {self.wanted} is due, not {block.height}")
        if self._climb is not None:
            self._climb.take(block, now, verify)
        elif id_of(block) == id_of(self._trace[self._place]):
            self._agreed = self._place
        else:
            self._parted = self._place
        self._go_on()

    def _go_on(self) -> None:
        """Halve the stretch in which the histories part; at its end the witness has to climb."""
        if self._parted == 0:
            raise Distrust(WRONG_HASH, "the witness has another block than the trusted one")
        if self._agreed == len(self._trace) - 1:
            self.wanted = None
            return
        if self._parted - self._agreed > 1:
            self._place = (self._agreed + self._parted) // 2
            self.wanted = self._trace[self._place].height
            return
        common, mine = self._trace[self._agreed], self._trace[self._parted]
        if self._climb is None:
            self._climb = Climb(self._terms, common, mine.height)
        self.wanted = self._climb.wanted
        if self.wanted is None:
            theirs = self._climb.trusted
            self.fork = Fork(
                against_primary=attack_of(common, mine, theirs),
                against_witness=attack_of(common, theirs, mine),
            )


def attack_of(common: LightBlock, conflicting: LightBlock, own: LightBlock) -> LightAttack:
    """Evidence for whoever holds `own` and not `conflicting`, both signed, of one height."""
    made_up = is_made_up(conflicting.header, own.header)
    height = common.height if made_up else conflicting.height
    return LightAttack(conflicting=conflicting, common_height=height)


def is_made_up(conflicting: Header, own: Header) -> bool:
    """Whether a header says something that no execution led to (a lunatic's block, 1.9.1)."""
    return any(getattr(conflicting, name) != getattr(own, name) for name in _EXECUTED)


def check_lag(target: LightBlock, latest: LightBlock) -> None:
    """A witness that is behind for too long, although its own chain is past the target's time.

    Raises:
        Distrust: no honest chain reaches the target's height at the target's time (1.17.5).
    """
    if latest.height < target.height and latest.time >= target.time:
        raise Distrust(
            AHEAD_OF_TIME,
            f"block {target.height} is older than the witness's block {latest.height}",
        )


def check_attack(
    terms: Terms, attack: LightAttack, common: LightBlock, own: LightBlock, verify: Verify
) -> tuple[bytes, ...]:
    """Judge evidence on the chain that one holds: who is guilty, by address, in the set's order.

    `common` is our block at the attack's common height; `own` ours at the conflicting block's
    height, or the newest we have where the block pretends to be above it. Who signed two values of
    one history in two rounds cannot be told from signatures alone: nobody is named then (1.9.1).

    Raises:
        Distrust: no attack, or not proven.
    """
    block = attack.conflicting
    if common.height != attack.common_height or block.height < common.height:
        raise Distrust(WRONG_COMMON, f"block {common.height} is not the common one")
    if own.height == block.height and id_of(own) == id_of(block):
        raise Distrust(NO_CONFLICT, f"block {block.height} is ours")
    if own.height < block.height and block.time > own.time:
        raise Distrust(NO_CONFLICT, f"block {block.height} may yet come")
    if common.height == block.height:
        return _check_twice_signed(terms, block, own, verify)
    _check_made_up(terms, common, block, own, verify)
    return _in_order(common.validators, signers_in(common.validators, block))


def proofs_of(block: LightBlock, own: LightBlock) -> tuple[Evidence, ...]:
    """What two commits of one height prove against whoever is in both: two precommits.

    Of one round, that is enough; of two rounds, if they stand on two histories. Each piece stands
    for itself, and a block can hold it. Signatures are the caller's to have checked.
    """
    if block.height != own.height or id_of(block) == id_of(own):
        return ()
    first, second = sorted((block, own), key=lambda side: (side.commit.round, id_of(side)))
    one_round = first.commit.round == second.commit.round
    if not one_round and given_of(first.header) == given_of(second.header):
        return ()
    proof = _double_vote if one_round else _double_history
    both = [address for address in _signatures(first) if address in _signatures(second)]
    return tuple(proof(address, first, second) for address in both)


def _double_vote(address: bytes, first: LightBlock, second: LightBlock) -> Evidence:
    return DoubleVote(
        validator=address,
        kind=PRECOMMIT,
        height=first.height,
        round=first.commit.round,
        first_id=id_of(first),
        first_signature=_signatures(first)[address],
        second_id=id_of(second),
        second_signature=_signatures(second)[address],
    )


def _double_history(address: bytes, first: LightBlock, second: LightBlock) -> Evidence:
    return DoubleHistory(
        validator=address,
        first=_precommitted(address, first),
        second=_precommitted(address, second),
    )


def _precommitted(address: bytes, block: LightBlock) -> Precommitted:
    return Precommitted(
        header=block.header,
        parts=block.parts,
        part_root=block.part_root,
        round=block.commit.round,
        signature=_signatures(block)[address],
    )


def _signatures(block: LightBlock) -> dict[bytes, bytes]:
    pairs = zip(block.validators.validators, block.commit.slots, strict=True)
    return {member.address: slot.signature for member, slot in pairs if slot.flag == FOR_BLOCK}


def _check_twice_signed(
    terms: Terms, block: LightBlock, own: LightBlock, verify: Verify
) -> tuple[bytes, ...]:
    """Two blocks of one height that differ in what a proposer may choose.

    The set beside the block must be the one that signed: it says whose the slots are.
    """
    if is_made_up(block.header, own.header):
        raise Distrust(WRONG_COMMON, f"block {block.height} is made up: it has an earlier parent")
    check_own_word(terms, block)
    try:
        check_commit(block.header.chain_id, own.validators, block.commit, verify)
    except InvalidBlock as fault:
        raise Distrust(NOT_SIGNED, str(fault)) from fault
    if not proofs_of(block, own):
        return ()
    both = [one for one in signers_in(own.validators, block) if one in _signers(own)]
    return _in_order(own.validators, both)


def _check_made_up(
    terms: Terms, common: LightBlock, block: LightBlock, own: LightBlock, verify: Verify
) -> None:
    """A third of the common set signed it. No clock is asked: evidence has an age limit of its own."""
    if own.height == block.height and not is_made_up(block.header, own.header):
        raise Distrust(WRONG_COMMON, f"block {block.height} is not made up")
    timeless = Terms(chain_id=terms.chain_id, period=Millis(1), drift=block.time)
    check_next(timeless, common, block, common.time, verify)


def _signers(block: LightBlock) -> list[bytes]:
    return signers_in(block.validators, block)


def _in_order(known: ValidatorSet, addresses: list[bytes]) -> tuple[bytes, ...]:
    return tuple(row.address for row in known.validators if row.address in addresses)
