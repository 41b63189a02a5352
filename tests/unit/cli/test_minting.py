"""`tfchain minting compute`: a line out for each line in, differences named, bad files in one line."""

import io
import json
import lzma
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.progress import Progress, TextColumn
from typer.testing import CliRunner, Result

from tfchain.chain.columns.public_receipts import receipts
from tfchain.chain.grid_columns import read_recorded
from tfchain.cli import minting
from tfchain.cli import recorded as recordings
from tfchain.cli.minting import app
from tfchain.errors import Malformed, Unavailable


@pytest.fixture(scope="module")
def recorded(golden_folder: Path) -> list[bytes]:
    """Two short recorded periods, with what is expected of them."""
    with lzma.open(golden_folder / "period_v3_small.jsonl.xz") as lines:
        return sorted(lines, key=len)[:2]


def _compute(*arguments: str, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(app, ["compute", *arguments], input=stdin)


def _file(folder: Path, *lines: bytes, name: str = "periods.jsonl") -> str:
    path = folder / name
    content = b"".join(lines)
    path.write_bytes(lzma.compress(content) if name.endswith(".xz") else content)
    return str(path)


def _altered(line: bytes, **changes: Any) -> bytes:
    return json.dumps(json.loads(line) | changes).encode() + b"\n"


@pytest.mark.parametrize("name", ["periods.jsonl", "periods.jsonl.xz"])
def test_a_line_comes_out_for_each_line_in(
    name: str, recorded: list[bytes], tmp_path: Path
) -> None:
    result = _compute(_file(tmp_path, *recorded, name=name))
    assert result.exit_code == 0
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    for line, answer in zip(recorded, answers, strict=True):
        period = json.loads(line)
        assert answer["seed"] == period["seed"]
        keys = ("node_id", "receipt", "hash", "violation")
        assert answer["results"] == [{k: e[k] for k in keys} for e in period["expected"]]
    assert "lines 2, receipts 2, equal: text 2, hash 2, violation 2, different 0" in result.stderr


def test_standard_input_is_read(recorded: list[bytes]) -> None:
    assert len(_compute("-", stdin=recorded[0]).stdout.splitlines()) == 1


def test_several_files_are_read_in_turn(recorded: list[bytes], tmp_path: Path) -> None:
    one, two = (_file(tmp_path, line, name=f"{n}.jsonl") for n, line in enumerate(recorded))
    assert len(_compute(one, two).stdout.splitlines()) == 2


def test_receipts_go_to_a_file(recorded: list[bytes], tmp_path: Path) -> None:
    out = tmp_path / "receipts.jsonl"
    result = _compute(_file(tmp_path, *recorded), "--out", str(out))
    assert (result.exit_code, result.stdout) == (0, "")
    assert len(out.read_bytes().splitlines()) == 2


def test_without_expectations_nothing_is_compared(recorded: list[bytes], tmp_path: Path) -> None:
    period = json.loads(recorded[0])
    line = json.dumps({"input": period["input"]}).encode()
    result = _compute(_file(tmp_path, line))
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout)["seed"] is None


def test_what_differs_is_named(recorded: list[bytes], tmp_path: Path) -> None:
    [due] = json.loads(recorded[0])["expected"]
    wrong = [due | {"hash": "00", "violation": "mood"}, due | {"node_id": 9}]
    line = _altered(recorded[0], seed="ours", expected=wrong)
    result = _compute(_file(tmp_path, line, _altered(recorded[1], seed=2, expected=[])))
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        'different: seed "ours" node 1: hash, violation',
        'different: seed "ours" node 9: no receipt',
        "different: seed 2 node 1: a receipt that is not expected",
        "lines 2, receipts 2, equal: text 1, hash 0, violation 0, different 3",
    ]


def test_what_the_other_program_writes_otherwise_is_named(
    recorded: list[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    period = read_recorded(json.loads(recorded[0])["input"], b"")
    [receipt] = receipts(period.period)
    tally = minting.Tally()
    minting._check([replace(receipt, violation="mood")], period, "seed 7", tally)
    assert (tally.checked, tally.differences) == (1, 1)
    assert capsys.readouterr().err == "different: seed 7 node 1: rows and columns\n"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        pytest.param(b"{", "not JSON", id="half an object"),
        pytest.param(b"\n", "not JSON", id="an empty line"),
        pytest.param(b"\xff", "not JSON", id="not UTF-8"),
        pytest.param(b"[" * 100_000, "not JSON", id="nested without end"),
        pytest.param(b"1" * 10_000, "not JSON", id="a number without end"),
        pytest.param(b"[]", "an object with input is due", id="a list"),
        pytest.param(b"{}", "input: an object is due", id="no input"),
        pytest.param(b'{"seed":1.5,"input":{}}', "seed: a number or a name", id="a strange seed"),
        pytest.param(b'{"input":{}}', "period is missing", id="an empty input"),
    ],
)
def test_a_bad_line_is_named(line: bytes, why: str, recorded: list[bytes], tmp_path: Path) -> None:
    file = _file(tmp_path, recorded[0], line)
    result = _compute(file)
    assert isinstance(result.exception, Malformed)
    assert str(result.exception).startswith(f"{file} line 2: {why}")


