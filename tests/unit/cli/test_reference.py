"""The reference is what the code generates, and says enough for a second program."""

import ast
import json
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import pytest

from tfchain.cli import front
from tfchain.cli.book.contents import contents
from tfchain.cli.book.sources import template, tree_of
from tfchain.cli.main import VERBS
from tfchain.cli.reference import lines_of
from tfchain.ledger.tables import TABLES
from tfchain.replica.messages import LIMITS
from tfchain.tx.registry import BY_NAME

GOLDEN: Final = Path(__file__).resolve().parents[2] / "golden" / "reference.json"
BYTES_MAX: Final = 300_000
AGAIN: Final = "run: scripts/tfchain reference --json > tests/golden/reference.json"

Plain = dict[str, Any]


@pytest.fixture(scope="module")
def found() -> Plain:
    return contents()


def test_the_golden_reference_is_what_the_code_generates(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert front.called(["reference", "--json"], {}, VERBS) == 0
    shown = json.loads(capsys.readouterr().out)
    pinned = json.loads(GOLDEN.read_text(encoding="utf-8"))
    changed = [name for name in {**pinned, **shown} if pinned.get(name) != shown.get(name)]
    assert not changed, f"the code says something else about {changed}; if that is meant, {AGAIN}"
    assert GOLDEN.stat().st_size < BYTES_MAX


def test_nothing_that_others_must_know_is_left_out(found: Plain) -> None:
    assert [row["name"] for row in found["kinds"]] == list(BY_NAME)
    assert [row["tag"] for row in found["tables"]] == [table.tag for table in TABLES]
    assert {row["number"] for row in found["messages"]} == set(LIMITS)
    assert {"balance", "fee", "nonce", "wrong_chain"} <= {row["code"] for row in found["refusals"]}
    assert {"/v1/txs", "/v1/status", "/v1/proofs/{table}/{key}"} <= {
        row["path"] for row in found["http"]
    }
    assert all(row["what"] for row in found["http"])
    assert {"tf/tx", "tf/header", "tf/params"} <= {row["person"] for row in found["persons"]}
    assert {"tx", "receipt", "mint", "state"} <= {row["tag"] for row in found["merkle_tags"]}
    assert {"0", "1", "2", "3"} <= set(found["exit_codes"])


def test_every_record_that_is_named_is_there(found: Plain) -> None:
    named = [row["record"] for row in [*found["tables"], *found["kinds"]]]
    rest: list[Any] = list(found["records"].values())
    while rest:
        one = rest.pop()
        if isinstance(one, dict):
            named += [one["record"]] if "record" in one else []
            rest += one.values()
        elif isinstance(one, list):
            rest += one
    assert set(named) <= set(found["records"])


def _hash(person: str, *parts: bytes) -> str:
    """As the reference's rule says, with the standard library alone."""
    return blake2b(b"".join(parts), digest_size=32, person=person.encode()).hexdigest()


def test_the_examples_follow_from_the_rules(found: Plain) -> None:
    examples = found["examples"]
    assert examples["hash of `abc` under person tf/tx"] == _hash("tf/tx", b"abc")
    assert examples["merkle root of no leaves, tag tx"] == _hash("tf/e/tx")
    a, b, c = [bytes.fromhex(_hash("tf/l/tx", b"\0", leaf)) for leaf in (b"a", b"b", b"c")]
    left = bytes.fromhex(_hash("tf/i/tx", b"\1", a, b))
    assert examples["merkle root of a, b, c, tag tx"] == _hash("tf/i/tx", b"\1", left, c)
    transaction = examples["transaction"]
    raw = bytes.fromhex(transaction["bytes"])
    assert transaction["id"] == _hash("tf/tx", raw)
    signed = bytes.fromhex(transaction["signed"])
    assert signed.startswith(b"tfchain/tx/1\0")
    assert raw == b"\x92" + signed.removeprefix(b"tfchain/tx/1\0") + b"\xc4\x40" + raw[-64:]


def test_people_read_all_chapters(found: Plain) -> None:
    lines = list(lines_of(found))
    chapters = [line for line in lines if line.startswith("## ")]
    assert len(chapters) == len(found) - 1
    assert any("create_farm" in line for line in lines)
    assert not [line for line in lines if "\n" in line]


def test_a_text_with_holes_reads_the_same_everywhere() -> None:
    (node,) = [
        call
        for call in _expressions("chain.admit")
        if "blocks ahead" in template(call) and "{" in template(call)
    ]
    assert template(node) == "at most {context.params.expiry_max} blocks ahead"


def _expressions(module: str) -> list[Any]:
    return [node for node in ast.walk(tree_of(module)) if isinstance(node, ast.JoinedStr)]
