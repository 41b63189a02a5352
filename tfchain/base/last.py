"""Answers about the object that was asked about last: for frozen records that many ask about in a row.

A cache by value would have to hash the whole record each time, which takes longer than the answer.
"""

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def of_last(answer: Callable[[T], R]) -> Callable[[T], R]:
    """`answer`, which is not asked again about the very object that it was asked about last.

    Only for what never changes. Nothing but that object is kept alive.
    """
    last: tuple[T, R] | None = None

    def ask(asked: T) -> R:
        nonlocal last
        known = last  # once: another thread may put another pair there
        if known is None or known[0] is not asked:
            known = last = (asked, answer(asked))
        return known[1]

    return ask
