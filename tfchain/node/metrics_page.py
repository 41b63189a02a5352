"""The page that Prometheus fetches: what the node counted, and where it stands at this moment."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import disk_usage
from typing import Final, cast

from prometheus_client import generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from tfchain import __version__
from tfchain.base.units import MS_PER_S, UTFT_PER_TFT
from tfchain.ledger import tables
from tfchain.ledger.minting import STATES
from tfchain.ledger.state import State
from tfchain.node.home import Home
from tfchain.node.ledger_views import newest_batches
from tfchain.node.node import Node
from tfchain.node.queries import BATCHES_SHOWN, STEPS
from tfchain.store.files import told

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_MADE: Final = "_created"
"""When each counter began: the start of the process, which the page says once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """What a home takes of its disk, in bytes."""

    database: int
    free: int


def measured(home: Home) -> Sizes:
    """Look at every file of the database, so not on the pump's thread; raises `Unavailable`."""
    with told("cannot measure the database", home.store):
        database = sum(_bytes_of(path) for path in home.store.iterdir())
        return Sizes(database=database, free=disk_usage(home.store).free)


def _bytes_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # the database has just merged it into another one
        return 0


def page(node: Node, sizes: Sizes) -> bytes:
    """All figures in Prometheus' text format. Reads the state: on the pump's thread."""
    return generate_latest(cast(Collector, _Now(node, sizes)))


class _Now:
    """The figures of one moment."""

    def __init__(self, node: Node, sizes: Sizes) -> None:
        self._node = node
        self._sizes = sizes

    def collect(self) -> Iterator[Metric]:
        for family in self._node.pump.metrics.registry.collect():
            kept = [one for one in family.samples if not one.name.endswith(_MADE)]
            family.samples = kept
            yield family
        yield from families(self._node, self._sizes)


def families(node: Node, sizes: Sizes) -> Iterator[Metric]:
    """Where the node stands, figure by figure."""
    state = node.state()
    about = {"version": __version__, "chain_id": node.chain_id, "store": node.disk.store.kind}
    yield InfoMetricFamily("tfchain", "The program and its chain.", value=about)
    yield from _chain(node)
    yield from _peers(node)
    pool = node.pump.replica.pool
    yield _gauge("mempool_transactions", "Transactions that wait for a block.", len(pool))
    yield _gauge("mempool_bytes", "Their bytes.", pool.size)
    yield _gauge("database_bytes", "Files of the database.", sizes.database)
    yield _gauge("disk_free_bytes", "Room on the disk of the database.", sizes.free)
    yield from _ledger(state)
    yield _batches(state)


def _chain(node: Node) -> Iterator[Metric]:
    replica = node.pump.replica
    machine, tip = replica.council.machine, replica.tip
    votes = node.validator is not None and any(
        member.key == node.validator for member in tip.validators.validators
    )
    yield _gauge("height", "The last stored block.", tip.height)
    yield _gauge(
        "last_block_timestamp_seconds",
        "The time in the last block's header, since 1970.",
        tip.time / MS_PER_S,
    )
    yield _gauge("validators", "Validators of the next block.", len(tip.validators.validators))
    yield _gauge("is_validator", "Whether this node is one of them.", int(votes))
    yield _gauge("consensus_round", "Round of the height under way.", machine.round)
    steps = GaugeMetricFamily(
        "tfchain_consensus_step", "1 for the step that the round is in.", labels=["step"]
    )
    for step, name in STEPS.items():
        steps.add_metric([name], int(step == machine.step))
    yield steps


def _peers(node: Node) -> Iterator[Metric]:
    known = list(node.mesh.peers())
    tips = node.pump.replica.sync.tips.values()
    yield _gauge("peers_connected", "Peers that can be sent to.", sum(p.connected for p in known))
    yield _gauge("peers_known", "Peers that are configured or connected.", len(known))
    yield _gauge(
        "peers_height", "The highest block that a connected peer says it has.", max(tips, default=0)
    )
    yield CounterMetricFamily(
        "tfchain_connections_refused", "Strangers turned away at the door.", value=node.mesh.refused
    )


def _ledger(state: State) -> Iterator[Metric]:
    totals = tables.TOTALS.need(state, tables.SINGLE)
    cap = tables.PARAMS.need(state, tables.SINGLE).supply_cap
    yield _gauge("farms", "Farms ever made.", totals.farms)
    yield _gauge("nodes", "Nodes ever registered.", totals.nodes)
    minted = "Coins that ever came into being, those of the genesis included."
    yield _gauge("supply_tft", minted, totals.minted_ever / UTFT_PER_TFT)
    yield _gauge("supply_cap_tft", "Coins that there may ever be.", cap / UTFT_PER_TFT)


def _batches(state: State) -> Metric:
    what = f"The last {BATCHES_SHOWN} batches of each schedule, by state."
    family = GaugeMetricFamily("tfchain_batches", what, labels=["state"])
    found = [batch.state for batch in newest_batches(state, BATCHES_SHOWN)]
    for number, name in enumerate(STATES):
        family.add_metric([name], found.count(number))
    return family


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(f"tfchain_{name}", what, value=value)
