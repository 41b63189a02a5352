"""The laws of the repository's files: contracts, registry, locks, sizes, and words that stay out."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest

from tfchain.tx.registry import KINDS

ROOT: Final = Path(__file__).resolve().parent.parent
TRACKED_BYTES_MAX: Final = 1_000_000

Check = Callable[[str], list[str]]

# --- words that stay out --------------------------------------------------------------------------
# Spelled in pieces: this file is read by its own laws.

_LATER: Final = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
_MACHINE: Final = re.compile(r"(?<![\w.$}\])])/(?:work|root|tmp|home|Users|opt)/" + r"[\w.]")
_HOSTS: Final = (
    "py" + "pi",
    "python" + "hosted",
    "npm" + "js",
    "crates" + r"\.io",
    "proxy" + r"\.golang",
)
_INDEX: Final = re.compile(
    rf"https?://\S*(?:{'|'.join(_HOSTS)})|\b(?:{'|'.join(_HOSTS)})\.(?:org|com)\b"
    r"|index" + r"-url\s*[= ]\s*\S*[:/]|find" + r"-links\s*[= ]\s*\S*/"
)
_BESIDE: Final = re.compile(r"\.\./" + r"shared")


def _seen(pattern: re.Pattern[str], text: str) -> list[str]:
    lines = enumerate(text.splitlines(), start=1)
    return [f"{number}: {hit.group()}" for number, line in lines if (hit := pattern.search(line))]


def put_off(text: str) -> list[str]:
    """Work put off in a comment is never done: it is done now, or it is a limit, written down."""
    return _seen(_LATER, text)


def machine_paths(text: str) -> list[str]:
    return _seen(_MACHINE, text)


def index_addresses(text: str) -> list[str]:
    return _seen(_INDEX, text)


def outside_folders(text: str) -> list[str]:
    return _seen(_BESIDE, text)


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    """What a commit of everything here would hold."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("no git, or no clone: nobody says which files belong to the repository")
    listed = subprocess.run(
        [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    paths = (ROOT / name for name in listed.stdout.decode().split("\0") if name)
    return [path for path in paths if path.is_file()]


def _texts(paths: list[Path]) -> dict[str, str]:
    """Relative name to text; what is no UTF-8 is no text."""
    texts = {}
    for path in paths:
        raw = path.read_bytes()
        if b"\0" not in raw:
            texts[path.relative_to(ROOT).as_posix()] = raw.decode(errors="replace")
    return texts


def test_no_tracked_file_is_large(tracked: list[Path]) -> None:
    large = [path.name for path in tracked if path.stat().st_size > TRACKED_BYTES_MAX]
    assert large == []


@pytest.mark.parametrize("check", [put_off, machine_paths, index_addresses, outside_folders])
def test_words_that_stay_out(check: Check, tracked: list[Path]) -> None:
    """`.ci/run` alone may know a folder beside the clone."""
    allowed = {".ci/run"} if check is outside_folders else set()
    texts = _texts([path for path in tracked if path.name != "LICENSE"])
    checked = {name: check(text) for name, text in texts.items() if name not in allowed}
    faults = [f"{name}:{fault}" for name, found in checked.items() for fault in found]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    ("check", "text"),
    [
        pytest.param(put_off, "x = 1  # TO" + "DO: later", id="work put off"),
        pytest.param(put_off, "<!-- FIX" + "ME -->", id="in a document"),
        pytest.param(machine_paths, "open('/wo" + "rk/main/x')", id="a folder of one machine"),
        pytest.param(machine_paths, "cd /ro" + "ot/.pyenv", id="somebody's home"),
        pytest.param(machine_paths, "data=/t" + "mp/x", id="a folder everybody shares"),
        pytest.param(index_addresses, "https://py" + "pi.org/simple", id="an index"),
        pytest.param(index_addresses, "--index" + "-url http://a.b/", id="an index by option"),
        pytest.param(index_addresses, "--find" + "-links /x/y", id="a folder of wheels"),
        pytest.param(
            outside_folders, "cat ../sha" + "red/design.md", id="a folder beside the clone"
        ),
    ],
)
def test_a_word_that_stays_out_is_seen(check: Check, text: str) -> None:
    assert len(check(text)) == 1


@pytest.mark.parametrize(
    ("check", "text"),
    [
        pytest.param(put_off, "todos os dias", id="a word in another language"),
        pytest.param(machine_paths, "#!/usr/bin/env bash", id="the path everybody has"),
        pytest.param(
            machine_paths, '"$work/tmp/x" and GET /v1/home/7', id="paths made on the spot"
        ),
        pytest.param(
            index_addresses, "--no-emit-index" + "-url --no-emit-find" + "-links", id="kept out"
        ),
    ],
)
def test_a_harmless_word_passes(check: Check, text: str) -> None:
    assert check(text) == []


# --- kinds ----------------------------------------------------------------------------------------


def _file_of(kind: type) -> str:
    return kind.__module__.rpartition(".")[2]


def files_without_a_row(files: list[str], kinds: Mapping[int, type]) -> list[str]:
    rows = {_file_of(kind) for kind in kinds.values()}
    return [name for name in files if name not in rows]


def moved_tags(pinned: Mapping[str, str], kinds: Mapping[int, type]) -> list[str]:
    """A number that means another kind than it did, or that nobody has written down."""
    now = {str(number): _file_of(kind) for number, kind in kinds.items()}
    numbers = sorted(pinned.keys() | now.keys(), key=int)
    return [f"{n}: {pinned.get(n)} -> {now.get(n)}" for n in numbers if pinned.get(n) != now.get(n)]


def test_every_kind_has_its_row() -> None:
    files = sorted(p.stem for p in (ROOT / "tfchain/tx/kinds").glob("*.py") if p.stem != "__init__")
    assert files
    assert files_without_a_row(files, KINDS) == []


def test_tags_never_move(golden_folder: Path) -> None:
    """A new kind takes the next number here too; a number is never given twice, nor back."""
    pinned = json.loads((golden_folder / "tags.json").read_text(encoding="utf-8"))
    assert moved_tags(pinned, KINDS) == []


def test_a_file_without_a_row_and_a_moved_tag_are_seen() -> None:
    number, kind = next(iter(KINDS.items()))
    name = _file_of(kind)
    assert files_without_a_row([name, "forgotten"], {number: kind}) == ["forgotten"]
    assert moved_tags({str(number): name}, {number: kind}) == []
    assert moved_tags({str(number): "another"}, {number: kind}) == [f"{number}: another -> {name}"]
    assert moved_tags({}, {number: kind}) == [f"{number}: None -> {name}"]
    assert moved_tags({"99": "gone"}, {}) == ["99: gone -> None"]


# --- locks ----------------------------------------------------------------------------------------

_PIN: Final = re.compile(r"[a-z0-9-]+==[\w.+!]+(?: ; [\w \"'.<>=]+)?")
_HASH: Final = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def lock_faults(text: str) -> list[str]:
    """Everything that is neither a pinned name nor a hash of it."""
    entries = [part.strip() for part in text.replace("\\\n", "\n").splitlines()]
    strange = [e for e in entries if e and not _PIN.fullmatch(e) and not _HASH.fullmatch(e)]
    bare = re.findall(r"^(\S+==\S+)[^\\\n]*$", text, re.MULTILINE)
    return strange + [f"{name} has no hash" for name in bare]


def _pins(name: str) -> set[str]:
    text = (ROOT / "scripts" / name).read_text(encoding="utf-8")
    assert lock_faults(text) == []
    return set(re.findall(r"^\S+==\S+", text, re.MULTILINE))


def test_locks_hold_names_versions_and_hashes_and_agree() -> None:
    run, dev = _pins("requirements-run.txt"), _pins("requirements-dev.txt")
    assert run < dev


def test_the_locks_hold_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    locked = {pin.partition("==")[0] for pin in _pins("requirements-run.txt")}
    assert {re.split(r"[^\w-]", need)[0] for need in asked} <= locked
    asked = project["dependency-groups"]["dev"]
    locked = {pin.partition("==")[0] for pin in _pins("requirements-dev.txt")}
    assert {re.split(r"[^\w-]", need)[0] for need in asked} <= locked


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("--extra-index" + "-url http://a.b/\n", id="an option"),
        pytest.param("trio==0.31 \\\n    --hash=md5:00\n", id="a weak hash"),
        pytest.param("trio>=0.31\n", id="no version"),
        pytest.param("trio==0.31\n", id="no hash"),
        pytest.param("trio @ file:///x\n", id="a path"),
    ],
)
def test_a_loose_lock_is_seen(text: str) -> None:
    assert lock_faults(text)


