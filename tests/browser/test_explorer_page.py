"""The explorer in a real browser: bright and dark, on a phone, by keyboard, without a script, and live.

Every page leaves pictures; the run says where. axe-core, which npm puts into a folder of this run, looks
for what those who hear a page, or see it badly, would miss.
"""

import queue
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import httpx
import pytest
import trio
from hypercorn.config import Config
from hypercorn.trio import serve
from hypercorn.typing import ASGIFramework
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tfchain.chain import export_records as records
from tfchain.cli.audit import DictRows
from tfchain.client.http import Client
from tfchain.client.keys import Key
from tfchain.index.following import Watch
from tfchain.index.model import Model, opened_model
from tfchain.ledger.block import Block, decode_block
from tfchain.node.devnet.homes import seed_of
from tfchain.node.heads import Heads
from tfchain.store.export import read_records, write_records
from tfchain.web.app import application
from tfchain.web.asking import Asking
from tfchain.web.desk import Desk
from tfchain.web.parts import Web

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

AXE: Final = "axe-core@4.10.3"
NOW: Final = 1_795_281_216
SEALED_AT: Final = 88
"""What the desk is given ends here: a guardian has something to sign."""
KEPT_BACK: Final = 3
"""Blocks of the recording that come while a page is looked at."""
TRANSACTION: Final = "bb2772d78f3ec57b5c773848bd4b8a47cca4104e5a13568406378771107e8725"
PAGES: Final = {
    "overview": "",
    "blocks": "/blocks",
    "block": "/blocks/47",
    "transactions": "/transactions",
    "transaction": f"/transactions/{TRANSACTION}",
    "accounts": "/accounts",
    "account": "/accounts/5FVyjVdbSGEFE7WmsbUe6edydAZvvj1UZoKDynvA4SbgqNM3",
    "farms": "/farms",
    "farm": "/farms/2",
    "nodes": "/nodes",
    "node": "/nodes/4",
    "statement": "/nodes/4/statements/1795281129",
    "batches": "/batches",
    "batch": "/batches/0/0",
    "minting": "/minting",
    "supply": "/supply",
    "validators": "/validators",
    "validator": "/validators/bd3c6e35adefc6f0fd72c3e4cb02fa7d5f09b9d9",
    "governance": "/governance",
    "search": "/search?q=7",
    "missing": "/blocks/99999",
}
Scheme = Literal["light", "dark"]
SCREENS: Final[dict[str, tuple[Scheme, int, int]]] = {
    "desk": ("light", 1280, 900),
    "phone": ("dark", 360, 740),
}


@dataclass
class Town:
    """A web on a port of this machine, and the blocks that it has not been told of yet."""

    url: str
    model: Model
    left: list[Block]

    def grow(self) -> int:
        """Take the next block in; its height."""
        self.model.take([self.left.pop(0)])
        return int(self.model.height)


def _validator(export: bytes) -> Starlette:
    """What the desk asks for its blocks."""

    async def give(_request: Request) -> Response:
        return Response(export)

    return Starlette(routes=[Route("/v1/export", give)])


@contextmanager
def _on_a_port(model: Model, export: bytes) -> Iterator[str]:
    """The application with a guardian's desk, served by a thread of its own."""
    config = Config()
    config.bind = ["127.0.0.1:0"]
    config.errorlog = None
    told: queue.Queue[tuple[trio.lowlevel.TrioToken, trio.Event, str]] = queue.Queue()

    async def run() -> None:
        inner = httpx.AsyncClient(transport=httpx.ASGITransport(_validator(export)))
        key = Key(seed_of(1, "guardian/0"))
        desk = Desk(client=Client("http://node", inner), rows=DictRows, token="token", key=key)
        with closing(Asking(model.path.parent)) as ask:
            web = Web(
                ask=ask, watch=Watch(Heads(model.height), print), client=None, now=lambda: NOW
            )
            face = cast(ASGIFramework, application(web, desk))
            enough = trio.Event()
            async with inner, trio.open_nursery() as nursery:
                await nursery.start(desk.serve)
                trigger = partial(serve, shutdown_trigger=enough.wait)
                [url] = await nursery.start(trigger, face, config)
                told.put((trio.lowlevel.current_trio_token(), enough, url))
                await enough.wait()
                nursery.cancel_scope.cancel()

    thread = threading.Thread(target=trio.run, args=(run,))
    thread.start()
    token, enough, url = told.get(timeout=30)
    try:
        yield url
    finally:
        trio.from_thread.run_sync(enough.set, trio_token=token)
        thread.join()


