"""Canonical bytes: MessagePack with one way to say each thing, or `Malformed`.

Arrays only, shortest integers, strict UTF-8, no floats, no maps, no extensions. MessagePack allows
several spellings of one value and packs floats silently; here decode re-encodes and compares, so
that equal values have equal bytes and equal hashes on every machine (P27).
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgpack

from tfchain.base.limits import CODEC_DEPTH_MAX
from tfchain.errors import Malformed

Plain: TypeAlias = "bool | int | str | bytes | Sequence[Plain] | None"
"""What bytes can say. Decoding gives arrays as lists."""

INT_MIN = -(1 << 63)
INT_MAX = (1 << 64) - 1


def encode(value: Plain) -> bytes:
    """The one spelling of `value`. Anything but `Plain` in range is a bug of ours."""
    try:
        _check(value, CODEC_DEPTH_MAX)
    except Malformed as fault:
        raise AssertionError(f"cannot encode: {fault}") from fault
    return _pack(value)


def decode(data: bytes, bytes_max: int) -> Plain:
    """The value that `data` spells.

    Raises:
        Malformed: longer than `bytes_max`, not MessagePack, deeper than `CODEC_DEPTH_MAX`, a type
            we do not use, bytes left over, or not the canonical spelling.
    """
    value = read(data, bytes_max)
    check_plain(value)
    check_spelling(value, data)
    plain: Plain = value  # type: ignore[assignment]
    return plain


def read(data: bytes, bytes_max: int) -> object:
    """What `data` says, however it spells it: for bytes of which `decode` has been asked before.

    Raises:
        Malformed: longer than `bytes_max`, not MessagePack, or bytes left over.
    """
    if len(data) > bytes_max:
        raise Malformed(f"{len(data)} bytes where at most {bytes_max} are allowed")
    try:
        return _parse(data)
    except (ValueError, TypeError, RecursionError, msgpack.exceptions.UnpackException) as fault:
        raise Malformed("not canonical MessagePack") from fault


def check_spelling(value: object, data: bytes) -> None:
    """Raises `Malformed` unless `data`, which says `value`, is its one spelling.

    Somebody has looked at the types in `value`: `check_plain`, or the shapes of a record.
    """
    if _pack(value) != data:
        raise Malformed("not the canonical spelling")


def check_plain(value: object, within: int = 0) -> None:
    """Raises `Malformed` for a type we do not use, and for lists in lists beyond `CODEC_DEPTH_MAX`.

    `within`: how many lists the value stands in.
    """
    _check(value, CODEC_DEPTH_MAX - within)


def _parse(data: bytes) -> object:
    """What msgpack reads, built only once every declared item was seen to be there.

    msgpack makes room for an array's declared length at once, which it lets be as many items as
    there are bytes: a few kilobytes of heads within heads would cost gigabytes. Up to `_SMALL`
    bytes that is too little to matter.
    """
    if len(data) > _SMALL:
        _skip(data)
    value: object = msgpack.unpackb(data, raw=False, max_map_len=0, max_ext_len=0)
    return value


def _skip(data: bytes) -> None:
    """Go through all items and build nothing; fails where one is missing."""
    reader = msgpack.Unpacker(read_size=len(data), max_buffer_size=len(data))
    reader.feed(data)
    reader.skip()


def _check(value: object, depth: int) -> None:
    if type(value) is list:
        _check_items(value, depth)
    elif type(value) not in _LEAVES:
        raise _strange(value)


def _check_items(items: list[object], depth: int) -> None:
    if depth == 0:
        raise Malformed(f"nested deeper than {CODEC_DEPTH_MAX}")
    for item in items:
        kind = type(item)
        if kind is list:
            _check_items(item, depth - 1)  # type: ignore[arg-type]
        elif kind not in _LEAVES:
            raise _strange(item)


def _strange(value: object) -> Malformed:
    return Malformed(f"a {type(value).__name__} has no place here")


_LEAVES = frozenset({type(None), bool, int, str, bytes})
_SMALL = 1024
"""341 heads of three bytes, each with room for 1,024 items: under three megabytes, for a moment."""


def _refuse(value: object) -> Plain:
    raise AssertionError(f"cannot encode a {type(value).__name__}")


_PACKER = msgpack.Packer(use_bin_type=True, strict_types=True, default=_refuse)
"""One for all: to make it takes longer than to use it. A call holds the interpreter's lock."""
_pack: Callable[[object], bytes] = _PACKER.pack

encode_shaped: Callable[[Plain], bytes] = _pack
"""`encode` for what a shape has packed: it asserted each item, so nobody looks again."""
