"""Subscribers: each reads the read model page by page at its own pace; nothing is queued for anybody.

Whoever is slow sees later what others saw sooner, and costs a page. Those who wait for the same next
events share one question and its answer: a block costs one look, however many follow the blocks.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

import trio

from tfchain.errors import Unavailable
from tfchain.node.heads import Heads
from tfchain.web.api.parameters import Values
from tfchain.web.api.topics import PAGE, Event, Place, Topic, events_after
from tfchain.web.asking import Ask

SUBSCRIBERS_MAX: Final = 512
KEPT_PAGES_MAX: Final = 64
KEPT_CHARS_MAX: Final = 256 * 1024
"""A page that is longer is read anew for each who wants it."""
QUIET_S: Final = 15.0
"""After so long without an event, a sign of life is sent."""
AGAIN_S: Final = 1.0
"""Before a read model that had no time is asked again."""

Page: TypeAlias = list[Event]
Key: TypeAlias = tuple[object, ...]


class Shared:
    """Pages that several ask for at once, asked for once."""

    def __init__(self, ask: Ask, chars_max: int = KEPT_CHARS_MAX) -> None:
        self._ask = ask
        self._chars_max = chars_max
        self._kept: OrderedDict[Key, Page] = OrderedDict()
        self._under_way: dict[Key, trio.Event] = {}
        self.asked = 0
        """How often the read model was asked."""

    async def page(self, key: Key, question: Callable[..., Page]) -> Page:
        """The page of this key; raises `Unavailable`."""
        while key not in self._kept:
            under_way = self._under_way.get(key)
            if under_way is None:
                return await self._asked(key, question)
            await under_way.wait()
        return self._kept[key]

    async def _asked(self, key: Key, question: Callable[..., Page]) -> Page:
        done = self._under_way[key] = trio.Event()
        try:
            self.asked += 1
            page = await self._ask(question)
        finally:  # whoever waits looks again, and asks if this one could not
            del self._under_way[key]
            done.set()
        if sum(len(event.text) for event in page) <= self._chars_max:
            self._kept[key] = page
            while len(self._kept) > KEPT_PAGES_MAX:
                self._kept.popitem(last=False)
        return page


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """What one subscriber follows, and from where on."""

    topic: Topic
    values: Values
    after: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """Where all subscriptions read, and room for them."""

    shared: Shared
    heads: Heads
    seats: trio.CapacityLimiter
    quiet_s: float = QUIET_S

    def take_seat(self) -> trio.CapacityLimiter:
        """Room for one more; raises `Unavailable` if there is none."""
        if self.seats.available_tokens < 1:
            what = f"{self.seats.total_tokens:g} subscribers follow"
            raise Unavailable(what, "the stream of events", "try again later")
        return self.seats

    async def follow(
        self,
        one: Subscription,
        give: Callable[[Event], Awaitable[None]],
        idle: Callable[[int], Awaitable[None]],
    ) -> None:
        """Give every event, for ever; `idle` hears of the height when there is none for a while."""
        after = one.after
        while True:
            height = self.heads.current
            page = await self._page(one, after, height)
            for event in page:
                await give(event)
                after = event.place
            if len(page) < PAGE:
                await self._wait(height, idle)

    async def _page(self, one: Subscription, after: Place, height: int) -> Page:
        """All up to `height`, or a whole page; a read model that is busy is asked again."""
        key = (one.topic.path, *one.values.values(), after, height)
        question = partial(events_after, topic=one.topic, values=one.values, after=after)
        while True:
            try:
                return await self.shared.page(key, question)
            except Unavailable:
                await trio.sleep(AGAIN_S)

    async def _wait(self, height: int, idle: Callable[[int], Awaitable[None]]) -> None:
        while True:
            with trio.move_on_after(self.quiet_s):
                await self.heads.wait_for(height + 1)
                return
            await idle(height)
