"""The checker of the README, as it stands there, in a process of its own: what it accepts and refuses."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from typer.testing import CliRunner

from tfchain.cli import show

if TYPE_CHECKING:
    from tests.unit.node.minted.conftest import Minted

README: Final = Path(__file__).resolve().parents[4] / "README.md"
CHECKER: Final = next(
    source
    for source in re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    if "check.py" in source
)
LINES_MAX: Final = 67
UNREADABLE: Final = ""
"""What is no proof at all is refused in Python's own words."""
Outcome = tuple[int, str]
Check = Callable[..., Outcome]


def _shown(minted: "Minted", node: int, period: str = "0/0") -> Any:
    arguments = ["receipt", period, str(node), "--proof", "--json", "--node", minted.url]
    result = CliRunner().invoke(show.app, arguments)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def proof(minted: "Minted") -> Any:
    """What `tfchain show receipt 0/0 1 --proof --json` prints."""
    return _shown(minted, 1)


@pytest.fixture
def check(minted: "Minted", tmp_path: Path) -> Check:
    """Run the checker; its exit code, and what it says."""

    def run(proof: object, genesis: str = minted.genesis) -> Outcome:
        (tmp_path / "check.py").write_text(CHECKER, encoding="utf-8")
        (tmp_path / "proof.json").write_text(json.dumps(proof), encoding="utf-8")
        (tmp_path / "genesis.toml").write_text(genesis, encoding="utf-8")
        command = [sys.executable, "-W", "error", "check.py", "genesis.toml", "proof.json"]
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        return ended.returncode, ended.stdout + ended.stderr

    return run


def test_the_checker_owes_tfchain_nothing() -> None:
    assert "tfchain" not in re.sub(r'b"tfchain/consensus[^"]*"', "", CHECKER)
    modules = re.findall(r"^(?:import|from) (.*)$", CHECKER, re.MULTILINE)
    assert [line.split(" import ")[0] for line in modules] == [
        "hashlib, io, json, sys, tomllib",
        "nacl",
    ]
    assert len([line for line in CHECKER.splitlines() if line.strip()]) <= LINES_MAX


def test_every_receipt_of_the_batch_is_checked(minted: "Minted", check: Check) -> None:
    for node in (1, 2, 3):
        proof = _shown(minted, node)
        code, said = check(proof)
        assert code == 0, said
        amount = proof["amount"]
        assert said == f"node {node}, period 0/0: {amount} units minted in block 17\n"


def _flipped(text: str, at: int = -1) -> str:
    at %= len(text)
    return text[:at] + format(int(text[at], 16) ^ 1, "x") + text[at + 1 :]


def _touched(proof: Any, path: tuple[str | int, ...], change: Callable[[Any], object]) -> Any:
    copy = json.loads(json.dumps(proof))
    place = copy["proof"]
    *steps, last = path
    for step in steps:
        place = place[step]
    place[last] = change(place[last])
    return copy


def _cut(text: str) -> str:
    return text[: len(text) // 4 * 2]


BROKEN: list[tuple[tuple[str | int, ...], Callable[[Any], object], str]] = [
    (("receipt", "row"), _flipped, "receipt"),
    (("receipt", "row"), _cut, "receipt"),
    (("receipt", "index"), lambda at: at + 1, "receipt"),
    (("receipt", "path", 0), _flipped, "receipt"),
    (("receipt", "path"), lambda path: [*path, path[0]], UNREADABLE),
    (("receipt", "path"), lambda path: path[:-1], UNREADABLE),
    (("receipt",), lambda _: None, UNREADABLE),
    (("mint", "row"), _flipped, "mint"),
    (("mint", "row"), _cut, "mint"),
    (("mint", "path", 1), _flipped, "mint"),
    (("mint",), lambda _: None, "not paid yet"),
    (("batch", "row"), _flipped, "batch"),
    (("batch", "row"), _cut, "batch"),
    (("batch", "row"), lambda _: "", "batch"),
    (("batch", "key"), _flipped, "batch"),
    (("batch", "tree", "siblings", 0), _flipped, "batch"),
    (("batch", "tree", "siblings"), lambda path: path[:-1], "batch"),
    (("batch", "tree", "siblings"), lambda path: [*path, *path] * 256, UNREADABLE),
    (("batch", "table_root"), _flipped, "state"),
    (("batch", "state", "path", 0), _flipped, "state"),
    (("batch", "state", "index"), lambda at: at + 1, "state"),
    (("batch", "block", "header"), _flipped, "header"),
    (("batch", "block", "header"), _cut, UNREADABLE),
    (("batch", "block", "part_root"), _flipped, "header"),
    (("batch", "block", "part_count"), lambda count: count + 1, "header"),
    (("batch", "block", "commit"), lambda text: _flipped(text, 40), "header"),
    (("batch", "block", "commit"), lambda text: _flipped(text, 400), "Signature was forged"),
    (("batch",), lambda _: None, UNREADABLE),
]


def _is_refused(outcome: Outcome, link: str) -> None:
    code, said = outcome
    assert code == 1
    assert said.startswith(f"broken: {link}")
    assert said.count("\n") == 1, "a line, and nothing else"


@pytest.mark.parametrize(
    ("path", "change", "link"),
    BROKEN,
    ids=[f"{' '.join(map(str, row[0]))} ({number})" for number, row in enumerate(BROKEN)],
)
def test_a_broken_link_is_named(
    proof: Any,
    check: Check,
    path: tuple[str | int, ...],
    change: Callable[[Any], object],
    link: str,
) -> None:
    _is_refused(check(_touched(proof, path, change)), link)


def test_a_mint_for_another_receipt_is_refused(minted: "Minted", check: Check, proof: Any) -> None:
    other = _shown(minted, 2)
    proof["proof"]["mint"] = other["proof"]["mint"]
    _is_refused(check(proof), "another's mint")


def test_a_batch_that_is_not_paid_has_no_mint_record(sealed: "Minted", check: Check) -> None:
    _is_refused(check(_shown(sealed, 1), sealed.genesis), "not paid yet")


@pytest.mark.parametrize(
    ("old", "new", "link"),
    [
        pytest.param('name = "devnet"', 'name = "mainnet"', "chain", id="of another chain"),
        pytest.param("power = 1\n", "power = 0\n", "two thirds", id="nobody has power"),
        pytest.param("[[validator]]", "[[other]]", UNREADABLE, id="nobody validates"),
    ],
)
def test_another_genesis_trusts_others(
    minted: "Minted", check: Check, proof: Any, old: str, new: str, link: str
) -> None:
    assert old in minted.genesis
    _is_refused(check(proof, minted.genesis.replace(old, new)), link)


def test_less_than_two_thirds_are_not_enough(minted: "Minted", check: Check, proof: Any) -> None:
    """Three of four signed; the one who did not outweighs them here."""
    block = proof["proof"]["batch"]["block"]
    rows = re.findall(r'\[\[validator\]\]\nkey = "(\w+)"\npower = 1\n', minted.genesis)
    told = [
        check(proof, minted.genesis.replace(f'"{key}"\npower = 1\n', f'"{key}"\npower = 2\n'))[0]
        for key in rows
    ]
    assert block["height"] == minted.height
    assert sorted(told) == [0, 0, 0, 1], "4 of 5 is enough, 3 of 5 is not"


def test_files_that_are_none_are_refused(check: Check) -> None:
    _is_refused(check({}), UNREADABLE)
    _is_refused(check([], "name = "), UNREADABLE)
