"""The light client's judgement: which header to trust, given one that is trusted already (1.17).

Trust begins with a height and a block id that a person was told, and goes along headers that enough
of the known validators signed. Pure and total: time is an argument, every fault has a code, and what
a stranger sends is checked cheapest first (1.17.6).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from tfchain.base.crypto import HASH_BYTES
from tfchain.base.units import MS_PER_S, Height, Millis, Seconds
from tfchain.errors import InvalidBlock
from tfchain.ledger.commit import FOR_BLOCK, Verify, check_commit
from tfchain.ledger.light import LightBlock, id_of
from tfchain.ledger.validators import POWER_TOTAL_MAX, ValidatorSet, validator_address

DRIFT: Final = Millis(10_000)
"""How far ahead of our own clock a header's time may be (1.17.1)."""
DAY: Final = Millis(24 * 3_600 * 1_000)
TRUST_PERIOD: Final = Millis(DAY)
"""How old a trusted header may be: less than the evidence window, so that whoever signs another
history meanwhile still has something to lose (P37)."""

HOPS_MAX: Final = 1_000
"""Headers trusted on the way to one target; who needs more starts from a newer one."""

ANOTHER_CHAIN: Final = "another_chain"
NOT_LATER: Final = "not_later"
FROM_THE_FUTURE: Final = "from_the_future"
EXPIRED: Final = "expired"
STRANGE_SET: Final = "strange_set"
STRANGE_COMMIT: Final = "strange_commit"
STRANGE_PRIORITIES: Final = "strange_priorities"
NOT_THE_NEXT_SET: Final = "not_the_next_set"
NOT_LINKED: Final = "not_linked"
NOT_SIGNED: Final = "not_signed"
TOO_FAR: Final = "too_far"
WRONG_HEIGHT: Final = "wrong_height"
WRONG_HASH: Final = "wrong_hash"
TOO_MANY_HOPS: Final = "too_many_hops"


class Distrust(InvalidBlock):
    """A header that must not be trusted on these grounds; `code` says why and is stable."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On what terms a header is trusted.

    `level`: the part of the known set's power that must have signed a header further up, as
    (numerator, denominator) from 1/3 to 1 (1.17.3).
    """

    chain_id: str
    level: tuple[int, int] = (1, 3)
    period: Millis = TRUST_PERIOD
    drift: Millis = DRIFT

    def __post_init__(self) -> None:
        """A level outside of [1/3, 1] is a bug of the caller's."""
        part, whole = self.level
        assert 0 < whole <= 3 * part <= 3 * whole, self.level


