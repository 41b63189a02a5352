"""The last answer is remembered, for the very object that it is about."""

from tfchain.base.last import of_last


def test_the_same_object_is_looked_at_once() -> None:
    asked: list[tuple[int, ...]] = []

    def total(numbers: tuple[int, ...]) -> int:
        asked.append(numbers)
        return sum(numbers)

    ask = of_last(total)
    one, equal = tuple(range(3)), tuple(range(3))
    assert [ask(one), ask(one)] == [3, 3]
    assert asked == [one]
    assert ask(equal) == 3
    assert len(asked) == 2
    assert ask((4,)) == 4
    assert ask(one) == 3
    assert len(asked) == 4


def test_an_answer_may_be_nothing() -> None:
    ask = of_last(lambda asked: asked or None)
    assert ask("") is None
    assert ask("a") == "a"
    assert ask("") is None
