"""Where a chain goes on that begins with a snapshot: from three headers and the state (1.12.2)."""

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tfchain.base.crypto import public_key
from tfchain.base.units import Address, Power
from tfchain.chain.restored import Headers, restored_tip
from tfchain.errors import Divergence
from tfchain.ledger.light import id_of
from tfchain.ledger.validators import Validator

if TYPE_CHECKING:
    from tests.unit.conftest import LightChain

THREE = (1, 2, 3)
FOUR = (1, 2, 3, 4)
AT = 4
PURSE = Address(public_key(bytes([90]) * 32))

Rows = tuple[Validator, ...]


@pytest.fixture(scope="module")
def chain(light_chain: "type[LightChain]") -> "LightChain":
    """A fourth validator joins at the height after the next."""
    return light_chain([THREE] * (AT + 1) + [FOUR] * 2, salt=7, made_up_from=AT + 1)


@pytest.fixture
def headers(chain: "LightChain") -> Headers:
    return Headers(at=chain.at(AT), above=chain.at(AT + 1), beyond=chain.at(AT + 2))


@pytest.fixture
def members(headers: Headers) -> list[Rows]:
    """What the state says: the headers' sets, and that everybody is paid into one purse."""
    blocks = (headers.at, headers.above, headers.beyond)
    return [
        tuple(replace(one, reward_account=PURSE) for one in block.validators.validators)
        for block in blocks
    ]


def test_each_part_of_the_tip_comes_from_the_header_that_proves_it(
    headers: Headers, members: list[Rows]
) -> None:
    """1.12.2, 1.12.5."""
    tip = restored_tip(headers, members)
    assert (tip.height, tip.block_id, tip.time) == (AT, id_of(headers.at), headers.at.time)
    assert tip.state_root == headers.above.header.state_root != headers.at.header.state_root
    assert tip.results_root == headers.above.header.results_root
    sets = (tip.last_validators, tip.validators, tip.next_validators)
    assert [len(one.validators) for one in sets] == [3, 3, 4]
    assert [one.hash() for one in sets] == [
        block.header.validators_hash for block in (headers.at, headers.above, headers.beyond)
    ]


def test_whom_fees_go_to_is_the_states_word(headers: Headers, members: list[Rows]) -> None:
    tip = restored_tip(headers, members)
    for one in (tip.last_validators, tip.validators, tip.next_validators):
        assert {row.reward_account for row in one.validators} == {PURSE}


@pytest.mark.parametrize("place", [0, 1, 2], ids=["its own set", "the next", "the one after"])
@pytest.mark.parametrize("edit", ["another power", "one too few", "another order"])
def test_a_state_with_another_set_than_its_header_stops_us(
    headers: Headers, members: list[Rows], place: int, edit: str
) -> None:
    rows = members[place]
    members[place] = {
        "another power": (replace(rows[0], power=Power(rows[0].power + 1)), *rows[1:]),
        "one too few": rows[:-1],
        "another order": rows[::-1],
    }[edit]
    with pytest.raises(Divergence, match=rf"height {AT + place}: the state's validators are not"):
        restored_tip(headers, members)


def test_a_header_with_made_up_priorities_stops_us(headers: Headers, members: list[Rows]) -> None:
    """1.12.2, 1.17.6."""
    turned = replace(headers.above.validators, priorities=headers.above.validators.priorities[::-1])
    above = replace(headers.above, validators=turned)
    with pytest.raises(Divergence, match=rf"height {AT + 1}:"):
        restored_tip(replace(headers, above=above), members)
