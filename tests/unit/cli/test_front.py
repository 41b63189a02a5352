"""The verbs as one command line, and how a shell completes them."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tfchain.cli import front
from tfchain.cli.main import VERBS


@pytest.mark.parametrize(
    ("argv", "environ", "words"),
    [
        pytest.param(["show", "node"], {}, ["show", "node"], id="as called"),
        pytest.param(
            [],
            {"_TFCHAIN_COMPLETE": "complete_bash", "COMP_WORDS": "tfchain tx tr"},
            ["tx", "tr"],
            id="as bash has it",
        ),
        pytest.param(
            [],
            {"_TFCHAIN_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "tfchain "},
            [],
            id="as zsh has it",
        ),
        pytest.param([], {"_TFCHAIN_COMPLETE": "complete_fish"}, [], id="as nobody has it"),
    ],
)
def test_the_verb_is_found_where_it_is_typed(
    argv: list[str], environ: dict[str, str], words: list[str]
) -> None:
    assert list(front.typed(argv, environ)) == words


def test_help_has_a_line_for_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert front.called(["--help"], {}, VERBS) == 0
    shown = capsys.readouterr().out
    for verb in VERBS:
        assert re.search(rf"^│ {verb} +\w", shown, re.MULTILINE), verb


def test_only_the_verb_that_is_asked_for_is_loaded() -> None:
    script = (
        "import sys; from tfchain.cli.front import called; called(['--version'], {}, ['show']);"
        "sys.exit('tfchain.cli.show' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, timeout=60)


def test_cycles_are_looked_for_seldom_by_whatever_verb() -> None:
    script = (
        "import gc; from tfchain.cli.front import called; called(['--version'], {}, ['show']);"
        "from tfchain.cli.collecting import OBJECTS_BETWEEN as due;"
        "assert gc.get_threshold()[0] == due > 700 and gc.get_freeze_count() > 0"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, timeout=60)


@pytest.fixture
def bash(tmp_path: Path) -> Path:
    """A script whose shell has `tfchain` and its completion."""
    if shutil.which("bash") is None:
        pytest.skip("there is no bash here")
    program = tmp_path / "tfchain"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tfchain "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    script = tmp_path / "script"
    script.write_text(
        f'PATH="{tmp_path}:$PATH"\n'
        "source <(tfchain completion bash)\n"
        'ask() { COMP_WORDS=(tfchain "$@"); COMP_CWORD=$#; _tfchain_completion tfchain;'
        ' echo "${COMPREPLY[@]}"; }\n',
        encoding="utf-8",
    )
    return script


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        pytest.param("sta", "start status statement", id="verbs"),
        pytest.param("keys ''", "new import show", id="verbs of a verb"),
        pytest.param("tx transf", "transfer", id="kinds"),
        pytest.param("tx transfer --am", "--amount", id="a kind's fields"),
        pytest.param("completion ''", "bash zsh fish", id="words of an argument"),
    ],
)
def test_bash_completes(bash: Path, words: str, offered: str) -> None:
    with bash.open("a", encoding="utf-8") as lines:
        lines.write(f"ask {words}\n")
    done = subprocess.run(
        ["bash", "--norc", str(bash)], capture_output=True, text=True, timeout=60, check=True
    )
    assert (done.stdout.split(), done.stderr) == (offered.split(), "")


@pytest.mark.parametrize(
    ("shell", "mark"),
    [
        pytest.param("bash", "complete -o default -F", id="bash"),
        pytest.param("zsh", "#compdef tfchain", id="zsh"),
        pytest.param("fish", "complete --command tfchain", id="fish"),
    ],
)
def test_each_shell_has_its_lines(
    shell: str, mark: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert front.called(["completion", shell], {}, VERBS) == 0
    shown = capsys.readouterr().out
    assert shown.lstrip().startswith((mark, "_tfchain_completion() {"))
    assert mark in shown
    assert "_TFCHAIN_COMPLETE=complete_" in shown
