"""Who votes with how much power, and whose turn it is to propose.

Weighted round robin: each step every priority grows by its validator's power, the greatest proposes
and loses the total. A set is kept *between the two halves of a step*, powers added and the total not
yet taken, so that the greatest priority names the proposer and nothing else need be stored: whoever
knows the priorities under `priorities_hash` knows the proposer (consensus 1.3, P31).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Final

from tfchain.base import merkle
from tfchain.base.codec import encode
from tfchain.base.crypto import KEY_BYTES, digest
from tfchain.base.last import of_last
from tfchain.base.limits import COMMIT_SLOTS_MAX
from tfchain.base.shapes import Blob, Many, Nested, UInt
from tfchain.base.units import Address, Power, Round
from tfchain.errors import Malformed

VALIDATOR_ADDRESS_BYTES: Final = 20

POWER_TOTAL_MAX: Final = ((1 << 63) - 1) // 8
"""Priorities stay within a few totals of 0, so that they fit 64 signed bits (consensus 1.3.7)."""

PROPOSER_ROUNDS_MAX: Final = 4 * COMMIT_SLOTS_MAX
"""Rounds after which the order of a height starts again.

Finding a proposer costs a step per round. A height that needs more than a thousand rounds has lasted
most of a day; all it needs then is that everybody agrees whose turn it is, and that every validator
of ordinary power has turns. It also bounds what a message with a hostile round can cost.
"""

TURNS_KEPT_MAX: Final = 64
"""Orders of turns whose hashes are remembered: validators of equal power come back to the same few."""

ValidatorAddress = Annotated[bytes, Blob(VALIDATOR_ADDRESS_BYTES, VALIDATOR_ADDRESS_BYTES)]
_Priority = UInt(-(1 << 63), (1 << 63) - 1)
_Positive = UInt(1, POWER_TOTAL_MAX)


def validator_address(key: bytes) -> bytes:
    """The 20 bytes that name a validator key in headers and votes' evidence."""
    return digest(b"tf/val-address", key)[:VALIDATOR_ADDRESS_BYTES]


@dataclass(frozen=True, slots=True, kw_only=True)
class Validator:
    """One member: its key, its weight and where its fees go (P24, P25)."""

    address: ValidatorAddress
    key: Address
    power: Annotated[Power, _Positive]
    reward_account: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatorSet:
    """The members in order of address, and beside each its priority.

    The set of height H is the set of genesis stepped H - 1 times, its members changed on the way.
    """

    validators: Annotated[tuple[Validator, ...], Many(Nested(Validator), COMMIT_SLOTS_MAX)]
    priorities: Annotated[tuple[int, ...], Many(_Priority, COMMIT_SLOTS_MAX)]

    def total_power(self) -> int:
        """The power of all members together."""
        return sum(member.power for member in self.validators)

    def quorum(self) -> int:
        """The least power that is more than two thirds of the total (consensus 1.1.12)."""
        return quorum_of(self.total_power())

    def index_of(self, address: bytes) -> int | None:
        """The place of a member in the set; None for a stranger."""
        for index, member in enumerate(self.validators):
            if member.address == address:
                return index
        return None

    def hash(self) -> bytes:
        """The header's `validators_hash`: who votes with what, whoever's turn it is (P31)."""
        return _members_hash(self.validators)

    def priorities_hash(self) -> bytes:
        """The header's `priorities_hash`: whose turn comes when (P31, consensus 1.3.6)."""
        pairs = zip(self.validators, self.priorities, strict=True)
        return _priorities_root(tuple((row.address, row.power, turn) for row, turn in pairs))

    def stepped(self) -> "ValidatorSet":
        """The set one turn later: that of the next height, or of the next round (1.3.1, 1.3.5)."""
        powers = [member.power for member in self.validators]
        priorities = tuple(_step(powers, self.priorities))
        return ValidatorSet(validators=self.validators, priorities=priorities)

    def followed(self, members: tuple[Validator, ...]) -> "ValidatorSet":
        """The set one turn later, once `members` (in order of address) have taken its place.

        Whoever stays keeps its priority; whoever joins starts 1.125 totals back, so that nobody
        jumps the queue by leaving and coming again (1.3.3). The total is that with those who leave.
        """
        stay = {member.address: member.power for member in members}
        gone = sum(row.power for row in self.validators if row.address not in stay)
        total = sum(stay.values())
        start = -(total + gone + ((total + gone) >> 3))
        powers = [member.power for member in self.validators]
        addresses = [member.address for member in self.validators]
        known = dict(zip(addresses, _taken(powers, self.priorities), strict=True))
        priorities = [known.get(member.address, start) for member in members]
        priorities = _centred(_rescaled(priorities, 2 * total))
        grown = _grow([member.power for member in members], priorities)
        return ValidatorSet(validators=members, priorities=tuple(grown))

    def proposer(self, round: Round) -> Validator:  # noqa: A002 -- the paper's word
        """Whose turn it is in a round of this set's height (1.3.5)."""
        return self.validators[self.proposer_index(round)]

    def proposer_index(self, round: Round) -> int:  # noqa: A002 -- the paper's word
        """The place of that proposer. Rounds repeat after `PROPOSER_ROUNDS_MAX`."""
        assert round >= 0, "rounds count from 0"
        powers = [member.power for member in self.validators]
        priorities: Sequence[int] = self.priorities
        for _ in range(round % PROPOSER_ROUNDS_MAX):
            priorities = _step(powers, priorities)
        return _greatest(priorities)


