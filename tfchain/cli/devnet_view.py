"""How a devnet looks: a live table on a terminal, a line now and then elsewhere."""

from collections.abc import Iterator
from typing import Final, Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tfchain.base.units import UTFT_PER_TFT
from tfchain.node.devnet.network import BatchLine, Picture

LIVE_S: Final = 0.5
PLAIN_S: Final = 5.0


class Watch:
    """Where pictures and lines go; a context manager, so that the terminal is left as it was."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = Console() if console is None else console
        self._live: Live | None = None
        if self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False)

    @property
    def picture_s(self) -> float:
        """Between two pictures."""
        return PLAIN_S if self._live is None else LIVE_S

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_fault: object) -> None:
        if self._live is not None:
            self._live.stop()

    def log(self, line: str) -> None:
        """A line that stays; never wrapped, so that it can be pasted."""
        self._console.print(Text(line), soft_wrap=True)

    def show(self, picture: Picture) -> None:
        """The picture: over the one before, or as a line."""
        if self._live is None:
            self.log(line_of(picture))
        else:
            self._live.update(Group(*tables_of(picture)), refresh=True)


def line_of(picture: Picture) -> str:
    """The picture in one line."""
    words = [f"height {picture.height}", f"nodes up {picture.nodes_up} of {picture.nodes}"]
    words += [_batch_words(batch) for batch in picture.batches[-2:]]
    words.append(f"minted {_tft(picture.minted)}")
    heights = ["down" if row.height is None else str(row.height) for row in picture.validators]
    words.append(f"validators {' '.join(heights)}")
    return ", ".join(words)


def _batch_words(batch: BatchLine) -> str:
    words = f"period {batch.period} {batch.state}"
    if batch.committed:
        words += f" ({batch.committed} committed, {batch.agreeing} attested of {batch.guardians})"
    return words


def tables_of(picture: Picture) -> Iterator[Table]:
    """The picture as tables: the chain, its batches, its validators."""
    chain = Table(title=picture.chain_id, title_justify="left")
    for name in ("height", "nodes up", "minted"):
        chain.add_column(name, justify="right")
    nodes = f"{picture.nodes_up} of {picture.nodes}"
    chain.add_row(str(picture.height), nodes, _tft(picture.minted))
    yield chain
    yield _batches(picture)
    yield _validators(picture)


def _batches(picture: Picture) -> Table:
    table = Table()
    for name in ("period", "state", "committed", "attested", "receipts", "owed", "minted"):
        table.add_column(name, justify="right")
    for batch in picture.batches:
        table.add_row(
            str(batch.period),
            batch.state,
            f"{batch.committed} of {batch.guardians}",
            f"{batch.agreeing} of {batch.guardians}" + (" DIFFER" if batch.differing else ""),
            str(batch.receipts),
            _tft(batch.total),
            _tft(batch.minted),
        )
    return table


def _validators(picture: Picture) -> Table:
    table = Table()
    for name in ("validator", "address", "pid", "height"):
        table.add_column(name, justify="right")
    for row in picture.validators:
        pid = "-" if row.pid is None else str(row.pid)
        height = "down" if row.height is None else str(row.height)
        table.add_row(str(row.number), row.url, pid, height)
    return table


def _tft(amount: int) -> str:
    """Whole TFT and two decimals, rounded down: a picture, not an account."""
    return f"{amount // UTFT_PER_TFT}.{amount % UTFT_PER_TFT * 100 // UTFT_PER_TFT:02d} TFT"
