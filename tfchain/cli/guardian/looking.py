"""From an exported chain, or a running node, to the review of a period."""

from pathlib import Path
from tempfile import TemporaryDirectory

import trio

from tfchain.base.units import PeriodIndex, ScheduleId
from tfchain.chain.review import Reviewer
from tfchain.cli.audit import DictRows
from tfchain.client.http import connected
from tfchain.store.export import read_records
from tfchain.store.files import told


def is_node(source: str) -> bool:
    """Whether a source is a node's URL, and not a file."""
    return source.startswith(("http://", "https://"))


def looked_at(source: str, schedule: ScheduleId, period: PeriodIndex) -> Reviewer:
    """All blocks there are, executed and computed once more.

    Raises:
        Unavailable: the file cannot be read, or the node does not answer.
        Malformed, InvalidBlock: the export does not fit together.
    """
    if not is_node(source):
        return _from_file(Path(source), schedule, period)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "chain"
        trio.run(_fetch, source, path)
        return _from_file(path, schedule, period)


async def _fetch(url: str, path: Path) -> None:
    async with connected(url) as client:
        await client.export(path)


def _from_file(path: Path, schedule: ScheduleId, period: PeriodIndex) -> Reviewer:
    reviewer = Reviewer(DictRows(), schedule, period)
    with told("cannot read the export", path):
        file = path.open("rb")
    with file:
        for _, kind, payload in read_records(file):
            reviewer.take(kind, payload)
    return reviewer
