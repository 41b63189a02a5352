"""A recorded devnet: its genesis, its blocks, and a read model that took them in."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tfchain.chain import export_records as records
from tfchain.index.model import Model, opened_model
from tfchain.ledger.block import Block, decode_block
from tfchain.store.export import read_records


@dataclass(frozen=True)
class Recorded:
    """What the file holds."""

    genesis: str
    blocks: tuple[Block, ...]

    def into(self, model: Model, run: int = 16, upto: int | None = None) -> None:
        """Feed the blocks that a model has not, so many in one transaction."""
        model.begin(self.genesis)
        rest = self.blocks[model.height : upto]
        for first in range(0, len(rest), run):
            model.take(rest[first : first + run])


@pytest.fixture(scope="session")
def recorded(golden_folder: Path) -> Recorded:
    genesis, blocks = "", list[Block]()
    with (golden_folder / "devnet.tfc").open("rb") as file:
        for _, kind, payload in read_records(file):
            if kind == records.GENESIS:
                genesis = records.genesis_text(payload)
            elif kind == records.BLOCK:
                blocks.append(decode_block(payload))
    return Recorded(genesis, tuple(blocks))


@pytest.fixture(scope="session")
def shown(recorded: Recorded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    """The whole recording, taken in."""
    with opened_model(tmp_path_factory.mktemp("read")) as model:
        recorded.into(model)
        yield model
