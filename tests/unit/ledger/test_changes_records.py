"""Proposed changes as bytes: an action of a known sort, or nothing."""

import pytest

from tfchain.base.codec import encode
from tfchain.base.shapes import decode_record, encode_record
from tfchain.base.units import Address, Height, Power, Seconds, Utft
from tfchain.errors import Malformed
from tfchain.ledger.changes import (
    OPEN,
    Action,
    AnyAction,
    Change,
    Join,
    SetConstant,
    SetPower,
    Upgrade,
)

KEY = Address(b"k" * 32)
ACTIONS: list[Action] = [
    Join(key=KEY, power=Power(3), bond=Utft(5), reward_account=KEY),
    SetPower(validator=b"v" * 20, power=Power(0)),
    SetConstant(name="consensus.propose", value=7),
    Upgrade(height=Height(9), rules=2, release="0.2"),
]


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: type(action).__name__)
def test_a_change_comes_back_from_its_bytes(action: Action) -> None:
    change = Change(
        id=1,
        action=action,
        force=True,
        proposer=KEY,
        opened=Height(4),
        until=Seconds(99),
        state=OPEN,
        closed=Height(0),
        yes=(KEY,),
    )
    assert decode_record(Change, encode_record(change)) == change


@pytest.mark.parametrize(
    ("plain", "named"),
    [
        (None, "a tag and an action"),
        ([0], "a tag and an action"),
        (["0", [1]], "a tag and an action"),
        ([True, [1]], "a tag and an action"),
        ([4, [1]], "there is no action 4"),
        ([-1, [1]], "there is no action -1"),
        ([0, [1]], "Join"),
        ([0, [1, KEY, 0, 5, KEY]], "Join.power"),
        ([1, [1, b"v" * 19, 0]], "SetPower.validator"),
        ([2, [1, "Consensus", 0]], "SetConstant.name"),
        ([3, [1, 1, 1, ""]], "Upgrade.release"),
    ],
)
def test_any_other_action_is_malformed(plain: object, named: str) -> None:
    encode(plain)  # type: ignore[arg-type]
    with pytest.raises(Malformed, match=named):
        AnyAction().unpack(plain)  # type: ignore[arg-type]
