"""A block's transactions are opened once, whoever reads them."""

import pytest

from tfchain.base.codec import Plain, encode
from tfchain.chain.columns.envelopes import envelopes
from tfchain.errors import Malformed

INNER: list[Plain] = [1, "chain", bytes(32), 0, 9, 0, 7, [1, 5, 100, 20]]
GOOD = encode([INNER, bytes(64)])
BAD = b"\xc1"


def test_the_second_reader_is_given_what_was_opened_for_the_first() -> None:
    txs = (GOOD, GOOD)
    first, second = list(envelopes(txs, ["ok"] * 2)), list(envelopes(txs, ["ok"] * 2))
    assert first == second == [INNER, INNER]
    assert all(one is other for one, other in zip(first, second, strict=True))


def test_what_one_reader_passed_over_is_opened_for_the_next() -> None:
    txs = (GOOD, BAD)
    assert list(envelopes(txs, ["ok", "balance"])) == [INNER]
    with pytest.raises(Malformed):
        list(envelopes(txs, ["ok", "ok"]))
    assert list(envelopes(txs, ["fee", "fee"])) == []


def test_a_list_is_read_as_it_is_now() -> None:
    txs = [GOOD]
    assert list(envelopes(txs, ["ok"])) == [INNER]
    txs[0] = encode([[*INNER[:7], [1, 6, 100, 20]], bytes(64)])
    assert [envelope[7] for envelope in envelopes(txs, ["ok"])] == [[1, 6, 100, 20]]