@pytest.fixture(scope="module")
def town(golden_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    blocks: list[Block] = []
    kept: list[tuple[int, bytes]] = []
    with ExitStack() as stack:
        model = stack.enter_context(opened_model(tmp_path_factory.mktemp("explorer")))
        with (golden_folder / "devnet.tfc").open("rb") as file:
            for _, kind, payload in read_records(file):
                if kind == records.GENESIS:
                    model.begin(records.genesis_text(payload))
                    kept.append((kind, payload))
                elif kind == records.BLOCK:
                    blocks.append(decode_block(payload))
                    kept.append((kind, payload))
        export = BytesIO()
        write_records(export, kept[: SEALED_AT + 1])
        model.take(blocks[:-KEPT_BACK])
        url = stack.enter_context(_on_a_port(model, export.getvalue()))
        yield Town(url, model, blocks[-KEPT_BACK:])


@dataclass
class Sight:
    """A page in the browser, and everything that it complained of."""

    page: "Page"
    base: str
    asked: list[str]
    complaints: list[str]

    def go(self, path: str) -> None:
        """Load a page of the explorer. What is not there answers 404, which is no complaint."""
        self.page.goto(f"{self.base}/explorer{path}", wait_until="load")

    def wait(self, where: str, text: str) -> None:
        """Until it says so: the page forbids what evaluates a condition again and again."""
        self.page.locator(where, has_text=text).wait_for()

    def ask(self, script: str) -> Any:
        return self.page.evaluate(script)


Look = Callable[..., Sight]


@pytest.fixture
def look(browser: "Browser", town: Town) -> Iterator[Look]:
    """`look("phone", script=False)`: a fresh browser on such a screen."""
    with ExitStack() as stack:

        def opened(screen: str = "desk", *, script: bool = True) -> Sight:
            scheme, width, height = SCREENS[screen]
            context = browser.new_context(
                color_scheme=scheme,
                viewport={"width": width, "height": height},
                reduced_motion="reduce",
                java_script_enabled=script,
            )
            stack.callback(context.close)
            sight = Sight(context.new_page(), town.url, [], [])
            sight.page.on("request", lambda request: sight.asked.append(request.url))
            sight.page.on("console", lambda message: sight.complaints.append(message.text))
            sight.page.on("pageerror", lambda fault: sight.complaints.append(str(fault)))
            return sight

        yield opened


@pytest.fixture(scope="session")
def axe(npm_folder: Callable[..., Path]) -> str:
    """The source of axe-core."""
    return (npm_folder(AXE) / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_its_screen_and_asks_nobody_else(
    name: str, screen: str, look: Look, pictures: Path, record_property: Any
) -> None:
    sight = look(screen)
    sight.go(PAGES[name])
    sight.page.wait_for_selector("#live:not([hidden])")
    path = pictures / f"explorer-{name}-{screen}.png"
    sight.page.screenshot(path=path, full_page=True)
    record_property("picture", str(path))
    assert sight.ask("document.documentElement.scrollWidth") <= SCREENS[screen][1]
    cut = "[...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth)"
    assert sight.ask(f"{cut}.map(e => e.getAttribute('aria-labelledby'))") == []
    assert [url for url in sight.asked if not url.startswith((sight.base, "data:"))] == []
    noise = [text for text in sight.complaints if "404" not in text or name != "missing"]
    assert noise == []


@pytest.mark.parametrize("screen", SCREENS)
def test_axe_finds_no_violation(screen: str, look: Look, axe: str) -> None:
    sight = look(screen)
    found = {}
    for name, path in PAGES.items():
        sight.go(path)
        sight.page.wait_for_selector("#live:not([hidden])")
        sight.ask(axe)
        told = sight.ask("axe.run(document, {resultTypes: ['violations']})")
        for fault in told["violations"]:
            found[f"{name}: {fault['id']}"] = [node["html"][:160] for node in fault["nodes"][:3]]
    assert found == {}


def test_without_a_script_everything_is_there(look: Look) -> None:
    """The same words, but for the line that says how far the chain is."""
    plain, lively = look(script=False), look()
    for path in PAGES.values():
        texts = []
        for sight in (plain, lively):
            sight.go(path)
            texts.append(sight.page.locator("main").inner_text())
        assert texts[0] == texts[1], path
        assert not plain.page.locator("#live").is_visible()


def test_search_works_without_a_script(look: Look) -> None:
    sight = look(script=False)
    sight.go("")
    sight.page.get_by_label("Search").fill("47")
    sight.page.get_by_role("button", name="Find").click()
    assert sight.page.url.endswith("/explorer/blocks/47")
    assert sight.page.get_by_role("heading", level=1).inner_text() == "Block 47"


def test_everything_is_reached_by_keyboard(look: Look) -> None:
    """The first key leads past the menu; the field takes words; what is focused is seen."""
    sight = look()
    sight.go("/blocks")
    keys = sight.page.keyboard
    keys.press("Tab")
    assert sight.ask("document.activeElement.textContent") == "To the page"
    assert sight.page.locator(".skip").bounding_box()["x"] >= 0  # type: ignore[index]
    keys.press("Enter")
    assert sight.ask("document.activeElement.id") == "page"
    keys.press("Tab")
    keys.press("Tab")
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert sight.ask("document.activeElement.tagName") == "A"
    assert sight.ask(outline) == "solid"
    keys.press("Enter")
    sight.page.wait_for_url(re.compile(r"/explorer/blocks/\d+$"))
    sight.page.get_by_label("Search").focus()
    keys.type("0/0")
    keys.press("Enter")
    sight.page.wait_for_url("**/explorer/batches/0/0")


def test_a_block_that_comes_is_shown_without_a_reload(look: Look, town: Town) -> None:
    sight = look()
    sight.go("")
    sight.ask("window.kept = true")
    sight.wait("#live-said", "Block")
    before = int(sight.page.locator("#n-height").inner_text())
    height = town.grow()
    assert height == before + 1
    sight.wait("#n-height", str(height))
    assert (
        sight.page.locator("#blocks-table-caption ~ tbody tr")
        .first.inner_text()
        .startswith(str(height))
    )
    assert sight.ask("window.kept")
    assert f"Block {height}" in sight.page.locator("#live-said").inner_text()
    assert sight.complaints == []


def test_the_focus_stays_where_it_was_when_a_block_comes(look: Look, town: Town) -> None:
    sight = look()
    sight.go("/blocks")
    sight.wait("#live-said", "Block")
    link = sight.page.get_by_role("link", name="70", exact=True).first
    link.focus()
    height = town.grow()
    sight.wait("#blocks tbody", str(height))
    assert sight.ask("document.activeElement.getAttribute('href')") == "/explorer/blocks/70"


def test_it_can_be_held_still(look: Look, town: Town) -> None:
    sight = look()
    sight.go("")
    sight.wait("#live-said", "Block")
    before = sight.page.locator("#n-height").inner_text()
    sight.page.get_by_role("button", name="Pause").click()
    height = town.grow()
    sight.wait("#live-said", f"Block {height}")
    assert sight.page.locator("#n-height").inner_text() == before
    assert sight.page.get_by_role("button", name="Go on").is_visible()


@pytest.mark.parametrize("screen", SCREENS)
def test_a_guardian_looks_and_then_types_the_total(
    screen: str, look: Look, axe: str, pictures: Path, record_property: Any
) -> None:
    """Without a script, which the desk has none of."""
    sight = look(screen)
    sight.page.goto(f"{sight.base}/guardian", wait_until="load")
    sight.page.get_by_role("link", name="Review 0/0").click()
    sight.page.get_by_role("button", name=re.compile("Compute it")).click()
    field = sight.page.get_by_label("Total in TFT")
    field.wait_for()
    path = pictures / f"desk-{screen}.png"
    sight.page.screenshot(path=path, full_page=True)
    record_property("picture", str(path))
    assert sight.ask("document.scripts.length") == 0
    assert sight.ask("document.documentElement.scrollWidth") <= SCREENS[screen][1]
    sight.ask(axe)
    told = sight.ask("axe.run(document, {resultTypes: ['violations']})")
    assert [fault["id"] for fault in told["violations"]] == []
    field.fill("1")
    field.press("Enter")
    assert "nothing was signed" in sight.page.get_by_role("alert").inner_text()
    assert sight.complaints == []
