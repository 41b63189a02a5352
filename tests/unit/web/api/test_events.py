"""Events: none lost and none twice, wherever a reader breaks off; who takes nothing is dropped."""

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tfchain.errors import Malformed, Unavailable
from tfchain.index.model import Model, opened_model
from tfchain.node.heads import Heads
from tfchain.web.api import events, following
from tfchain.web.api.following import Feed, Shared, Subscription
from tfchain.web.api.leaving import Written
from tfchain.web.api.parameters import Values
from tfchain.web.api.topics import (
    BATCHES,
    BLOCKS,
    MINTS,
    REPORTS,
    TOPICS,
    TRANSACTIONS,
    Event,
    Topic,
    before,
    events_after,
    place_of,
)
from tfchain.web.asking import Asking

FARMER: Final = "5DR2AMFR8BQ9ZhW33NaEDH7uqrsVzu7zpXoDR6Kk7PcLPuUd"
OWN: Final[dict[str, Values]] = {
    TRANSACTIONS.path: {"account": FARMER},
    REPORTS.path: {"node_id": 1},
}
COUNTS: Final = {
    BLOCKS.path: "SELECT count(*) FROM blocks",
    TRANSACTIONS.path: f"SELECT count(*) FROM account_txs WHERE account = '{FARMER}'",
    REPORTS.path: "SELECT count(*) FROM lines WHERE node_id = 1",
    BATCHES.path: "SELECT count(*) FROM batch_moves",
    MINTS.path: "SELECT count(*) FROM mints",
}
NAMES: Final = [topic.event for topic in TOPICS]


def all_of(model: Model, topic: Topic, limit: int = 10_000) -> list[Event]:
    connection = model._connection
    factory = connection.row_factory
    try:
        connection.row_factory = sqlite3.Row
        own = OWN.get(topic.path, {})
        return events_after(connection, topic, own, before(topic, 0), limit)
    finally:
        connection.row_factory = factory


@asynccontextmanager
async def feeding(model: Model, heads: Heads | None = None) -> AsyncIterator[Feed]:
    ask = Asking(model.path.parent)
    try:
        yield events.feed_of(ask, heads or Heads(model.height))
    finally:
        ask.close()


async def taken(feed: Feed, topic: Topic, after: tuple[int, ...], count: int) -> list[Event]:
    """The next events, so many."""
    found: list[Event] = []
    one = Subscription(topic=topic, values=OWN.get(topic.path, {}), after=after)

    async def idle(height: int) -> None:
        raise AssertionError("there is something to give")

    with trio.CancelScope() as enough:

        async def give(event: Event) -> None:
            found.append(event)
            if len(found) == count:
                enough.cancel()
                await trio.lowlevel.checkpoint()

        await feed.follow(one, give, idle)
    return found


@pytest.mark.parametrize("topic", TOPICS, ids=NAMES)
async def test_from_the_first_block_every_row_is_an_event(topic: Topic, shown: Model) -> None:
    [count] = shown._connection.execute(COUNTS[topic.path]).fetchone()
    async with feeding(shown) as feed:
        found = await taken(feed, topic, before(topic, 1), count)
    assert found == all_of(shown, topic)
    assert len({event.id for event in found}) == count > 0
    assert [event.place for event in found] == sorted(event.place for event in found)
    assert all(json.loads(event.text)["height"] == event.place[0] for event in found)


@pytest.mark.parametrize("topic", TOPICS, ids=NAMES)
async def test_after_any_event_it_goes_on_with_the_next(topic: Topic, shown: Model) -> None:
    """A reader that breaks off after each third event, and comes back with its id."""
    whole = all_of(shown, topic)
    again: list[Event] = []
    async with feeding(shown) as feed:
        after = before(topic, 1)
        while len(again) < len(whole):
            run = await taken(feed, topic, after, min(3, len(whole) - len(again)))
            again += run
            after = place_of(topic, run[-1].id)
    assert again == whole


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(number=st.integers(0, 4), height=st.integers(0, 93))
def test_a_height_begins_with_that_block(number: int, height: int, shown: Model) -> None:
    topic = TOPICS[number]
    whole = all_of(shown, topic)
    rest = [event for event in whole if event.place[0] >= height]
    skipped = len(whole) - len(rest)
    assert all(event.place > before(topic, height) for event in rest)
    assert all(event.place <= before(topic, height) for event in whole[:skipped])


