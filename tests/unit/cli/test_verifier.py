"""Signatures verified in a process of its own: the verdicts are those of this one, in order."""

from io import BytesIO

import pytest

from tfchain.base.codec import encode
from tfchain.base.crypto import public_key, sign, verify
from tfchain.cli.verifier import AT_ONCE_MAX, Verifier, serve
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


@pytest.mark.parametrize("count", [0, 1, AT_ONCE_MAX, AT_ONCE_MAX + 1, 200])
def test_the_verdicts_are_those_of_the_library_in_order(count: int) -> None:
    checks = _checks(count)
    with Verifier() as verifier:
        verdicts = verifier.verify_all(checks)()
    assert list(verdicts) == [verify(*check) for check in checks]
    false = [place for place, good in enumerate(verdicts) if not good]
    assert false == [place for place in FALSE_ONES if place < count]


def test_one_process_answers_batch_after_batch() -> None:
    with Verifier() as verifier:
        for count in (100, 70, 3, 150):
            checks = _checks(count)
            assert list(verifier.verify_all(checks)()) == [verify(*check) for check in checks]


def test_what_has_the_wrong_length_is_false_and_not_a_fault() -> None:
    odd = [(b"", b"", b""), (KEY, b"", bytes(63)), (KEY[:31], b"text", bytes(64))]
    with Verifier() as verifier:
        assert not any(verifier.verify_all(odd * 40)())


def test_verdicts_that_nobody_waits_for_hold_nothing_up() -> None:
    with Verifier() as verifier:
        verifier.verify_all(_checks(100))


def test_a_process_that_went_away_is_told_and_its_batch_is_not_genuine() -> None:
    with Verifier() as verifier:
        verifier.verify_all(_checks(100))()
        process = verifier._process
        assert process is not None
        process.kill()
        process.wait()
        with pytest.raises(Unavailable, match="no verdicts on signatures"):
            verifier.verify_all(_checks(100))()


def test_a_process_that_goes_away_amid_a_batch_has_found_nothing_genuine() -> None:
    with Verifier() as verifier:
        verdicts = verifier.verify_all(_checks(100) * 100)
        process = verifier._process
        assert process is not None
        process.kill()
        with pytest.raises(Unavailable, match="no verdicts on signatures"):
            verdicts()


def test_the_process_answers_a_byte_for_each_signature() -> None:
    checks = _checks(3)
    body = encode([part for check in checks for part in check])
    answers = BytesIO()
    serve(BytesIO(2 * (len(body).to_bytes(4, "big") + body)), answers)
    assert answers.getvalue() == b"\x00\x01\x01" * 2
