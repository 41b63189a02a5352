"""What tests with real processes share: a devnet whose genesis is a little other than the template's."""

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest

from tfchain.base.address import to_text
from tfchain.client.keys import Key, seed_of_uri

ROOT: Final = Path(__file__).resolve().parents[2]
BALANCE: Final = 1_000_000_000
"""100 TFT."""

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
