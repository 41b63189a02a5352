"""The README's table of verbs is true: each verb is there, and has what the table says of it."""

import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from typer.main import get_command

from tfchain.cli.front import front
from tfchain.cli.main import VERBS, main
from tfchain.tx.registry import KINDS, name_of

README: Final = Path(__file__).resolve().parents[3] / "README.md"
PLACEHOLDER: Final = "KIND"


def _rows() -> list[tuple[str, str]]:
    text = README.read_text(encoding="utf-8").partition("## The verbs\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| (`[^|]+`) \| ([^|]+) \|$", text, re.MULTILINE)


ROWS: Final = _rows()


def _verb(cell: str) -> str:
    return str(re.findall(r"`([\w-]+)", cell)[0])


@pytest.fixture(scope="module")
def commands() -> dict[str, Any]:
    """The verbs, all loaded."""
    return dict(get_command(front(VERBS, VERBS)).commands)  # type: ignore[attr-defined]


def options(command: Any) -> set[str]:
    """Those of a verb, and of the verbs under it."""
    inner: Sequence[Any] = list(getattr(command, "commands", {}).values())
    own = {name for parameter in command.params for name in getattr(parameter, "opts", [])}
    return own.union(*[options(one) for one in inner])


def test_every_verb_has_a_row() -> None:
    assert sorted(_verb(cell) for cell, _ in ROWS) == sorted(VERBS)


@pytest.mark.parametrize(("cell", "line"), ROWS, ids=[_verb(cell) for cell, _ in ROWS])
def test_a_verb_is_as_its_row_says(cell: str, line: str, commands: dict[str, Any]) -> None:
    verb = commands[_verb(cell)]
    inner = re.findall(r"`[\w-]+ ([\w-]+)", cell) + re.findall(r" / ([\w-]+)", cell)
    for name in inner:
        assert name == PLACEHOLDER or name in verb.commands, name
    for option in re.findall(r"--[a-z-]+", line):
        assert option in options(verb), option


@pytest.mark.parametrize(("cell", "line"), ROWS, ids=[_verb(cell) for cell, _ in ROWS])
def test_a_row_names_every_verb_under_its_verb(
    cell: str, line: str, commands: dict[str, Any]
) -> None:
    """But those of `show`, which its own help lists, and a kind of transaction each."""
    verb = _verb(cell)
    inner = set(getattr(commands[verb], "commands", {}))
    if verb == "tx":
        inner -= set(map(name_of, KINDS))
    if verb != "show":
        assert [name for name in sorted(inner) if not re.search(rf"\b{name}\b", cell)] == [], line


def _leaves(command: Any, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for name, inner in getattr(command, "commands", {}).items():
        yield from _leaves(inner, (*words, name))
    if not hasattr(command, "commands"):
        yield words


@pytest.mark.parametrize("verb", VERBS)
def test_help_says_what_each_option_is(
    verb: str,
    commands: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As a person asks for it: at the door, and on a terminal that is wide enough."""
    monkeypatch.setenv("COLUMNS", "200")
    for words in _leaves(commands[verb], (verb,)):
        command = commands[verb]
        for word in words[1:]:
            command = command.commands[word]
        monkeypatch.setattr(sys, "argv", ["tfchain", *words, "--help"])
        with pytest.raises(SystemExit) as end:
            main()
        said, complaints = capsys.readouterr()
        assert (end.value.code, complaints) == (0, ""), words
        assert " ".join(words) in said
        for parameter in command.params:
            assert parameter.help, (words, parameter.name)
            for name in parameter.opts if parameter.param_type_name == "option" else ():
                assert name in said, (words, name)


@pytest.mark.parametrize("verb", VERBS)
def test_help_is_not_torn_on_a_terminal_of_100_columns(verb: str, commands: dict[str, Any]) -> None:
    """A paragraph of several lines is shown line by line; one that is too long tears."""
    for words in [(verb,), *_leaves(commands[verb], (verb,))]:
        command = commands[verb]
        for word in words[1:]:
            command = command.commands[word]
        for paragraph in (command.help or "").split("\n\n"):
            lines = paragraph.splitlines()
            assert len(lines) < 2 or max(map(len, lines)) <= 98, (words, paragraph)


def _calls() -> list[list[str]]:
    """Every call of the README, from its blocks and from within its lines."""
    text = README.read_text(encoding="utf-8").replace("scripts/devnet", "tfchain devnet")
    text = text.replace("scripts/tfchain", "tfchain").replace("HEIGHT", "7")
    parts = re.split(r"^```.*$", text, flags=re.MULTILINE)
    lines = re.findall(r"^tfchain .*$", "\n".join(parts[1::2]), re.MULTILINE)
    lines += re.findall(r"`(tfchain [^`]*)`", "\n".join(parts[::2]))
    alone = dict.fromkeys(line.partition(" > ")[0].partition(" #")[0].strip() for line in lines)
    calls = [shlex.split(line)[1:] for line in alone]
    return [call for call in calls if call[0] != "VERB" and "--help" not in call]


@pytest.mark.parametrize("call", _calls(), ids=" ".join)
def test_a_call_of_the_readme_is_a_right_call(call: list[str], commands: dict[str, Any]) -> None:
    """Its options are there, and all that must be given is; what it does is shown elsewhere."""
    verb, *words = call
    command = commands[verb]
    while hasattr(command, "commands"):
        verb, *words = words
        command = command.commands[verb]
    with command.make_context(verb, words) as context:
        assert not context.args


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_has_help(verb: str, commands: dict[str, Any]) -> None:
    command = commands[verb]
    assert command.help
    with command.make_context(verb, [], resilient_parsing=True) as context:
        assert command.get_short_help_str()
        assert context.info_name == verb
