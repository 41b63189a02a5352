"""Makes the virtual environment a script runs in, from a lock, with nothing but Python.

Two rings, two environments: `run` (`.venv`) is what a network needs, `dev` (`.venv-dev`) adds what
tests and checks need. They are apart so that a test run never changes the ground under a devnet.
A stamp inside the environment says what it was made from; while it holds, nothing is touched.
"""

import argparse
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
STAMP: Final = "tfchain-stamp.json"
OLDEST: Final = (3, 11)

_ADDRESS: Final = re.compile(r"\S*://\S+|host='[^']*'|\S+ \(Caused by.*")
_LINES_SHOWN_MAX: Final = 12


class SetupError(Exception):
    """One line for the person at the terminal: what failed and what to do."""


def main(arguments: Sequence[str]) -> int:
    """Exit 0: the environment stands. 1: it could not be made. 3: `--check`, and it does not."""
    parser = argparse.ArgumentParser(description="Make or check a virtual environment.")
    parser.add_argument("ring", choices=["run", "dev"])
    parser.add_argument("home", type=Path, help="folder of the environment")
    parser.add_argument("--check", action="store_true", help="only say whether it stands")
    chosen = parser.parse_args(arguments)
    if chosen.check:
        return 0 if _stands(chosen.home, _wanted(chosen.ring, chosen.home)) else 3
    try:
        make(chosen.ring, chosen.home)
    except SetupError as fault:
        _say(str(fault))
        return 1
    except KeyboardInterrupt:
        _say("interrupted; the next run begins the setup anew")
        return 130
    return 0


def make(ring: str, home: Path) -> None:
    """Make the environment unless it stands already. Raises SetupError."""
    assert sys.version_info >= OLDEST, "the caller picks the interpreter"
    wanted = {**_wanted(ring, home), "python": _version()}
    with _alone(_lock_file(ring)):
        if _stands(home, wanted):
            return
        start = time.monotonic()
        _say(f"setting up {home.name}: Python {_version()}, {_store()}, about half a minute")
        _build(ring, home)
        (home / STAMP).write_text(json.dumps(wanted), encoding="utf-8")
        _say(f"{home.name} is ready after {time.monotonic() - start:.0f} s")


def _build(ring: str, home: Path) -> None:
    shutil.rmtree(home, ignore_errors=True)
    try:
        venv.create(home, with_pip=True, symlinks=True)
    except (subprocess.CalledProcessError, OSError) as fault:
        major, minor = sys.version_info[:2]
        raise SetupError(
            f"Python {_version()} cannot make a virtual environment in {home.parent} "
            f"({type(fault).__name__}): on Debian and Ubuntu install python{major}.{minor}-venv"
        ) from fault
    _pip(home, "--only-binary=:all:", "--require-hashes", "-r", str(_lock_file(ring)))
    _pip(home, "--no-deps", "--no-index", "--no-build-isolation", "-e", str(ROOT))


def _pip(home: Path, *arguments: str) -> None:
    """`pip install`, silent; what it complains about is shown without any address."""
    options = ("--quiet", "--no-input", "--disable-pip-version-check", "--no-warn-script-location")
    done = subprocess.run(
        [str(home / "bin" / "python"), "-I", "-m", "pip", "install", *options, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return
    told = [line for line in done.stdout.splitlines() if line.strip() and "hint:" not in line]
    for line in told[-_LINES_SHOWN_MAX:]:
        _say(_ADDRESS.sub("...", line))
    raise SetupError("packages could not be installed: is the network there? Run it again.")


def _wanted(ring: str, home: Path) -> dict[str, str]:
    """What the environment must have been made from. Paths are in it: environments cannot move."""
    return {
        "lock": hashlib.sha256(_lock_file(ring).read_bytes()).hexdigest(),
        "project": hashlib.sha256(_project_table()).hexdigest(),
        "root": str(ROOT),
        "home": str(home.absolute()),
    }


def _project_table() -> bytes:
    """What the installed project follows from; the tools' settings are read afresh by each tool."""
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    kept = (whole["build-system"], whole["project"], whole["tool"]["hatch"])
    return json.dumps(kept, sort_keys=True).encode()


def _stands(home: Path, wanted: dict[str, str]) -> bool:
    """Whether the stamp says all that is wanted. Its writing was the last step of the setup."""
    try:
        found = json.loads((home / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return (
        isinstance(found, dict)
        and wanted.items() <= found.items()
        and os.access(home / "bin" / "python", os.X_OK)
    )


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One setup at a time: two scripts started together must not build over each other."""
    with path.open(encoding="utf-8") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("waiting: another script is setting up")
            fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _lock_file(ring: str) -> Path:
    return ROOT / "scripts" / f"requirements-{ring}.txt"


def _version() -> str:
    return ".".join(map(str, sys.version_info[:3]))


def _store() -> str:
    """The same question as plyvel's marker in the lock."""
    levels = sys.platform == "linux" and os.uname().machine == "x86_64"
    return "LevelDB store" if levels and sys.version_info < (3, 13) else "SQLite store"


def _say(line: str) -> None:
    print(f"tfchain: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
