"""Verdicts that an audit is still to hear: in order, and never too many of them under way."""

import pytest

from tfchain.chain.audit_signatures import AHEAD_MAX, SignaturesUnderWay, Verdicts
from tfchain.errors import InvalidBlock


def _blame(place: int) -> InvalidBlock:
    return InvalidBlock(f"signature {place}")


def _heard(heard: list[str], name: str, count: int, false: int = -1) -> Verdicts:
    def verdicts() -> list[bool]:
        heard.append(name)
        return [place != false for place in range(count)]

    return verdicts


def test_the_oldest_are_heard_once_too_many_are_under_way() -> None:
    under_way, heard = SignaturesUnderWay(), list[str]()
    under_way.add(AHEAD_MAX, _heard(heard, "first", AHEAD_MAX), _blame)
    assert (heard, under_way.genuine) == ([], 0)
    under_way.add(1, _heard(heard, "second", 1), _blame)
    assert (heard, under_way.genuine) == (["first"], AHEAD_MAX)
    under_way.settle()
    assert (heard, under_way.genuine) == (["first", "second"], AHEAD_MAX + 1)


def test_the_first_false_one_is_blamed() -> None:
    under_way = SignaturesUnderWay()
    under_way.add(3, _heard([], "first", 3), _blame)
    under_way.add(3, _heard([], "second", 3, false=1), _blame)
    with pytest.raises(InvalidBlock, match="signature 1"):
        under_way.settle()
    assert under_way.genuine == 3
