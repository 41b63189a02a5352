"""The explorer on the recorded devnet: every page answers, every link leads somewhere, nothing slips in."""

import re
from collections import Counter
from html.parser import HTMLParser
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from tfchain.index.model import Model
from tfchain.web.explorer.routes import PAGES
from tfchain.web.explorer.showing import FILES, MENU, POLICY

NODE: Final = 4
EACH_MAX: Final = 3
"""Pages of one sort whose links are followed: there are hundreds of blocks and of transactions."""


class Seen(HTMLParser):
    """What a page leads to, and how its parts are called."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.named: list[str] = []
        self.strange: list[str] = []
        self.feed(text)

    def handle_starttag(  # type: ignore[explicit-override]
        self, tag: str, attrs: list[tuple[str, str | None]]
    ) -> None:
        for name, value in attrs:
            if name in {"href", "src", "action"} and value:
                self.links.append(value)
            elif name == "id":
                self.ids.append(value or "")
            elif name in {"aria-labelledby", "for"}:
                self.named += (value or "").split()
            elif name == "style" or name.startswith("on"):
                self.strange.append(f"{tag} {name}={value}")


def _sort_of(path: str) -> str:
    """A page's address without what is named in it."""
    return re.sub(r"/[0-9a-f]{40,}|/5[0-9A-Za-z]{40,}|/[0-9]+", "/*", urlsplit(path).path)


async def test_every_page_answers_and_every_link_leads_somewhere(shown: Model, browse: Any) -> None:
    answered: dict[str, int] = {}
    read, sorts = set[str](), Counter[str]()
    async with browse(shown) as http:
        waiting = ["/explorer"]
        while waiting:
            path = waiting.pop(0)
            if path in read or sorts[_sort_of(path)] >= EACH_MAX:
                continue
            read.add(path)
            sorts[_sort_of(path)] += 1
            answer = await http.get(path)
            answered[path] = answer.status_code
            if not answer.headers["content-type"].startswith("text/html"):
                continue
            seen = Seen(answer.text)
            assert seen.strange == [], path
            assert [name for name, count in Counter(seen.ids).items() if count > 1] == [], path
            assert set(seen.named) <= set(seen.ids), path
            links = {
                urljoin(path, link) for link in seen.links if not link.startswith(("#", "data:"))
            }
            for link in sorted(links - answered.keys()):
                answered[link] = (await http.get(link)).status_code
            waiting += sorted(links)
    assert {path: code for path, code in answered.items() if code != 200} == {}
    reached = {_sort_of(path) for path in read}
    due = {
        re.sub(r"\{\w+\}", "*", f"/explorer{path}") for path in PAGES if "governance/" not in path
    }
    assert due <= reached


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/explorer/blocks/94", 404),
        ("/explorer/blocks/0", 404),
        ("/explorer/blocks/-1", 404),
        ("/explorer/blocks/1e3", 404),
        ("/explorer/blocks/\u0661", 404),
        (f"/explorer/blocks/{2**63}", 404),
        ("/explorer/blocks/" + "9" * 500, 404),
        ("/explorer/transactions/" + "0" * 64, 404),
        ("/explorer/transactions/'--", 404),
        ("/explorer/accounts/5FA9nQDVg267DEd8m1ZypXLBnvN7SFxYwV7ndqSYGiN9TTpX", 404),
        ("/explorer/farms/99", 404),
        ("/explorer/nodes/99", 404),
        ("/explorer/nodes/4/statements/1", 404),
        ("/explorer/nodes/4/statements/x", 404),
        ("/explorer/batches/0/99", 404),
        ("/explorer/batches/0/x", 404),
        ("/explorer/validators/" + "0" * 40, 404),
        ("/explorer/validators/xyz", 404),
        ("/explorer/governance/changes/1", 404),
        ("/explorer/governance/proposals/1", 404),
        ("/explorer/nothing", 404),
        ("/explorer/", 404),
        ("/explorer/blocks?at=x", 400),
        ("/explorer/blocks?at=1.2", 400),
        ("/explorer/transactions?at=1", 400),
        ("/explorer/accounts?at=1.%27", 400),
        ("/explorer/transactions?kind=a%27b", 400),
        ("/explorer/search?q=" + "a" * 200, 400),
        ("/explorer/nodes?country=" + "a" * 200, 400),
    ],
)
async def test_what_is_not_there_is_a_page_that_says_so(
    path: str, code: int, shown: Model, browse: Any
) -> None:
    async with browse(shown) as http:
        answer = await http.get(path)
    assert answer.status_code == code
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-security-policy"] == POLICY
    assert '<a href="/explorer">' in answer.text


async def test_a_page_lets_nothing_in_from_elsewhere(shown: Model, browse: Any) -> None:
    async with browse(shown) as http:
        headers = (await http.get("/explorer")).headers
    assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


async def test_who_has_a_page_is_told_when_it_is_the_same(shown: Model, browse: Any) -> None:
    async with browse(shown) as http:
        first = await http.get("/explorer/blocks/7")
        known = {"if-none-match": first.headers["etag"]}
        again = await http.get("/explorer/blocks/7", headers=known)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        other = await http.get("/explorer/blocks/8", headers=known)
        assert other.status_code == 200


async def test_files_are_kept_for_good_under_an_address_of_their_content(
    shown: Model, browse: Any
) -> None:
    async with browse(shown) as http:
        text = (await http.get("/explorer")).text
        for name in FILES:
            [path] = re.findall(rf'(?:href|src)="(/explorer/{re.escape(name)}\?v=[0-9a-f]+)"', text)
            answer = await http.get(path)
            assert "immutable" in answer.headers["cache-control"]
            assert answer.headers["content-type"].startswith(FILES[name][0])
            same = await http.get(path, headers={"if-none-match": answer.headers["etag"]})
            assert same.status_code == 304


