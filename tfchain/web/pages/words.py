"""Numbers and names as people read them.

Names come from the chain: anybody may register one, so that what could turn a line around or hide
in it is shown as a mark instead. Escaping for HTML is the template's; this is about what it says.
"""

import unicodedata
from datetime import UTC, datetime
from typing import Final

from tfchain.base.units import UTFT_PER_TFT

UNSEEN: Final = "\N{REPLACEMENT CHARACTER}"
"""Stands for a character that has no shape of its own."""
_SHAPELESS: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
"""Unicode categories: controls, joiners and direction marks, private use, line ends."""

YEAR_LAST_S: Final = 253_402_300_800
"""Where the calendar of the standard library ends: the first second of year 10,000."""


def plain_tft(amount: int) -> str:
    """Units as TFT with all seven decimals, as the public minting program writes them."""
    return f"{amount // UTFT_PER_TFT}.{amount % UTFT_PER_TFT:07d}"


def tft(amount: int) -> str:
    """Units as TFT for people: thousands set apart."""
    return f"{amount // UTFT_PER_TFT:,}.{amount % UTFT_PER_TFT:07d}"


def usd(musd: int) -> str:
    """MilliUsd as USD."""
    return f"{musd // 1_000}.{musd % 1_000:03d}"


def units(millionths: int) -> str:
    """Cloud units with six decimals."""
    return f"{millionths // 1_000_000}.{millionths % 1_000_000:06d}"


def percent(per_mille: int) -> str:
    """Per mille as percent with one decimal."""
    return f"{per_mille // 10}.{per_mille % 10} %"


def utc(time_s: int) -> str:
    """A time as date and time; as bare seconds where the calendar does not reach."""
    if not 0 <= time_s < YEAR_LAST_S:
        return f"{time_s} s"
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%d %H:%M:%S")


def period(start_s: int, end_s: int) -> str:
    """From when to when; the day once where it is the same."""
    start, end = utc(start_s), utc(end_s)
    day, _, hour = end.partition(" ")
    return f"{start} to {hour if start.startswith(f'{day} ') else end}"


def name(text: str) -> str:
    """A name from the chain, with a mark for whatever cannot be seen."""
    return "".join(UNSEEN if unicodedata.category(one) in _SHAPELESS else one for one in text)


def short(text: str, most: int) -> str:
    """The text, cut to `most` characters."""
    return text if len(text) <= most else text[: most - 1] + "\N{HORIZONTAL ELLIPSIS}"
