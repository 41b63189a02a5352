"""Names of the numbers that a regime offers, by which votes change them one by one.

Said here once more: a vote that names a number must mean the same one to both programs.
"""

from typing import Final

from tfchain.chain.columns.case import Twin

_PRICES: Final = (
    "token_price cu_price su_price cu_price_refurbished su_price_refurbished cu_price_managed"
    " su_price_managed difficulty "
)
_GROWTH: Final = "token_price growth growth_from growth_months "
_LEAST: Final = "uptime uptime_certified"
_NAMES: Final[dict[int, tuple[str, str]]] = {
    1: (
        "farming_2018",
        _PRICES + "cu_memory cu_flash cu_share su_disk su_flash uptime utilisation periods",
    ),
    2: (
        "farming_2019",
        _PRICES + "cu_cores cu_memory cu_memory_share su_disk su_flash uptime utilisation periods",
    ),
    4: (
        "farming_v2",
        _GROWTH + "cpr_price parts cap cu_cores cu_memory cu_reserved su_disk su_flash " + _LEAST,
    ),
    5: ("farming_v3_lockup", "age utilisation used_periods"),
}
"""By number: what the regime is called, and its numbers in order."""


def rules_of(twin: Twin) -> tuple[str, ...]:
    """What the numbers of a regime's offer are called in votes."""
    name, numbers = _NAMES.get(twin.regime, ("", ""))
    return tuple(f"{name}.{number}" for number in numbers.split())


def offer_of(twin: Twin, offer: tuple[int, ...], voted: dict[str, int]) -> tuple[int, ...]:
    """What somebody registers by: the numbers of an offer, or of the regime's time, as votes left them."""
    names = rules_of(twin)
    return tuple(
        voted.get(name, number) for name, number in zip(names, offer or twin.usual, strict=True)
    )
