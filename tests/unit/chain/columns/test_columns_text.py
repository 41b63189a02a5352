"""The v3 text by the second program: each double as the public program printed it."""

import json
from pathlib import Path

import pytest

from tfchain.chain.columns.receipt_text import _double


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (56.0, "56.0"),
        (37.26054, "37.26054"),
        (0.30000000000000004, "0.30000000000000004"),
        (0.0001, "0.0001"),
        (0.00001, "0.00001"),
        (0.00001234, "0.00001234"),
        (0.0000099, "9.9e-6"),
        (1e-06, "1e-6"),
        (9007199254740992.0, "9007199254740992.0"),
        (1e16, "1e16"),
        (1.2345678901234568e17, "1.2345678901234568e17"),
    ],
)
def test_a_double_is_printed_as_ryu_does(value: float, text: str) -> None:
    assert _double(value) == text


def test_golden_digits_are_printed_as_they_stand(golden_folder: Path) -> None:
    """Read back and printed again, every number of every golden receipt has the same digits."""
    lines = (golden_folder / "receipts.jsonl").read_text(encoding="utf-8").split("\n")
    texts = [json.loads(line).get("json", "{}") for line in lines if line]
    found: list[str] = []

    def keep(digits: str) -> float:
        found.append(digits)
        return 0.0

    for text in texts:
        json.loads(text, parse_float=keep)
    positive = [digits for digits in found if not digits.startswith("-")]
    assert len(positive) > 50
    assert [_double(float(digits)) for digits in positive] == positive
