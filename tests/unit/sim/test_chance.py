"""Chance is a function of its name."""

import pytest

from tfchain.sim.chance import Chance


def _draws(chance: Chance) -> list[int]:
    return [chance.between(0, 1_000_000) for _ in range(5)]


def test_equal_names_draw_alike() -> None:
    assert _draws(Chance("7")) == _draws(Chance("7")) != _draws(Chance("8"))


def test_these_draws_never_change() -> None:
    """Else a seed that somebody wrote down shows something else tomorrow."""
    chance = Chance("pinned")
    assert [chance.between(0, 99) for _ in range(4)] == [46, 24, 32, 75]


def test_branches_do_not_disturb_each_other() -> None:
    one, other = Chance("7"), Chance("7")
    one.branch("a").between(0, 9)
    assert _draws(one.branch("b")) == _draws(other.branch("b"))
    assert _draws(one) == _draws(other)


@pytest.mark.parametrize(("per_mille", "answer"), [(0, False), (1_000, True)])
def test_the_impossible_and_the_certain(per_mille: int, answer: bool) -> None:
    chance = Chance("7")
    assert [chance.happens(per_mille) for _ in range(50)] == [answer] * 50


def test_picks_and_orders_are_of_what_is_there() -> None:
    chance = Chance("7")
    assert {chance.pick("abc") for _ in range(50)} == {"a", "b", "c"}
    assert sorted(chance.shuffled(range(9))) == list(range(9))
