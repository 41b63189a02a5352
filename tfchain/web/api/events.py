"""Server-sent events and WebSocket: the same events under the same paths, two ways to carry them."""

import json
from collections.abc import Sequence
from functools import partial
from typing import Final

import trio
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from tfchain.errors import Malformed, Unavailable
from tfchain.node.answers import error
from tfchain.node.heads import Heads
from tfchain.web.api.following import SUBSCRIBERS_MAX, Feed, Shared, Subscription
from tfchain.web.api.leaving import Give, Written
from tfchain.web.api.parameters import Number, Parameter, Text, read_all
from tfchain.web.api.topics import ID_CHARS_MAX, TOPICS, Event, Topic, before, place_of
from tfchain.web.asking import Ask

SSE_TYPE: Final = "text/event-stream"
_HEADERS: Final = {
    "content-type": SSE_TYPE,
    "cache-control": "no-cache",
    "x-accel-buffering": "no",  # a proxy before us shall hand on what comes
}
RETRY_MS: Final = 1_000
NOBODY_LISTENS: Final = 1008
"""WebSocket's code for whoever says something."""
FROM: Final = Parameter(
    name="from", sort=Number(), about="the height to begin with; by default the next block's"
)
LAST_ID: Final = Parameter(
    name="last_event_id",
    sort=Text(ID_CHARS_MAX),
    about="the id of the last event that is there; the header Last-Event-ID says the same",
)


def feed_of(ask: Ask, heads: Heads) -> Feed:
    """Where the subscribers of a web read."""
    seats = trio.CapacityLimiter(SUBSCRIBERS_MAX)
    return Feed(shared=Shared(ask), heads=heads, seats=seats)


def routes(feed: Feed, topics: Sequence[Topic] = TOPICS) -> list[BaseRoute]:
    """Both ways to each topic."""
    found: list[BaseRoute] = []
    for topic in topics:
        found += [
            Route(topic.path, partial(_events, feed=feed, topic=topic), methods=["GET"]),
            WebSocketRoute(topic.path, partial(_socket, feed=feed, topic=topic)),
        ]
    return found


def parameters_of(topic: Topic) -> tuple[Parameter, ...]:
    """What may be asked of a topic."""
    own = () if topic.parameter is None else (topic.parameter,)
    return (*own, FROM, LAST_ID)


def subscription(connection: HTTPConnection, feed: Feed, topic: Topic) -> Subscription:
    """What a request wants to follow; raises `Malformed`."""
    query = connection.query_params.multi_items()
    values = read_all(parameters_of(topic), connection.path_params, query)
    last = connection.headers.get("last-event-id") or values["last_event_id"]
    start = values["from"]
    if last is not None:
        after = place_of(topic, str(last))
    else:
        after = before(topic, start if type(start) is int else feed.heads.current + 1)
    own = {} if topic.parameter is None else {topic.parameter.name: values[topic.parameter.name]}
    return Subscription(topic=topic, values=own, after=after)


async def _events(request: Request, feed: Feed, topic: Topic) -> Response | Written:
    one = subscription(request, feed, topic)
    if request.method == "HEAD":
        return Response(headers=_HEADERS)
    return Written(partial(_write, feed, one), feed.take_seat(), _HEADERS)


async def _write(feed: Feed, one: Subscription, give: Give) -> None:
    async def event(found: Event) -> None:
        await give(f"id: {found.id}\nevent: {one.topic.event}\ndata: {found.text}\n\n".encode())

    async def idle(height: int) -> None:
        await give(f": at {height}\n\n".encode())

    await give(f"retry: {RETRY_MS}\n\n".encode())
    await feed.follow(one, event, idle)


async def _socket(socket: WebSocket, feed: Feed, topic: Topic) -> None:
    """One JSON object an event: `id`, `event`, and its fields under `fields`."""
    try:
        one, seats = subscription(socket, feed, topic), feed.take_seat()
    except Malformed as fault:
        await _deny(socket, fault, 400)
        return
    except Unavailable as fault:
        await _deny(socket, fault, 503)
        return
    async with seats, trio.open_nursery() as nursery:
        await socket.accept()
        nursery.start_soon(_listen, socket, nursery.cancel_scope)
        try:
            await _tell(socket, feed, one)
        except WebSocketDisconnect:
            nursery.cancel_scope.cancel()


async def _deny(socket: WebSocket, fault: Exception, code: int) -> None:
    await socket.send_denial_response(JSONResponse(error(str(fault)), code))


async def _tell(socket: WebSocket, feed: Feed, one: Subscription) -> None:
    name = json.dumps(one.topic.event)

    async def event(found: Event) -> None:
        await socket.send_text(f'{{"id":"{found.id}","event":{name},"fields":{found.text}}}')

    async def idle(height: int) -> None:
        await socket.send_text(f'{{"event":"idle","fields":{{"height":{height}}}}}')

    await feed.follow(one, event, idle)


async def _listen(socket: WebSocket, scope: trio.CancelScope) -> None:
    """End when the reader goes; one that speaks is told that nobody listens."""
    if (await socket.receive())["type"] != "websocket.disconnect":
        await socket.close(NOBODY_LISTENS)
    scope.cancel()
