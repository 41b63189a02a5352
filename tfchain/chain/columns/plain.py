"""Plain values of a transaction as what they must be; all raise `Malformed`."""

from tfchain.base.codec import Plain
from tfchain.base.shapes import layout
from tfchain.errors import Malformed
from tfchain.ledger.records import Resources


def list_of(plain: object, items: int) -> list[Plain]:
    """So many of them."""
    if type(plain) is not list or len(plain) != items:
        raise Malformed(f"a list of {items} is due")
    return plain


def rows_of(plain: Plain) -> list[Plain]:
    """However many."""
    if type(plain) is not list:
        raise Malformed("a list is due")
    return plain


def int_of(plain: Plain) -> int:
    """From 0."""
    if type(plain) is not int or plain < 0:
        raise Malformed("a number is due")
    return plain


def text_of(plain: Plain) -> str:
    """UTF-8, as the codec read it."""
    if type(plain) is not str:
        raise Malformed("text is due")
    return plain


def bytes_of(plain: Plain) -> bytes:
    """Any bytes."""
    if type(plain) is not bytes:
        raise Malformed("bytes are due")
    return plain


def flag_of(plain: Plain) -> bool:
    """True or false."""
    if type(plain) is not bool:
        raise Malformed("true or false is due")
    return plain


def resources_of(plain: Plain) -> Resources:
    """A record inside."""
    return layout(Resources).unpack(plain)
