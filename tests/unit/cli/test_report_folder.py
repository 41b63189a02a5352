"""A report is whole or not there, and no other file is ever touched; by the verb and by the folder."""

from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from tfchain.cli import audit as verb
from tfchain.cli.report import folder
from tfchain.errors import Unavailable

APP = typer.Typer()
APP.command()(verb.audit)


def _audit(*arguments: str | Path) -> Result:
    return CliRunner().invoke(APP, [str(one) for one in arguments])


def _names(place: Path) -> list[str]:
    return sorted(path.name for path in place.iterdir())


def _fill(place: Path, text: str) -> None:
    for name in folder.WHOLE:
        (place / name).write_text(text, encoding="utf-8")


def _write(place: Path, text: str) -> None:
    """A report whose files all hold this text."""
    with folder.whole_folder(place) as part:
        _fill(part, text)


def _diary(place: Path) -> None:
    place.mkdir()
    (place / "diary.txt").write_text("dear", encoding="utf-8")


def _page(place: Path) -> None:
    place.mkdir()
    (place / "index.html").write_text("<h1>mine</h1>", encoding="utf-8")


def _file(place: Path) -> None:
    place.write_text("", encoding="utf-8")


def _link(place: Path) -> None:
    other = place.with_name("other")
    other.mkdir()
    place.symlink_to(other)


@pytest.mark.parametrize(
    ("there", "named"),
    [
        pytest.param(_diary, r"something else than a report \(diary.txt\)", id="somebody's files"),
        pytest.param(_page, r"something else than a report \(index.html\)", id="somebody's page"),
        pytest.param(_file, "this is none", id="a file"),
        pytest.param(_link, "this is none", id="a link to elsewhere"),
    ],
)
def test_what_is_no_report_is_refused_and_stays(
    tmp_path: Path, there: Callable[[Path], None], named: str
) -> None:
    place = tmp_path / "r"
    there(place)
    before = _names(tmp_path)
    with pytest.raises(Unavailable, match=named):
        folder.check_place(place)
    with pytest.raises(Unavailable, match=named):
        _write(place, "new")
    assert _names(tmp_path) == before


def test_a_report_goes_into_a_folder_that_is_there(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no folder to write the report into"):
        folder.check_place(tmp_path / "none" / "r")


def test_a_name_that_the_disk_refuses_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot write the report"):
        _write(tmp_path / ("r" * 300), "new")


def test_an_empty_folder_and_an_earlier_report_give_way(tmp_path: Path) -> None:
    place = tmp_path / "r"
    place.mkdir()
    _write(place, "one")
    _write(place, "two")
    assert {path.read_text(encoding="utf-8") for path in place.iterdir()} == {"two"}
    assert _names(tmp_path) == ["r"]


def _break_off(place: Path) -> None:
    with folder.whole_folder(place) as part:
        (part / "index.html").write_text("half", encoding="utf-8")
        raise KeyError


@pytest.mark.parametrize("earlier", [True, False], ids=["over an earlier one", "where none was"])
def test_half_a_report_never_bears_the_name(tmp_path: Path, earlier: bool) -> None:
    place = tmp_path / "r"
    if earlier:
        _write(place, "whole")
    with pytest.raises(KeyError):
        _break_off(place)
    assert _names(tmp_path) == (["r"] if earlier else [])
    if earlier:
        assert {path.read_text(encoding="utf-8") for path in place.iterdir()} == {"whole"}


def _fill_meanwhile(place: Path) -> None:
    with folder.whole_folder(place) as part:
        _fill(part, "new")
        _diary(place)


def test_a_place_that_fills_up_meanwhile_is_left_alone(tmp_path: Path) -> None:
    place = tmp_path / "r"
    with pytest.raises(Unavailable, match="diary"):
        _fill_meanwhile(place)
    assert _names(place) == ["diary.txt"]
    assert _names(tmp_path) == ["r"]


def test_the_verb_writes_a_report_beside_its_answer(golden_folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "r"
    result = _audit(golden_folder / "devnet.tfc", "--report", place)
    assert result.exit_code == 0, result.output
    assert "audit: ok" in result.stdout
    assert _names(place) == sorted(folder.WHOLE)
    root = result.stdout.partition("proof of capacity ")[2][:64]
    assert root in (place / "index.html").read_text(encoding="utf-8")
    assert root in (place / "batches.csv").read_text(encoding="utf-8")


def test_a_place_is_refused_before_the_audit_begins(golden_folder: Path, tmp_path: Path) -> None:
    _diary(tmp_path / "r")
    result = _audit(golden_folder / "devnet.tfc", "--report", tmp_path / "r")
    assert isinstance(result.exception, Unavailable)
    assert "audit" not in result.output


def test_an_audit_that_fails_leaves_no_report(golden_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.tfc"
    path.write_bytes((golden_folder / "devnet.tfc").read_bytes()[:-1])
    result = _audit(path, "--report", tmp_path / "r")
    assert result.exit_code == 1
    assert _names(tmp_path) == ["cut.tfc"]
