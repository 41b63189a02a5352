"""What tests with real processes share: a devnet and what it says, and one with a genesis of its own."""

import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from tfchain.base.address import to_text
from tfchain.client.keys import Key, seed_of_uri

ROOT: Final = Path(__file__).resolve().parents[2]
BALANCE: Final = 1_000_000_000
"""100 TFT."""

PATIENCE_S: Final = 120.0

CloneWith = Callable[[Path, Mapping[str, int], Sequence[str]], Path]


@pytest.fixture(scope="session")
def clone_with() -> CloneWith:
    """`clone_with(folder, numbers, guardians)`: a clone to run `tfchain devnet` in.

    In its template each number stands on its line. The guardians, secret URIs, have no program: a
    person signs for them.
    """

    def make(folder: Path, numbers: Mapping[str, int], guardians: Sequence[str]) -> Path:
        shutil.copytree(ROOT / "tfchain", folder / "tfchain")
        (folder / "genesis").mkdir()
        text = (ROOT / "genesis" / "devnet.toml").read_text(encoding="utf-8")
        for name, number in numbers.items():
            text, found = re.subn(rf"(?m)^{name} = \d+$", f"{name} = {number}", text)
            assert found == 1, name
        for uri in guardians:
            account = to_text(Key(seed_of_uri(uri)).address)
            text += f'\n[[account]]\naddress = "{account}"\nbalance = {BALANCE}\n'
            text += f'\n[[guardian]]\naccount = "{account}"\n'
        (folder / "genesis" / "devnet.toml").write_text(text, encoding="utf-8")
        return folder

    return make


class Devnet:
    """A `tfchain devnet` under way, and what it has printed so far."""

    def __init__(self, home: Path, *options: str, **how: Any) -> None:
        self.home = home
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tfchain", "devnet", "--home", str(home), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **how,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            self.lines.extend(lines)

    def said(self, pattern: str) -> str:
        """What the group of the pattern last was, once it was said."""
        found: list[str] = []

        def is_said() -> bool:
            found.extend(re.findall(pattern, "".join(self.lines)))
            return bool(found)

        self.wait(is_said, pattern)
        return found[-1]

    def wait(self, condition: Callable[[], object], what: str) -> None:
        until = time.monotonic() + PATIENCE_S
        while not condition():
            told = "".join(self.lines[-20:])
            assert time.monotonic() < until, f"not within {PATIENCE_S} s: {what}\n{told}"
            time.sleep(0.1)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(PATIENCE_S)
        self._reader.join()


@pytest.fixture(scope="session")
def devnet() -> Callable[..., AbstractContextManager[Devnet]]:
    """`with devnet(home, *options) as running`: it runs as long as the block does."""

    @contextmanager
    def begin(home: Path, *options: str, **how: Any) -> Iterator[Devnet]:
        running = Devnet(home, *options, **how)
        try:
            yield running
        finally:
            running.end()

    return begin
