"""The metrics page of a running node, read by Prometheus' own parser; and what is made to watch it."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest
import yaml
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tfchain import __version__
from tfchain.base.units import UTFT_PER_TFT
from tfchain.ledger.minting import STATES
from tfchain.node.metrics import minted_in

if TYPE_CHECKING:
    from tests.unit.node.minted.conftest import Minted

MONITORING: Final = Path(__file__).resolve().parents[4] / "scripts" / "monitoring"
ALERTS: Final = MONITORING / "alerts.yml"
DASHBOARD: Final = MONITORING / "dashboard.json"
PAGE_BYTES_MAX: Final = 64 * 1024
UNITS: Final = ("seconds", "bytes", "tft")
COUNTS: Final = {
    "tfchain_info",
    "tfchain_height",
    "tfchain_validators",
    "tfchain_is_validator",
    "tfchain_consensus_round",
    "tfchain_consensus_step",
    "tfchain_peers_connected",
    "tfchain_peers_known",
    "tfchain_peers_height",
    "tfchain_mempool_transactions",
    "tfchain_farms",
    "tfchain_nodes",
    "tfchain_batches",
}

Samples = dict[str, dict[tuple[str, ...], float]]


@pytest.fixture
async def http(minted: "Minted") -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=minted.url, trust_env=False) as client:
        yield client


async def read(http: httpx.AsyncClient) -> list[Metric]:
    answer = await http.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert len(answer.content) < PAGE_BYTES_MAX
    return list(text_string_to_metric_families(answer.text))


def samples_of(families: list[Metric]) -> Samples:
    found: Samples = {}
    for family in families:
        for one in family.samples:
            found.setdefault(one.name, {})[tuple(one.labels.values())] = one.value
    return found


async def test_the_page_says_what_the_status_says(
    minted: "Minted", http: httpx.AsyncClient
) -> None:
    status: dict[str, Any] = (await http.get("/v1/status")).json()
    found = samples_of(await read(http))
    assert found["tfchain_height"] == {(): minted.height}
    assert found["tfchain_last_block_timestamp_seconds"] == {(): status["time_ms"] / 1_000}
    assert found["tfchain_consensus_round"] == {(): status["round"]}
    assert [step for step, on in found["tfchain_consensus_step"].items() if on] == [
        (status["step"],)
    ]
    assert found["tfchain_mempool_transactions"] == found["tfchain_mempool_bytes"] == {(): 0}
    assert found["tfchain_peers_connected"] == found["tfchain_peers_known"] == {(): 1}
    assert found["tfchain_peers_height"] == {(): minted.height}
    assert found["tfchain_validators"] == {(): 4}
    assert found["tfchain_is_validator"] == {(): 0}
    assert found["tfchain_nodes"] == {(): status["totals"]["nodes"]}
    supply = int(status["supply"]["minted_ever"])
    assert found["tfchain_supply_tft"] == {(): supply / UTFT_PER_TFT}
    assert found["tfchain_connections_refused_total"] == {(): status["door"]["refused"]}
    ((chain_id, store, version),) = found["tfchain_info"]
    assert (chain_id, version) == (status["chain_id"], __version__)
    assert store in {"leveldb", "sqlite"}


async def test_the_node_counted_what_it_stored(minted: "Minted", http: httpx.AsyncClient) -> None:
    batch: dict[str, Any] = (await http.get("/v1/batches/0/0")).json()
    found = samples_of(await read(http))
    assert found["tfchain_execute_seconds_count"] == {(): minted.height}
    assert found["tfchain_commit_seconds_count"] == {(): minted.height}
    assert found["tfchain_mint_records_total"][()] == 3
    assert found["tfchain_minted_tft_total"][()] == int(batch["minted"]) / UTFT_PER_TFT > 0
    assert found["tfchain_transactions_total"][("ok",)] > 10
    assert found["tfchain_transactions_total"][("refused",)] == 0
    assert set(found["tfchain_batches"]) == {(state,) for state in STATES}
    assert found["tfchain_batches"][("paid",)] == 1
    assert found["tfchain_database_bytes"][()] > 1_000
    assert found["process_resident_memory_bytes"][()] > 1_000_000


async def test_the_votes_of_the_silent_one_are_missed(
    minted: "Minted", http: httpx.AsyncClient
) -> None:
    """Three of four sign each block; the commit of the last one is not in a block yet."""
    shown: dict[str, Any] = (await http.get("/v1/validators")).json()
    names = [(row["key"],) for row in shown["validators"]]
    missed = samples_of(await read(http))["tfchain_missed_votes_total"]
    assert sorted(missed) == sorted(names)
    assert sorted(missed.values()) == [0, 0, 0, minted.height - 1]


async def test_every_figure_has_a_sound_name_and_a_sentence(http: httpx.AsyncClient) -> None:
    families = await read(http)
    for family in families:
        assert family.documentation.endswith("."), family.name
        assert re.fullmatch(r"(tfchain|process)(_[a-z]+)*", family.name), family.name
        if family.name.startswith("tfchain") and family.type != "counter":
            assert family.name in COUNTS or family.name.endswith(UNITS), family.name
        for one in family.samples:
            assert set(one.labels) <= {
                "le", "result", "state", "step", "validator", "version", "chain_id", "store",
            }  # fmt: skip
            assert (family.type == "counter") == one.name.endswith("_total"), one.name


def test_rows_that_are_no_mint_records_mint_nothing() -> None:
    assert minted_in([(b"", b""), (b"\xff" * 40, b"x"), (b"\x01", None)]) == (0, 0)


# --- what watches it ------------------------------------------------------------------------------


def alerts() -> list[dict[str, Any]]:
    plain = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))
    return [rule for group in plain["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = board["panels"]
    return found


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in alerts())
    for panel in panels():
        yield from (target["expr"] for target in panel["targets"])


async def test_every_metric_that_is_watched_is_exposed(http: httpx.AsyncClient) -> None:
    exposed = set(samples_of(await read(http)))
    watched = {
        name for line in expressions() for name in re.findall(r"\b(?:tfchain|process)_\w+", line)
    }
    assert len(watched) > 20
    assert watched - exposed == set()


async def test_every_metric_of_ours_is_on_the_dashboard(http: httpx.AsyncClient) -> None:
    shown = "\n".join(target["expr"] for panel in panels() for target in panel["targets"])
    ours = {family.name for family in await read(http) if family.name.startswith("tfchain_")}
    assert [name for name in sorted(ours - {"tfchain_is_validator"}) if name not in shown] == []


def test_an_alert_says_when_how_urgent_and_what_to_do() -> None:
    names = [rule["alert"] for rule in alerts()]
    assert len(names) == len(set(names)) > 10
    for rule in alerts():
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert set(rule["annotations"]) == {"summary", "action"}
        assert re.fullmatch(r"\d+[smh]", rule.get("for", "1m"))
        assert rule["expr"].count("(") == rule["expr"].count(")")


def test_prometheus_is_told_of_the_alerts_and_of_the_job_that_they_name() -> None:
    plain = yaml.safe_load((MONITORING / "prometheus.yml").read_text(encoding="utf-8"))
    assert plain["rule_files"] == [ALERTS.name]
    jobs = {job["job_name"] for job in plain["scrape_configs"]}
    named = {name for line in expressions() for name in re.findall(r'job="(\w+)"', line)}
    assert named == jobs == {"tfchain"}


def test_the_dashboard_s_panels_lie_side_by_side() -> None:
    numbers = [panel["id"] for panel in panels()]
    assert len(numbers) == len(set(numbers))
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
        assert panel["title"] and panel["description"].endswith(".")
        assert panel["targets"]