@pytest.mark.parametrize("expected", [5, [5], {}], ids=["a number", "numbers", "an object"])
def test_bad_expectations_are_named(
    expected: object, recorded: list[bytes], tmp_path: Path
) -> None:
    result = _compute(_file(tmp_path, _altered(recorded[0], expected=expected)))
    assert isinstance(result.exception, Malformed)


def test_other_line_separators_do_not_end_a_line(recorded: list[bytes], tmp_path: Path) -> None:
    period = json.loads(recorded[0])
    farms = [{"id": farm["id"], "name": "a\u2028b\x85"} for farm in period["input"]["farms"]]
    line = {"seed": 1, "input": period["input"] | {"farms": farms}}
    result = _compute(_file(tmp_path, json.dumps(line, ensure_ascii=False).encode()))
    [answer] = result.stdout.split("\n")[:-1]
    assert "a\u2028b\x85" in json.loads(answer)["results"][0]["receipt"]


def test_a_line_has_a_longest() -> None:
    class Endless(io.BytesIO):
        def readline(self, size: int | None = -1, /) -> bytes:  # type: ignore[explicit-override]
            assert size is not None
            return bytes(size)

    with pytest.raises(Malformed, match="zeros line 1: longer than 67108864 bytes"):
        recordings.line_of(Endless(), "zeros", 1)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"plainly not xz", id="another format"),
        pytest.param(lzma.compress(bytes(1_000))[:-20], id="cut short"),
    ],
)
def test_a_broken_xz_file_is_malformed(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "broken.jsonl.xz"
    path.write_bytes(content)
    result = _compute(str(path))
    assert isinstance(result.exception, Malformed)
    assert "line 1: not xz, or cut short" in str(result.exception)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = _compute(str(tmp_path / "nowhere.jsonl"))
    assert isinstance(result.exception, Unavailable)
    assert "No such file" in str(result.exception)
    assert "nowhere.jsonl" in str(result.exception)


def test_a_disk_that_cannot_be_read_is_named() -> None:
    class Broken(io.BytesIO):
        def readline(self, size: int | None = -1, /) -> bytes:  # type: ignore[explicit-override]
            raise OSError(5, "Input/output error")

    with pytest.raises(Unavailable, match="Input/output error"):
        recordings.line_of(Broken(), "disk", 1)


def test_an_answer_that_has_no_place_to_go_is_named(recorded: list[bytes], tmp_path: Path) -> None:
    result = _compute(_file(tmp_path, *recorded), "--out", str(tmp_path / "no" / "where"))
    assert isinstance(result.exception, Unavailable)
    assert "cannot write" in str(result.exception)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_named(recorded: list[bytes], tmp_path: Path) -> None:
    result = _compute(_file(tmp_path, *recorded), "--out", "/dev/full")
    assert isinstance(result.exception, Unavailable)
    assert "No space left" in str(result.exception)


def test_the_input_is_never_overwritten(recorded: list[bytes], tmp_path: Path) -> None:
    file = _file(tmp_path, *recorded)
    result = _compute(file, "--out", file)
    assert isinstance(result.exception, Unavailable)
    assert Path(file).read_bytes() == b"".join(recorded)


@pytest.mark.parametrize(
    ("terminal", "elapsed_s", "shown"),
    [
        pytest.param(True, 1.5, True, id="a person who waits"),
        pytest.param(True, 0.5, False, id="a person who does not"),
        pytest.param(False, 1.5, False, id="a pipe"),
    ],
)
def test_progress_is_for_people_who_wait(terminal: bool, elapsed_s: float, shown: bool) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=80)
    progress = Progress(TextColumn("{task.completed} periods"), console=console)
    progress.add_task("periods", total=None)
    minting._show(progress, minting.Tally(lines=7), elapsed_s)
    minting._hide(progress)
    assert ("7 periods" in screen.getvalue()) == shown
    assert shown or not screen.getvalue()