async def test_while_blocks_come_nothing_is_lost_or_doubled(recorded: Any, tmp_path: Path) -> None:
    """Two follow from different heights while a third of the chain is taken in block by block."""
    with opened_model(tmp_path) as model:
        recorded.into(model, upto=60)
        heads = Heads(model.height)
        async with feeding(model, heads) as feed, trio.open_nursery() as nursery:
            found: dict[int, list[Event]] = {}

            async def read(start: int) -> None:
                found[start] = await taken(feed, BLOCKS, before(BLOCKS, start), 94 - start)

            nursery.start_soon(read, 1)
            nursery.start_soon(read, 61)
            while model.height < 93:
                recorded.into(model, run=1, upto=model.height + 1)
                heads.advance(model.height)
                await trio.testing.wait_all_tasks_blocked()
        whole = all_of(model, BLOCKS)
    assert found == {1: whole, 61: whole[60:]}


async def test_many_who_wait_for_the_same_cost_one_question(shown: Model) -> None:
    async with feeding(shown) as feed, trio.open_nursery() as nursery:
        for _ in range(200):
            nursery.start_soon(taken, feed, BLOCKS, before(BLOCKS, 1), 93)
    assert feed.shared.asked == 1


async def test_one_who_leaves_leaves_the_question_to_the_others(shown: Model) -> None:
    """Its question is cancelled with it; whoever waited for the answer asks itself."""
    asked: list[int] = []
    first = trio.Event()

    async def ask(question: Any) -> Any:
        asked.append(1)
        if len(asked) == 1:
            first.set()
            await trio.sleep_forever()
        return [Event(place=(1,), text="page")]

    shared = Shared(ask)
    got: list[Any] = []

    async def want() -> None:
        got.append(await shared.page(("key",), list))

    async with trio.open_nursery() as nursery:
        with trio.CancelScope() as leaving:
            async with trio.open_nursery() as inner:
                inner.start_soon(want)
                await first.wait()
                nursery.start_soon(want)
                await trio.testing.wait_all_tasks_blocked()
                leaving.cancel()
    assert ([page[0].text for page in got], len(asked)) == (["page"], 2)


async def test_pages_are_kept_within_a_bound() -> None:
    async def ask(question: Any) -> Any:
        return [Event(place=(1,), text="x" * 1_000)]

    shared = Shared(ask)
    for number in range(following.KEPT_PAGES_MAX + 5):
        await shared.page((number,), list)
    assert len(shared._kept) == following.KEPT_PAGES_MAX
    small = Shared(ask, chars_max=999)
    await small.page(("long",), list)
    assert not small._kept


@pytest.mark.parametrize("text", ["", "1.2.3", "x", "-1", "1.", "9" * 200, "1e3", "\u0661"])
def test_an_id_of_nothing_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        place_of(BLOCKS, text)


async def test_a_reader_that_goes_frees_its_seat() -> None:
    seats, gone = trio.CapacityLimiter(1), trio.Event()

    async def quiet(give: Any) -> None:
        await give(b"one")
        gone.set()
        await trio.sleep_forever()

    async def send(message: Any) -> None:
        await trio.lowlevel.checkpoint()

    async def receive() -> Any:
        await gone.wait()
        return {"type": "http.disconnect"}

    await Written(quiet, seats, {})({"type": "http"}, receive, send)
    assert seats.available_tokens == 1


async def test_one_subscriber_too_many_is_told_to_come_again(shown: Model) -> None:
    async with feeding(shown) as feed:
        seats = trio.CapacityLimiter(1)
        full = Feed(shared=feed.shared, heads=feed.heads, seats=seats)
        async with full.take_seat():
            with pytest.raises(Unavailable, match="1 subscribers follow"):
                full.take_seat()