async def test_the_front_door_leads_people_to_the_explorer(shown: Model, browse: Any) -> None:
    """And tools to the index that they know."""
    async with browse(shown) as http:
        answer = await http.get("/", headers={"accept": "text/html,application/xhtml+xml"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/explorer")
        assert answer.headers["vary"] == "accept"
        for accept in ("*/*", "application/json"):
            answer = await http.get("/", headers={"accept": accept})
            assert answer.json().startswith("grid-proxy of tfchain")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param("93", "/explorer/blocks/93", id="a height"),
        pytest.param(" 0/1 ", "/explorer/batches/0/1", id="a batch"),
        pytest.param("EGYPT", "/explorer/nodes?country=Egypt", id="a country"),
        pytest.param("devfarm-2", "/explorer/farms/2", id="a farm's name"),
        pytest.param(
            "5FVyjVdbSGEFE7WmsbUe6edydAZvvj1UZoKDynvA4SbgqNM3",
            "/explorer/accounts/5FVyjVdbSGEFE7WmsbUe6edydAZvvj1UZoKDynvA4SbgqNM3",
            id="an address",
        ),
        pytest.param(
            "bd3c6e35adefc6f0fd72c3e4cb02fa7d5f09b9d9",
            "/explorer/validators/bd3c6e35adefc6f0fd72c3e4cb02fa7d5f09b9d9",
            id="a validator",
        ),
        pytest.param(
            "0xc62b0c37660e3b08b5efdde8a8ad1f1612679a06be32db4a9069a06600523762",
            "/explorer/blocks/47",
            id="a block's id",
        ),
        pytest.param(
            "61B4486C409677EB766D1D0607F27F681DB0DBEE8FB8B21439141410ECAA1992",
            "/explorer/batches/0/0",
            id="a proof-of-capacity hash",
        ),
        pytest.param(
            "bdb337680c9e7c05f0acf2884c0f72122c848e5bde625a1e97a0f6a7a9d6ec47",
            "/explorer/nodes/7/statements/1795281129",
            id="the hash of a receipt's text",
        ),
        pytest.param(
            "c898614f24b6009b7961d6510ab6278ee638a8e571fdecb15a72b7f32ef9e651",
            "/explorer/nodes/7/statements/1795281129",
            id="a receipt on the ledger",
        ),
        pytest.param(
            "bb2772d78f3ec57b5c773848bd4b8a47cca4104e5a13568406378771107e8725",
            "/explorer/transactions/bb2772d78f3ec57b5c773848bd4b8a47cca4104e5a13568406378771107e8725",
            id="a transaction",
        ),
    ],
)
async def test_search_leads_to_the_only_thing_that_fits(
    text: str, place: str, shown: Model, browse: Any
) -> None:
    async with browse(shown) as http:
        answer = await http.get("/explorer/search", params={"q": text})
        assert (answer.status_code, answer.headers["location"]) == (303, place)
        assert (await http.get(place)).status_code == 200


async def test_search_lists_what_fits_several(shown: Model, browse: Any) -> None:
    async with browse(shown) as http:
        two = await http.get("/explorer/search", params={"q": "7"})
        assert 'href="/explorer/blocks/7"' in two.text
        assert 'href="/explorer/nodes/7"' in two.text
        none = await http.get("/explorer/search", params={"q": "<script>%_"})
        assert "Nothing fits" in none.text
        assert 'value="&lt;script&gt;%_"' in none.text
        assert "Name a height" in (await http.get("/explorer/search")).text


async def _walked(http: httpx.AsyncClient, path: str, pattern: str) -> list[str]:
    """What a list names, page after page."""
    found: list[str] = []
    while True:
        text = (await http.get(path)).text
        found += re.findall(pattern, text)
        on = re.findall(r'<a href="(\?[^"]*)">(?:Older|Next)</a>', text)
        if not on:
            return found
        path = urljoin(path, on[0].replace("&amp;", "&"))


async def test_pages_of_a_list_hold_every_row_once(shown: Model, browse: Any) -> None:
    async with browse(shown) as http:
        heights = await _walked(
            http,
            "/explorer/blocks",
            r'<td role="cell" data-label="Height"[^>]*><a href="/explorer/blocks/(\d+)"',
        )
        assert [int(height) for height in heights] == list(range(93, 0, -1))
        ids = await _walked(
            http,
            "/explorer/transactions?kind=set_power_state",
            r'data-label="Id"[^>]*><a href="/explorer/transactions/(\w+)"',
        )
        assert len(set(ids)) == len(ids) == 6


async def test_the_pages_say_what_the_ledger_says(shown: Model, browse: Any) -> None:
    async with browse(shown) as http:
        batch = (await http.get("/explorer/batches/0/0")).text
        node = (await http.get(f"/explorer/nodes/{NODE}")).text
        supply = (await http.get("/explorer/supply")).text
    assert "61b4486c409677eb766d1d0607f27f681db0dbee8fb8b21439141410ecaa1992" in batch
    assert batch.count("<bdi>agrees</bdi>") == 4
    assert batch.count("uptime_too_high") >= 2
    assert "4,546.1998750 TFT" in batch
    assert "uptime_too_high" in node
    assert "1,018,946.1998750 TFT" in supply


async def test_the_menu_says_where_one_is(shown: Model, browse: Any) -> None:
    async with browse(shown) as http:
        for _, label, href in MENU:
            text = (await http.get(href)).text
            assert re.findall(r'aria-current="page">([^<]+)<', text) == [label]
