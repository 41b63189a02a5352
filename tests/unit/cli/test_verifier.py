"""Signatures verified in processes of their own: the verdicts are those of this one, in order."""

from io import BytesIO

import pytest

from tfchain.base.codec import encode
from tfchain.base.crypto import public_key, sign, verify
from tfchain.base.limits import TX_BYTES_MAX
from tfchain.cli.verifier import BATCH, Verifier, _Batch, serve
from tfchain.errors import Unavailable
from tfchain.tx.transaction import Check

SEED = b"\x05" * 32
KEY = public_key(SEED)
FALSE_ONES = (0, 7, 64, 199)


def _checks(count: int) -> list[Check]:
    texts = [b"text %d" % number for number in range(count)]
    return [
        (KEY, text, sign(SEED, text if number not in FALSE_ONES else b"another"))
        for number, text in enumerate(texts)
    ]


@pytest.mark.parametrize("processes", [0, 1, 2])
@pytest.mark.parametrize("count", [0, 1, BATCH - 1, BATCH, BATCH + 1, 3 * BATCH])
def test_the_verdicts_are_those_of_the_library_in_order(count: int, processes: int) -> None:
    checks = _checks(count)
    with Verifier(processes) as verifier:
        verdicts = verifier.verify_all(checks)()
    assert list(verdicts) == [verify(*check) for check in checks]
    false = [place for place, good in enumerate(verdicts) if not good]
    assert false == [place for place in FALSE_ONES if place < count]


@pytest.mark.parametrize("processes", [0, 1])
def test_batch_after_batch_may_be_under_way_before_the_first_is_asked_for(processes: int) -> None:
    every = [_checks(count) for count in (100, 70, 3, BATCH, 2 * BATCH + 1, 0, 150)]
    with Verifier(processes) as verifier:
        verdicts = [verifier.verify_all(checks) for checks in every]
        for checks, said in zip(every, verdicts, strict=True):
            assert list(said()) == [verify(*check) for check in checks]


def test_a_short_chain_starts_no_process() -> None:
    with Verifier(1) as verifier:
        assert len(verifier.verify_all(_checks(BATCH - 1))()) == BATCH - 1
        assert verifier._carriers == []


def test_what_has_the_wrong_length_is_false_and_not_a_fault() -> None:
    odd = [(b"", b"", b""), (KEY, b"", bytes(63)), (KEY[:31], b"text", bytes(64))]
    with Verifier(1) as verifier:
        assert not any(verifier.verify_all(odd * BATCH)())


def test_verdicts_that_nobody_waits_for_hold_nothing_up() -> None:
    with Verifier(1) as verifier:
        verifier.verify_all(_checks(BATCH) * 20)


def test_of_a_process_that_went_away_nothing_is_genuine() -> None:
    with Verifier(1) as verifier:
        verifier.verify_all(_checks(BATCH))()
        (carrier,) = verifier._carriers
        carrier.process.kill()
        carrier.process.wait()
        lost = _Batch()
        lost.checks += _checks(3)
        verifier._waiting.put(lost)
        lost.done.wait()
        with pytest.raises(Unavailable, match="no verdicts on signatures"):
            verifier._verdicts((lost, 0, 3))


def test_the_process_answers_a_byte_for_each_signature() -> None:
    checks = _checks(3)
    body = encode([part for check in checks for part in check])
    answers = BytesIO()
    serve(BytesIO(2 * (len(body).to_bytes(4, "big") + body)), answers)
    assert answers.getvalue() == b"\x00\x01\x01" * 2


def test_a_batch_of_the_longest_transactions_is_read() -> None:
    text = bytes(TX_BYTES_MAX)
    body = encode([KEY, text, sign(SEED, text)] * BATCH)
    answers = BytesIO()
    serve(BytesIO(len(body).to_bytes(4, "big") + body), answers)
    assert answers.getvalue() == b"\x01" * BATCH
