"""The audit's page in a real browser: dark and light, on a phone, and nothing fetched.

Every test leaves pictures; the run says where. They are for people to look at: the assertions are
about what a person might not see.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import pytest
from rich.progress import Progress

from tfchain.base.units import UTFT_PER_TFT
from tfchain.chain.audit_report import Report
from tfchain.cli.audit import DictRows, audit_file
from tfchain.cli.report.write import write_report

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Request

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CONTRAST_MIN: Final = 4.5
"""Least contrast of text and its ground (WCAG 2.2, level AA)."""

Scheme = Literal["light", "dark"]


class Screen(NamedTuple):
    name: str
    scheme: Scheme
    width: int
    height: int


SCREENS: Final = (
    Screen("light", "light", 1280, 900),
    Screen("dark", "dark", 1280, 900),
    Screen("tablet", "light", 768, 1024),
    Screen("phone-light", "light", 360, 740),
    Screen("phone-dark", "dark", 360, 740),
)


@dataclass
class Sight:
    """A page as a screen shows it, and what it did on the way."""

    page: "Page"
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def request(self, request: "Request") -> None:
        self.requests.append(request.url)

    def console(self, message: "ConsoleMessage") -> None:
        self.complaints.append(message.text)

    def fault(self, fault: Exception) -> None:
        self.complaints.append(str(fault))

    def ask(self, script: str) -> Any:
        return self.page.evaluate(script)


@pytest.fixture(scope="session")
def audited(golden_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Path]:
    """The recorded devnet's audit, and the page that it wrote."""
    rows = DictRows()
    with (golden_folder / "devnet.tfc").open("rb") as file, Progress(disable=True) as progress:
        report = audit_file(file, None, None, progress, rows)
    place = tmp_path_factory.mktemp("audit") / "report"
    write_report(place, report, rows, None, lambda _: None)
    return report, place / "index.html"


@pytest.fixture(scope="module", params=SCREENS, ids=lambda screen: screen.name)
def screen(request: pytest.FixtureRequest) -> Screen:
    found = request.param
    assert isinstance(found, Screen)
    return found


@contextmanager
def _seen(browser: "Browser", screen: Screen, path: Path) -> Iterator[Sight]:
    """The page, loaded on a screen of its own."""
    context = browser.new_context(
        color_scheme=screen.scheme,
        viewport={"width": screen.width, "height": screen.height},
        reduced_motion="reduce",
    )
    seen = Sight(context.new_page())
    seen.page.on("request", seen.request)
    seen.page.on("console", seen.console)
    seen.page.on("pageerror", seen.fault)
    seen.page.goto(path.as_uri(), wait_until="networkidle")
    yield seen
    context.close()


@pytest.fixture(scope="module")
def sight(browser: "Browser", screen: Screen, audited: tuple[Report, Path]) -> Iterator[Sight]:
    """Loaded once for each screen: no test changes what it sees."""
    with _seen(browser, screen, audited[1]) as seen:
        yield seen


def test_a_picture_is_taken(
    sight: Sight, screen: Screen, pictures: Path, record_property: Any
) -> None:
    path = pictures / f"report-{screen.name}.png"
    sight.page.screenshot(path=path, full_page=True)
    record_property("picture", str(path))
    assert path.read_bytes().startswith(b"\x89PNG")


def test_nothing_is_fetched_and_nothing_complains(
    sight: Sight, audited: tuple[Report, Path]
) -> None:
    assert sight.requests == [audited[1].as_uri()]
    assert sight.complaints == []
    assert sight.ask("document.scripts.length") == 0


def test_the_scheme_decides_the_colours(sight: Sight, screen: Screen) -> None:
    ink, paper = sight.ask(
        "(() => { const of = getComputedStyle(document.body); return [of.color, of.backgroundColor] })()"
    )
    assert (_light(ink) > _light(paper)) is (screen.scheme == "dark")


def _light(colour: str) -> int:
    """The sum of red, green and blue in `rgb(1, 2, 3)`."""
    return sum(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(","))


