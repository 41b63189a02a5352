"""Changes that validators propose and vote on: who is one, with how much power, by which constants.

Until the farmers have their own assembly, more than two thirds of the validators' power decides.
"""

from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias

from tfchain.base.codec import Plain
from tfchain.base.limits import COMMIT_SLOTS_MAX
from tfchain.base.shapes import U16, U32, U64, Blob, Many, Nested, Text, UInt, layout
from tfchain.base.units import Address, Height, Power, Seconds, Utft
from tfchain.errors import Malformed
from tfchain.ledger.validators import POWER_TOTAL_MAX, ValidatorAddress

OPEN: Final = 0
CARRIED: Final = 1
EXPIRED: Final = 2
"""States of a change."""
OPEN_MAX: Final = 32
"""Changes that are voted on at once."""

ANY_POWER: Final = UInt(0, POWER_TOTAL_MAX)
SOME_POWER: Final = UInt(1, POWER_TOTAL_MAX)
CONSTANT_NAME: Final = Text(1, 64, "abcdefghijklmnopqrstuvwxyz._")
RELEASE: Final = Text(1, 64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """A new validator; its bond was taken when it was proposed."""

    key: Address
    power: Annotated[Power, SOME_POWER]
    bond: Utft
    reward_account: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPower:
    """Another power for a validator; 0 votes it out, any other takes it out of jail."""

    validator: ValidatorAddress
    power: Annotated[Power, ANY_POWER]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetConstant:
    """Another value for a constant, named as in the genesis file: `consensus.propose`."""

    name: Annotated[str, CONSTANT_NAME]
    value: U64


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """From `height` on the chain runs by rule set `rules`, which `release` is the first to know."""

    height: Height
    rules: U16
    release: Annotated[str, RELEASE]


Action: TypeAlias = Join | SetPower | SetConstant | Upgrade

ACTIONS: Final[tuple[type[Action], ...]] = (Join, SetPower, SetConstant, Upgrade)
"""An action's tag in its bytes is its place here; the order never changes."""


@dataclass(frozen=True, slots=True)
class AnyAction:
    """The shape of an action: `[tag, record]`."""

    def pack(self, value: object) -> Plain:
        cls = type(value)
        assert isinstance(value, ACTIONS), value
        return [ACTIONS.index(cls), layout(cls).pack(value)]

    def unpack(self, plain: Plain) -> Action:
        if type(plain) is not list or len(plain) != 2 or type(plain[0]) is not int:
            raise Malformed("a tag and an action are due")
        if not 0 <= plain[0] < len(ACTIONS):
            raise Malformed(f"there is no action {plain[0]}")
        return layout(ACTIONS[plain[0]]).unpack(plain[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What was proposed, by whom, and what became of it. `yes`: the accounts that voted for it."""

    id: U32
    action: Annotated[Action, AnyAction()]
    force: bool
    """Whether it may shift a third of the power in one block."""
    proposer: Address
    opened: Height
    until: Seconds
    state: Annotated[int, UInt(OPEN, EXPIRED)]
    closed: Height
    """0 while it is open."""
    yes: Annotated[tuple[Address, ...], Many(Blob(32, 32), COMMIT_SLOTS_MAX)]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenChange:
    """What a block asks about a change that is voted on."""

    id: U32
    until: Seconds
    guest: bool
    """Proposed by somebody who has no vote: a validator that wants to join."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agenda:
    """The last id given, and the changes that are voted on, oldest first."""

    last: U32
    open: Annotated[tuple[OpenChange, ...], Many(Nested(OpenChange), OPEN_MAX)]
