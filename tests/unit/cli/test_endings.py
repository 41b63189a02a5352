"""How a run ends: a code and at most one line for whatever was raised."""

import errno

import pytest
import typer

from tfchain.cli.endings import CODES, LINE_CHARS_MAX, Ending, ending_of, one_line, told
from tfchain.errors import Divergence, InvalidBlock, Malformed, Rejected, Unavailable


def _lost() -> SystemExit:
    """As a library ends the run that found the pipe closed."""
    end = SystemExit(1)
    end.__context__ = BrokenPipeError()
    return end


@pytest.mark.parametrize(
    ("fault", "code", "says"),
    [
        pytest.param(Rejected("fee", "at least 5"), 1, "fee: at least 5", id="refused"),
        pytest.param(InvalidBlock("block 7"), 1, "block 7", id="a bad block"),
        pytest.param(Divergence("root"), 1, "root", id="another answer"),
        pytest.param(Malformed("bytes"), 3, "malformed: bytes", id="bytes of a stranger"),
        pytest.param(Unavailable("a", "b", "c"), 3, "a: b; c", id="out of reach"),
        pytest.param(typer.BadParameter("no"), 2, "invalid value: no; see", id="a wrong call"),
        pytest.param(
            OSError(errno.ENOSPC, "x", "place"), 3, "No space left on device: place", id="a disk"
        ),
        pytest.param(KeyError("k"), 3, "unforeseen KeyError: 'k'", id="a bug"),
        pytest.param(AssertionError(), 3, "unforeseen AssertionError;", id="a bug that is silent"),
        pytest.param(SystemExit("no"), 1, "no", id="an end with a text"),
        pytest.param(
            ExceptionGroup("g", [ExceptionGroup("h", [Rejected("fee")])]), 1, "fee", id="in groups"
        ),
        pytest.param(
            ExceptionGroup("g", [Rejected("fee"), KeyError("k")]), 3, "KeyError", id="ours and not"
        ),
    ],
)
def test_an_error_has_its_code_and_its_line(fault: BaseException, code: int, says: str) -> None:
    ending = ending_of(fault)
    assert ending.code == code
    assert ending.line.startswith("tfchain: ")
    assert says in ending.line
    assert code in CODES


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        pytest.param(KeyboardInterrupt(), 130, id="Ctrl-C"),
        pytest.param(typer.Abort(), 130, id="Ctrl-C where something is asked"),
        pytest.param(
            BaseExceptionGroup("g", [Rejected("fee"), KeyboardInterrupt()]), 130, id="in a group"
        ),
        pytest.param(BrokenPipeError(), 141, id="a reader that went away"),
        pytest.param(_lost(), 141, id="a reader that went away, as a library says it"),
        pytest.param(SystemExit(), 0, id="an end"),
        pytest.param(SystemExit(7), 7, id="an end with a code"),
    ],
)
def test_some_ends_need_no_words(fault: BaseException, code: int) -> None:
    assert ending_of(fault) == Ending(code)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("a\n  b\tc ", "a b c", id="lines are joined"),
        pytest.param("a\x1b[2Jb\x07", "a?[2Jb?", id="nothing moves the terminal"),
        pytest.param("x" * 9_999, "x" * LINE_CHARS_MAX, id="nothing is endless"),
    ],
)
def test_a_line_is_one_line(text: str, line: str) -> None:
    assert one_line(text) == line


def _caught() -> KeyError:
    with pytest.raises(KeyError) as found:
        dict[str, int]()["k"]
    return found.value


def test_the_whole_way_is_shown_to_who_asks(capsys: pytest.CaptureFixture[str]) -> None:
    fault = _caught()
    assert told(fault, {"TFCHAIN_TRACEBACK": "1"}) == 3
    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert shown.splitlines()[-1].startswith("tfchain: unforeseen KeyError")
    assert told(fault, {}) == 3
    assert "Traceback" not in capsys.readouterr().err