FAINT: Final = """(least) => {
  const parts = (text) => text.match(/[\\d.]+/g).map(Number);
  const clear = (text) => text === "transparent" || parts(text)[3] === 0;
  const linear = (value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  const light = ([red, green, blue]) =>
    0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  const ground = (element) => {
    const colour = getComputedStyle(element).backgroundColor;
    return clear(colour) ? ground(element.parentElement) : parts(colour);
  };
  const ratio = (one, other) =>
    (Math.max(light(one), light(other)) + 0.05) / (Math.min(light(one), light(other)) + 0.05);
  const ownText = (element) => [...element.childNodes].some(
    (node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
  const found = { seen: 0, faint: [] };
  for (const element of document.body.querySelectorAll("*")) {
    if (!ownText(element) || element.closest("title, desc")) continue;
    const style = getComputedStyle(element);
    const drawn = element.namespaceURI.endsWith("svg");
    const shown = ratio(parts(drawn ? style.fill : style.color), ground(element));
    found.seen += 1;
    if (shown < least) found.faint.push(`${element.textContent.trim()}: ${shown.toFixed(2)}`);
  }
  return found;
}"""


def test_every_text_stands_out_from_its_ground(sight: Sight) -> None:
    found = sight.page.evaluate(FAINT, CONTRAST_MIN)
    assert found["seen"] > 200
    assert found["faint"] == []


def test_no_screen_scrolls_sideways(sight: Sight, screen: Screen) -> None:
    assert sight.ask("document.documentElement.scrollWidth") <= screen.width
    wide = "[...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth)"
    assert sight.ask(f"{wide}.map(e => e.getAttribute('aria-labelledby'))") == []


def test_the_numbers_are_the_audit_s(sight: Sight, audited: tuple[Report, Path]) -> None:
    report = audited[0]
    tft, units = divmod(report.supply_minted, UTFT_PER_TFT)
    due = {
        "n-blocks": f"{report.height:,}",
        "n-transactions": f"{report.transactions:,}",
        "n-signatures": f"{report.signatures:,}",
        "n-receipts": f"{report.receipts_compared:,}",
        "n-minted": f"{tft:,}.{units:07d} TFT",
        "chain-id": report.chain_id,
        "genesis-hash": report.genesis_hash.hex(),
        "block-id": report.block_id.hex(),
        "state-root": report.state_root.hex(),
        "anchored": "no",
    }
    shown = {name: sight.page.locator(f"#{name}").inner_text() for name in due}
    assert shown == due
    settled = [batch for batch in report.batches if batch.root]
    roots = sight.page.locator("#batches-table-caption ~ tbody .under code").all_inner_texts()
    assert roots == [batch.root.hex() for batch in reversed(settled)]
    batch = settled[-1]
    rows = sight.page.locator("#nodes-table-caption ~ tbody tr")
    assert rows.count() == batch.count
    pay = rows.locator("td[data-label='Pay (TFT)']").all_text_contents()
    assert sum(int(text.replace(",", "").replace(".", "")) for text in pay) == batch.minted


def test_those_who_hear_the_page_get_names(sight: Sight) -> None:
    """Every chart has a title and a description, every table a caption, headings their order."""
    named = """[...document.querySelectorAll('svg:not([aria-hidden])')].map(svg =>
      svg.getAttribute('aria-labelledby').split(' ').map(id => document.getElementById(id)?.textContent))"""
    charts = sight.ask(named)
    assert len(charts) >= 4
    assert all(text for chart in charts for text in chart)
    assert sight.ask("[...document.querySelectorAll('table')].every(t => t.caption.innerText)")
    ids = "[...document.querySelectorAll('[id]')].map(e => e.id)"
    assert sight.ask(f"new Set({ids}).size === {ids}.length")
    assert sight.ask("[...document.querySelectorAll('h1, h2, h3')].map(h => h.tagName)")[0] == "H1"
    assert sight.ask("document.documentElement.lang") == "en"


def test_it_prints_on_white(
    browser: "Browser", audited: tuple[Report, Path], pictures: Path, record_property: Any
) -> None:
    """Also where the screen is dark."""
    path = pictures / "report.pdf"
    with _seen(browser, SCREENS[1], audited[1]) as sight:
        sight.page.emulate_media(media="print")
        assert sight.ask("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        found = sight.page.evaluate(FAINT, CONTRAST_MIN)
        sight.page.pdf(path=path, format="A4")
    assert found["faint"] == []
    record_property("picture", str(path))
