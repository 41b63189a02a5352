"""Laws of the write-ahead log, over every cut and any corruption of its bytes."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tfchain.store.wal_records import HEAD_BYTES, frame, survey

Payloads = st.lists(st.binary(min_size=1, max_size=40), max_size=8)


def _log(payloads: list[bytes]) -> bytes:
    content = bytearray()
    for payload in payloads:
        content += frame(len(content), payload)
    return bytes(content)


def _read(content: bytes) -> list[bytes]:
    return [content[start : start + length] for start, length in survey(content).spans]


@settings(max_examples=60, deadline=None)
@given(payloads=Payloads)
def test_a_cut_at_any_byte_leaves_exactly_the_whole_records(payloads: list[bytes]) -> None:
    content = _log(payloads)
    for cut in range(len(content) + 1):
        whole, end = [], 0
        for payload in payloads:
            if end + HEAD_BYTES + len(payload) > cut:
                break
            end += HEAD_BYTES + len(payload)
            whole.append(payload)
        found = survey(content[:cut])
        assert _read(content[:cut]) == whole
        assert (found.end, found.damage) == (end, None)


@settings(max_examples=100, deadline=None)
@given(payloads=Payloads, choices=st.data())
def test_corruption_never_yields_a_record_that_was_not_written(
    payloads: list[bytes], choices: st.DataObject
) -> None:
    """1.7.1."""
    content = bytearray(_log(payloads))
    spots = st.lists(
        st.tuples(st.integers(0, max(len(content) - 1, 0)), st.integers(0, 255)), max_size=4
    )
    for offset, byte in choices.draw(spots) if content else []:
        content[offset] = byte
    cut = choices.draw(st.integers(0, len(content)))
    read = _read(bytes(content[:cut]))
    assert read == payloads[: len(read)]


@settings(max_examples=60, deadline=None)
@given(payloads=Payloads.filter(bool), choices=st.data())
def test_one_flipped_bit_is_a_torn_end_or_damage_at_its_record(
    payloads: list[bytes], choices: st.DataObject
) -> None:
    """1.7.1."""
    content = bytearray(_log(payloads))
    offset = choices.draw(st.integers(0, len(content) - 1))
    content[offset] ^= 1 << choices.draw(st.integers(0, 7))
    index, start = 0, 0
    while offset >= start + HEAD_BYTES + len(payloads[index]):
        start += HEAD_BYTES + len(payloads[index])
        index += 1
    found = survey(bytes(content))
    assert _read(bytes(content)) == payloads[:index]
    assert found.damage == (None if index == len(payloads) - 1 else start)


@settings(max_examples=60, deadline=None)
@given(before=Payloads, after=Payloads)
def test_only_what_follows_the_last_end_marker_is_read(
    before: list[bytes], after: list[bytes]
) -> None:
    assert _read(_log([*before, b"", *after])) == after


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=300), payloads=Payloads)
def test_any_bytes_behind_a_log_leave_its_records(content: bytes, payloads: list[bytes]) -> None:
    log = _log(payloads)
    assert _read(log + content) == payloads
