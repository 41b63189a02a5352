"""Laws of the read model: killed at any statement, or fed in any pieces, it comes to the same."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfchain.index.database import FILE
from tfchain.index.model import Model, opened_model
from tfchain.index.sheet import CHECKSUM_BYTES, Form, Sheet, checksum_after, counted

BEGUN: Final = 80
"""From here the last period is settled, attested and paid."""
_FEW: Final = settings(max_examples=8)


@pytest.fixture(scope="module")
def begun(recorded: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A read model that stopped at height 80."""
    folder = tmp_path_factory.mktemp("begun")
    with opened_model(folder) as model:
        recorded.into(model, upto=BEGUN)
    return folder


def checksums(path: Path) -> dict[int, str]:
    with closing(sqlite3.connect(path)) as file:
        return dict(file.execute("SELECT height, checksum FROM checksums").fetchall())


class Cut:
    """Copies the files at one SQL statement: what a kill, or a power cut, would have left."""

    def __init__(self, source: Path, target: Path, statement: int) -> None:
        self.source, self.target, self.left = source, target, statement

    def __call__(self, _statement: str) -> None:
        if self.left == 0:
            shutil.copytree(self.source, self.target)
        self.left -= 1


def cut_at(statement: int, run: int, recorded: Any, begun: Path, folder: Path) -> Path:
    """What a kill before that statement leaves; all of it, if there are fewer."""
    first, copy = folder / "first", folder / "copy"
    shutil.copytree(begun, first)
    with opened_model(first) as model:
        model._connection.set_trace_callback(Cut(first, copy, statement))
        recorded.into(model, run)
        model._connection.set_trace_callback(None)
    return copy if copy.exists() else first


def check_left(left: Path, recorded: Any, shown: Model) -> int:
    """It stands at some height, and goes on from there to the same; the height."""
    due = checksums(shown.path)
    with opened_model(left) as model:
        height = model.height
        assert BEGUN <= height <= 93
        assert model.standing().checksum.hex() == due[height]
        assert model.recounted().hex() == due[height]
        recorded.into(model)
        assert model.standing() == shown.standing()
    return height


@_FEW
@given(statement=st.integers(0, 2_500), run=st.sampled_from([1, 4]))
def test_killed_at_any_statement_it_comes_to_the_same(
    statement: int, run: int, recorded: Any, shown: Model, begun: Path
) -> None:
    with TemporaryDirectory() as name:
        check_left(cut_at(statement, run, recorded, begun, Path(name)), recorded, shown)


def test_killed_right_before_or_after_a_commit_it_comes_to_the_same(
    recorded: Any, shown: Model, begun: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    shutil.copytree(begun, tmp_path / "heard")
    with opened_model(tmp_path / "heard") as model:
        model._connection.set_trace_callback(said.append)
        recorded.into(model, 5)
        model._connection.set_trace_callback(None)
    second = [at for at, statement in enumerate(said) if statement == "COMMIT"][1]
    heights = []
    for at in (second, second + 1):
        left = cut_at(at, 5, recorded, begun, tmp_path / str(at))
        heights.append(check_left(left, recorded, shown))
    assert heights == [BEGUN + 5, BEGUN + 10]


def test_two_models_of_the_same_blocks_have_the_same_rows(
    recorded: Any, shown: Model, begun: Path, tmp_path: Path
) -> None:
    """Not only the sums: the tables themselves, row by row."""
    shutil.copytree(begun, tmp_path / "other")
    with opened_model(tmp_path / "other") as model:
        recorded.into(model, 5)
    assert list(_dump(tmp_path / "other" / FILE)) == list(_dump(shown.path))


def _dump(path: Path) -> Iterator[str]:
    with closing(sqlite3.connect(path)) as file:
        yield from file.iterdump()


PLAIN: Final = Form(
    name="plain", columns=(("a", "INTEGER"), ("b", "TEXT"), ("c", "INTEGER")), keys=2
)
KEYS: Final = st.tuples(st.integers(0, 2), st.sampled_from(["x", "y"]))
WRITES: Final = st.lists(st.tuples(KEYS, st.none() | st.integers(0, 3)), max_size=12)


@given(pages=st.lists(WRITES, max_size=4))
def test_a_sheet_is_a_dictionary_and_its_checksum_says_what_is_in_it(
    pages: list[list[tuple[tuple[int, str], int | None]]],
) -> None:
    known: dict[tuple[int, str], int] = {}
    checksum = bytes(CHECKSUM_BYTES)
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as file:
        for line in PLAIN.create():
            file.execute(line)
        for page in pages:
            sheet = Sheet(file)
            for (a, b), c in page:
                if c is None:
                    sheet.drop(PLAIN, a, b)
                    known.pop((a, b), None)
                else:
                    sheet.put(PLAIN, a=a, b=b, c=c)
                    known[a, b] = c
                row = sheet.get(PLAIN, a, b)
                assert row == (None if c is None else {"a": a, "b": b, "c": c})
            checksum = checksum_after(checksum, sheet.flush())
            rows = file.execute("SELECT a, b, c FROM plain").fetchall()
            assert {(a, b): c for a, b, c in rows} == known
            assert checksum == counted(file, [PLAIN])
    assert (checksum == bytes(CHECKSUM_BYTES)) == (not known)


def test_a_number_beyond_sqlite_is_kept_at_its_end() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as file:
        for line in PLAIN.create():
            file.execute(line)
        sheet = Sheet(file)
        sheet.put(PLAIN, a=1, b="x", c=(1 << 64) - 1)
        sheet.change(PLAIN, 1, "x", c=(1 << 64) - 2)
        sheet.flush()
        assert file.execute("SELECT c FROM plain").fetchone() == ((1 << 63) - 1,)
