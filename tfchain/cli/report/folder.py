"""The report's folder: whole or not there.

Everything is written into a folder beside it, whose name says that it is a part, and renamed at the
end. A folder that holds anything but an earlier report is never touched.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tfchain.errors import Unavailable
from tfchain.store.files import told

OVERVIEW: Final = "overview.csv"
BATCH_LIST: Final = "batches.csv"
PAYOUTS: Final = "payouts.csv"
RECEIPTS: Final = "receipts.jsonl"
PAGE: Final = "index.html"
BATCHES: Final = "batches"
WHOLE: Final = frozenset({OVERVIEW, PAYOUTS, BATCH_LIST, RECEIPTS, PAGE})
"""What every report holds; more than one batch adds `batches`."""
TABLES: Final = frozenset({OVERVIEW, PAYOUTS, RECEIPTS})
"""What an imported period's folder holds."""


def check_place(place: Path, whole: frozenset[str] = WHOLE) -> None:
    """Refuse a place that a report may not be written to, before the long work begins.

    `whole`: the files of which an earlier report is made.

    Raises:
        Unavailable: it is a file or a folder with other files, or its parent is no folder.
    """
    with told("cannot write the report", place):
        if not place.absolute().parent.is_dir():
            raise Unavailable("no folder to write the report into", str(place.parent), "make it")
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            remedy = "name a new or an empty folder"
            raise Unavailable("the report needs a folder, this is none", str(place), remedy)
        if place.is_dir():
            _check_content(place, whole)


def _check_content(place: Path, whole: frozenset[str]) -> None:
    found = {entry.name for entry in place.iterdir()}
    foreign = sorted(found - whole - ({BATCHES} if whole is WHOLE else set()))
    if not foreign and (not found or found >= whole):
        return
    other = foreign[0] if foreign else min(found)
    raise Unavailable(
        f"the folder holds something else than a report ({other})",
        str(place),
        "name a new or an empty folder",
    )


@contextmanager
def whole_folder(place: Path, whole: frozenset[str] = WHOLE) -> Iterator[Path]:
    """A fresh folder that becomes `place` when the block ends well, and vanishes when it does not.

    Raises:
        Unavailable: the disk refuses, or `place` has filled up meanwhile.
    """
    place = place.absolute()
    part = place.with_name(f".{place.name}.part-{os.getpid()}")
    with told("cannot write the report", place):
        part.mkdir()
        try:
            yield part
            check_place(place, whole)
            _put(part, place)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def _put(part: Path, place: Path) -> None:
    """An earlier report steps aside first; if this stops half-way, no half report bears the name."""
    if not place.exists() or not any(place.iterdir()):
        part.rename(place)
        return
    old = place.with_name(f".{place.name}.old-{os.getpid()}")
    place.rename(old)
    part.rename(place)
    shutil.rmtree(old)
