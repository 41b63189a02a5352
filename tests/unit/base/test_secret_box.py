"""A secret comes back with its passphrase, and with nothing else."""

from dataclasses import replace

import pytest

from tfchain.base.secret_box import MEMORY_MAX, MEMORY_MIN, Box, seal, unseal
from tfchain.base.shapes import decode_record, encode_record
from tfchain.errors import Malformed

CHANCE = bytes(range(40))


def test_a_box_opens_with_its_passphrase_alone() -> None:
    box = seal(b"secret", b"open", CHANCE, 1, MEMORY_MIN)
    assert unseal(decode_record(Box, encode_record(box)), b"open") == b"secret"
    assert b"secret" not in encode_record(box)
    for other, passphrase in [
        (box, b"close"),
        (replace(box, salt=bytes(16)), b"open"),
        (replace(box, nonce=bytes(24)), b"open"),
        (replace(box, ops=2), b"open"),
        (replace(box, sealed=box.sealed[:-1] + bytes([box.sealed[-1] ^ 1])), b"open"),
    ]:
        with pytest.raises(Malformed, match="passphrase does not open"):
            unseal(other, passphrase)


def test_a_box_that_costs_gigabytes_is_not_read() -> None:
    box = seal(b"secret", b"open", CHANCE, 1, MEMORY_MIN)
    spelled = encode_record(box).replace(b"\xcd\x20\x00", b"\xce\x7f\xff\xff\xff")
    assert MEMORY_MAX < 0x7FFFFFFF
    with pytest.raises(Malformed, match="memory"):
        decode_record(Box, spelled)