# --- contracts ------------------------------------------------------------------------------------


def _contracts(folder: Path) -> subprocess.CompletedProcess[str]:
    """The import contracts, judged in a folder that holds a house."""
    program = (
        "import sys; from importlinter.cli import lint_imports_command; lint_imports_command()"
    )
    return subprocess.run(
        [sys.executable, "-c", program, "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copied_house(tmp_path: Path) -> Path:
    shutil.copytree(
        ROOT / "tfchain", tmp_path / "tfchain", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.slow
def test_import_contracts_hold() -> None:
    done = _contracts(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        pytest.param("errors.py", "import tfchain.base", "Floors", id="a floor leans upward"),
        pytest.param("base/units.py", "import time", "pure floors", id="a clock below the line"),
        pytest.param("tx/kinds/transfer.py", "import nacl", "libsodium", id="nacl above the base"),
        pytest.param(
            "tx/kinds/transfer.py",
            "import tfchain.tx.kinds.mint",
            "No transaction kind",
            id="kinds lean",
        ),
    ],
)
def test_a_broken_contract_is_seen(
    copied_house: Path, module: str, line: str, contract: str
) -> None:
    path = copied_house / "tfchain" / module
    path.write_text(path.read_text(encoding="utf-8") + f"\n{line}\n", encoding="utf-8")
    done = _contracts(copied_house)
    assert done.returncode == 1, done.stderr
    broken = done.stdout.partition("Broken contracts")[2]
    assert contract in broken


# --- documents ------------------------------------------------------------------------------------


def test_every_script_that_the_readme_names_is_there() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\bscripts/[a-z][\w.-]*\w", text))
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
