"""Public IPv4 addresses as farms state them: address, network, gateway (tfchain A3.3)."""

from typing import Final

_PRIVATE: Final = (
    ((0, 0, 0, 0), 8),
    ((10, 0, 0, 0), 8),
    ((100, 64, 0, 0), 10),
    ((127, 0, 0, 0), 8),
    ((169, 254, 0, 0), 16),
    ((172, 16, 0, 0), 12),
    ((192, 168, 0, 0), 16),
    ((224, 0, 0, 0), 3),
)
"""Networks whose addresses nobody reaches from outside, or that are no single machine's."""


def is_public(ip: str, gateway: str) -> bool:
    """Whether `ip` (like 203.0.113.5/24) is public, and `gateway` another address of its network."""
    address, _, length = ip.partition("/")
    at, way, bits = number_of(address), number_of(gateway), _decimal(length, 32)
    if at is None or way is None or not bits:
        return False
    if any(_within(at, _joined(network), size) for network, size in _PRIVATE):
        return False
    return way != at and _within(way, at, bits)


def number_of(address: str) -> int | None:
    """The 32 bits of a dotted address; None where it is none."""
    parts = [_decimal(part, 255) for part in address.split(".")]
    if len(parts) != 4:
        return None
    return None if None in parts else _joined(tuple(part or 0 for part in parts))


def _joined(parts: tuple[int, ...]) -> int:
    return int.from_bytes(bytes(parts), "big")


def _decimal(text: str, most: int) -> int | None:
    """Digits without a zero in front; the shape of the field lets nothing but digits through."""
    if not 0 < len(text) <= 3 or (len(text) > 1 and text[0] == "0"):
        return None
    if text.strip("0123456789"):
        return None
    number = int(text)
    return number if number <= most else None


def _within(address: int, network: int, bits: int) -> bool:
    return address >> (32 - bits) == network >> (32 - bits)