@lru_cache(TURNS_KEPT_MAX)
def _priorities_root(rows: tuple[tuple[bytes, int, int], ...]) -> bytes:
    """Address, power and priority of each: whose turn comes when (P31, consensus 1.3.6)."""
    return merkle.root(b"priorities", [encode([*row]) for row in rows])


def genesis_set(validators: Sequence[Validator]) -> ValidatorSet:
    """The set of height 1: sorted by address, all priorities from 0, the first turn given.

    Raises:
        Malformed: nobody, too many, one key twice, an address that is not its key's, no power, or
            more power together than `POWER_TOTAL_MAX`.
    """
    members = tuple(sorted(validators, key=lambda member: member.address))
    if not 0 < len(members) <= COMMIT_SLOTS_MAX:
        raise Malformed(f"1 to {COMMIT_SLOTS_MAX} validators are due, not {len(members)}")
    for member in members:
        _check_member(member)
    if any(one.address == other.address for one, other in pairwise(members)):
        raise Malformed("a validator is named twice")
    if sum(member.power for member in members) > POWER_TOTAL_MAX:
        raise Malformed(f"validators have more power together than {POWER_TOTAL_MAX}")
    powers = [member.power for member in members]
    return ValidatorSet(validators=members, priorities=tuple(_grow(powers, [0] * len(powers))))


@of_last
def _members_hash(members: tuple[Validator, ...]) -> bytes:
    rows = [encode([row.address, row.key, row.power]) for row in members]
    return merkle.root(b"validators", rows)


def _check_member(member: Validator) -> None:
    if len(member.key) != KEY_BYTES or member.address != validator_address(member.key):
        raise Malformed("a validator's address is not that of its key")
    if member.power < 1:
        raise Malformed(f"validator {member.address.hex()} has no power")


def quorum_of(total: int) -> int:
    """The least integer above two thirds of `total`. No floats: 4 needs 3, 3 needs 3, 7 needs 5."""
    return 2 * total // 3 + 1


def _step(powers: Sequence[int], priorities: Sequence[int]) -> list[int]:
    """The second half of a turn, the upkeep, and the first half of the next."""
    taken = _taken(powers, priorities)
    return _grow(powers, _centred(_rescaled(taken, 2 * sum(powers))))


def _taken(powers: Sequence[int], priorities: Sequence[int]) -> list[int]:
    taken = list(priorities)
    taken[_greatest(taken)] -= sum(powers)
    return taken


def _grow(powers: Sequence[int], priorities: Sequence[int]) -> list[int]:
    return [priority + power for priority, power in zip(priorities, powers, strict=True)]


def _greatest(priorities: Sequence[int]) -> int:
    """The place of the greatest; of equals the first, which has the smallest address (1.3.1)."""
    return priorities.index(max(priorities))


def _rescaled(priorities: Sequence[int], spread_max: int) -> list[int]:
    """Brought closer together once they lie further apart than two totals (1.3.2)."""
    spread = max(priorities) - min(priorities)
    if spread <= spread_max:
        return list(priorities)
    ratio = div_ceil(spread, spread_max)
    return [div_toward_zero(priority, ratio) for priority in priorities]


def _centred(priorities: Sequence[int]) -> list[int]:
    """Around 0 again, so that the sum cannot drift out of range (1.3.2)."""
    average = div_down(sum(priorities), len(priorities))
    return [priority - average for priority in priorities]


def div_ceil(value: int, by: int) -> int:
    """Rounded up."""
    assert by > 0
    return -(-value // by)


def div_toward_zero(value: int, by: int) -> int:
    """Rounded toward zero, as the reference rescales: -7 by 2 is -3 and not `//`'s -4 (1.3.4)."""
    assert by > 0
    return value // by if value >= 0 else -(-value // by)


def div_down(value: int, by: int) -> int:
    """Rounded down, as the reference averages: -7 by 2 is -4, the remainder is never negative."""
    assert by > 0
    return value // by
