"""What a node of the public chain earned in a period (rules.md 2.2, 2.3), computed once more."""

from dataclasses import dataclass
from typing import Final

from tfchain.base.units import GIB, U64_MAX
from tfchain.chain.columns.farming_v3 import compute_millionths, storage_millionths
from tfchain.chain.columns.public_use import Use
from tfchain.chain.grid_events import GridNode, GridPolicy
from tfchain.ledger.uptime import NONE

MILLION: Final = 1_000_000
UTFT: Final = 10_000_000
HOUR: Final = 3_600
WHOLE: Final = 1_000
FLOOR_DIY: Final = 950
FLOOR_CERTIFIED: Final = 980


@dataclass(frozen=True, slots=True)
class Pay:
    """Units in millionths, mUSD, and units of TFT."""

    cu: int
    su: int
    nu: int
    musd: int
    tft: int


def pay_of(
    node: GridNode, policy: GridPolicy, use: Use, length: int, uptime: int, violation: int
) -> Pay:
    """By policy, hardware, use and uptime; nothing where a number leaves its range (P12)."""
    cu, su = compute_millionths(node.resources), storage_millionths(node.resources)
    nu = use.traffic * MILLION // GIB
    month = cu * policy.cu + su * policy.su + nu * policy.nu
    musd = month // MILLION + use.ip_seconds * policy.ipv4 // HOUR
    if node.certified and node.policy_id == 1:
        musd = musd * 5 // 4
    price = node.connection_price
    tft = musd * UTFT // price if price else 0
    share = _share(node, policy, min(uptime * WHOLE // length, WHOLE))
    if node.virtualized or violation != NONE or not price:
        share = 0
    if max(musd, tft, use.ip_seconds) > U64_MAX:
        share = 0
    return Pay(cu, su, nu, musd * share // WHOLE, tft * share // WHOLE)


def _share(node: GridNode, policy: GridPolicy, permille: int) -> int:
    """Per mille of the full amount that so much uptime earns."""
    if _prorated(node.policy_id, policy):
        return permille if permille >= (FLOOR_CERTIFIED if node.certified else FLOOR_DIY) else 0
    return WHOLE if permille >= policy.minimal_uptime else 0


def _prorated(number: int, policy: GridPolicy) -> bool:
    """Policies that pay by uptime: 1, 2, and 3 as it once was."""
    if number == 3:
        return not (policy.default or policy.immutable) and policy.minimal_uptime == 95
    return number in {1, 2}
