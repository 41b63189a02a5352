"""grid-proxy inside the whole application, over what a recorded devnet filled."""

from typing import Any

import pytest

from tfchain.index.model import Model


async def test_a_recorded_devnets_grid_is_there(shown: Model, browse: Any) -> None:
    async with browse(shown) as http:
        stats = (await http.get("/stats")).json()
        nodes = (await http.get("/nodes?ret_count=true")).json()
        farms = (await http.get("/farms")).json()
        twins = (await http.get("/twins?size=1&ret_count=true")).headers
    assert stats["nodes"] == len(nodes) == 12
    assert stats["farms"] == len(farms)
    assert twins["count"] == str(stats["twins"])
    assert {node["farmName"] for node in nodes} <= {farm["name"] for farm in farms}
    assert {node["status"] for node in nodes} <= {"up", "standby", "down"}
    assert all(node["total_resources"]["mru"] > 0 and node["price_usd"] > 0 for node in nodes)


@pytest.mark.parametrize("path", ["/nodes/", "/nodes/x", "/farmers"])
async def test_what_is_no_page_is_told_so_and_never_sent_elsewhere(
    shown: Model, browse: Any, path: str
) -> None:
    async with browse(shown) as http:
        answer = await http.get(path)
    assert (answer.status_code, answer.text) == (404, "404 page not found\n")


async def test_headers_of_pages_reach_browsers_once(shown: Model, browse: Any) -> None:
    async with browse(shown) as http:
        answer = await http.get("/nodes?ret_count=true&size=5")
    assert answer.headers.get_list("access-control-allow-origin") == ["*"]
    assert answer.headers.get_list("access-control-expose-headers") == ["*"]
    assert (answer.headers["count"], answer.headers["pages"]) == ("12", "3")