def period_of(window: Seconds) -> Millis:
    """How old a trusted header may be where evidence counts for `window`: a day, or less (P37)."""
    return Millis(min(TRUST_PERIOD, window * MS_PER_S * 2 // 3))


def check_anchor(
    terms: Terms, block: LightBlock, height: Height, block_id: bytes, verify: Verify
) -> None:
    """Whether this is the block that somebody was told to trust: its height, its id, its set.

    The id says nothing of the signatures beside it, which may be stored and shown to others.

    Raises:
        Distrust: it is not.
    """
    if block.height != height:
        raise Distrust(WRONG_HEIGHT, f"height {height} was asked for, not {block.height}")
    if len(block_id) != HASH_BYTES or id_of(block) != block_id:
        raise Distrust(WRONG_HASH, f"block {height} is {id_of(block).hex()}, not {block_id.hex()}")
    check_own_word(terms, block)
    _check_signed(block, verify)


def check_next(
    terms: Terms, trusted: LightBlock, block: LightBlock, now: Millis, verify: Verify
) -> None:
    """Trust `block` because of `trusted`, further down (1.17.1 to 1.17.3).

    The very next one must have the set that the trusted header announced. Of one further up, at
    least the trust level of the known set's power must have signed, nobody counted twice, and more
    than two thirds of its own.

    Raises:
        Distrust: with `TOO_FAR` the sets have too little in common: try one in between.
    """
    _check_times(terms, trusted, block, now)
    check_own_word(terms, block)
    if block.height == trusted.height + 1:
        if block.header.validators_hash != trusted.header.next_validators_hash:
            raise Distrust(NOT_THE_NEXT_SET, f"block {block.height} has another set than announced")
        if block.header.last_block_id != id_of(trusted):
            raise Distrust(NOT_LINKED, f"block {block.height} stands on another block")
    else:
        _check_overlap(terms, trusted.validators, block)
    _check_signed(block, verify)


def check_previous(terms: Terms, trusted: LightBlock, block: LightBlock, verify: Verify) -> None:
    """Trust the block right below `trusted`, which names its id (1.17.4).

    A link does not age: whoever would forge what lies below must find another block of one hash.

    Raises:
        Distrust: it is not the one.
    """
    if block.height + 1 != trusted.height:
        raise Distrust(WRONG_HEIGHT, f"block {trusted.height - 1} is due, not {block.height}")
    if id_of(block) != trusted.header.last_block_id:
        raise Distrust(NOT_LINKED, f"block {trusted.height} does not stand on this {block.height}")
    check_own_word(terms, block)
    _check_signed(block, verify)


def check_priorities(block: LightBlock) -> None:
    """Whether the set's priorities are those of the header: only who goes on to vote needs them.

    Raises:
        Distrust: they are not (1.17.6).
    """
    if block.validators.priorities_hash() != block.header.priorities_hash:
        raise Distrust(STRANGE_PRIORITIES, f"block {block.height}: not the header's priorities")


def _check_times(terms: Terms, trusted: LightBlock, block: LightBlock, now: Millis) -> None:
    if block.height <= trusted.height or block.time <= trusted.time:
        raise Distrust(NOT_LATER, f"block {block.height} is not after {trusted.height}")
    if block.time > now + terms.drift:
        raise Distrust(FROM_THE_FUTURE, f"block {block.height} is {block.time - now} ms ahead")
    if trusted.time + terms.period <= now:
        age = now - trusted.time
        raise Distrust(EXPIRED, f"the trusted header {trusted.height} is {age} ms old")


def check_own_word(terms: Terms, block: LightBlock) -> None:
    """Whether what a light block says of itself fits together; no signature is looked at.

    Raises:
        Distrust: it does not.
    """
    header, commit = block.header, block.commit
    if header.chain_id != terms.chain_id:
        raise Distrust(ANOTHER_CHAIN, f"block {block.height} is of {header.chain_id}")
    if not _is_a_set(block.validators) or block.validators.hash() != header.validators_hash:
        raise Distrust(STRANGE_SET, f"block {block.height}: its set is not the header's")
    if (commit.height, commit.block_id) != (block.height, id_of(block)):
        raise Distrust(STRANGE_COMMIT, f"block {block.height}: its commit is for another block")


def _is_a_set(members: ValidatorSet) -> bool:
    """Each member once, under the address of its key, with a power that can be summed up."""
    rows = members.validators
    if not rows or len(rows) != len(members.priorities):
        return False
    if any(one.address >= other.address for one, other in pairwise(rows)):
        return False
    if any(row.address != validator_address(row.key) for row in rows):
        return False
    return members.total_power() <= POWER_TOTAL_MAX


def signers_in(known: ValidatorSet, block: LightBlock) -> list[bytes]:
    """The addresses of a known set's members whose slot is for this block, each once.

    Slots must fit the block's own set. Signatures are not looked at.
    """
    pairs = zip(block.validators.validators, block.commit.slots, strict=True)
    signed = [member.address for member, slot in pairs if slot.flag == FOR_BLOCK]
    return [address for address in signed if known.index_of(address) is not None]


def power_in(known: ValidatorSet, addresses: Sequence[bytes]) -> int:
    """The power that these members have in a set."""
    return sum(member.power for member in known.validators if member.address in addresses)


def _check_overlap(terms: Terms, known: ValidatorSet, block: LightBlock) -> None:
    if len(block.commit.slots) != len(block.validators.validators):
        raise Distrust(NOT_SIGNED, f"block {block.height}: slots do not fit the set")
    part, whole = terms.level
    power = power_in(known, signers_in(known, block))
    if power * whole < known.total_power() * part:
        raise Distrust(
            TOO_FAR,
            f"block {block.height}: power {power} of the known {known.total_power()} signed",
        )


def _check_signed(block: LightBlock, verify: Verify) -> None:
    """More than two thirds of the block's own set signed it (1.17.2)."""
    try:
        check_commit(block.header.chain_id, block.validators, block.commit, verify)
    except InvalidBlock as fault:
        raise Distrust(NOT_SIGNED, str(fault)) from fault


class Climb:
    """From a trusted block to a target: which light block to fetch next, until it is trusted.

    Between the two it tries further down where the sets have too little in common, at 9/16 of the
    way (1.17.3). Holds at most one block a halving; `trace` has every block that was trusted.
    """

    def __init__(self, terms: Terms, trusted: LightBlock, target: Height) -> None:
        assert target >= trusted.height, "going down is check_previous"
        self._terms = terms
        self._target = target
        self._waiting: list[LightBlock] = []
        """Fetched and not trusted yet, the target first, each one nearer."""
        self.trace: list[LightBlock] = [trusted]
        self.wanted: Height | None = None if target == trusted.height else target
        """The height to fetch; None once the target is trusted."""

    @property
    def trusted(self) -> LightBlock:
        """The highest block that is trusted so far."""
        return self.trace[-1]

    def take(self, block: LightBlock, now: Millis, verify: Verify) -> None:
        """The block that was wanted.

        Raises:
            Distrust: it must not be trusted, or the way is too long. The climb is over then.
        """
        assert self.wanted is not None, "the target is trusted"
        if block.height != self.wanted:
            raise Distrust(WRONG_HEIGHT, f"height {self.wanted} is due, not {block.height}")
        self._waiting.append(block)
        while self._waiting and self._trusts(self._waiting[-1], now, verify):
            self.trace.append(self._waiting.pop())
            if len(self.trace) > HOPS_MAX:
                raise Distrust(TOO_MANY_HOPS, f"more than {HOPS_MAX} on the way to {self._target}")
        self.wanted = self._pivot() if self._waiting else None

    def _trusts(self, block: LightBlock, now: Millis, verify: Verify) -> bool:
        try:
            check_next(self._terms, self.trusted, block, now, verify)
        except Distrust as fault:
            if fault.code == TOO_FAR:
                return False
            raise
        return True

    def _pivot(self) -> Height:
        low, high = self.trusted.height, self._waiting[-1].height
        return Height(max(low + 1, low + (high - low) * 9 // 16))
