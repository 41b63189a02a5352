"""The genesis of simulated networks: 1 s blocks, a month of 60 s, keys that everybody knows.

The constants are those of the devnet, spelled here so that a simulation reads no file.
"""

from functools import cache
from typing import Final

from tfchain.base.address import to_text
from tfchain.base.crypto import digest, public_key
from tfchain.base.units import Address
from tfchain.chain.genesis_file import PAID_KINDS
from tfchain.tx.registry import name_of

GENESIS_TIME: Final = 1_700_000_000
"""Seconds since 1970."""
SENDERS: Final = 3
"""Accounts that send transactions; the last of them farms."""
GUEST: Final = SENDERS
"""One account more, which sends a single transaction once all is well (L2)."""
BALANCE: Final = 1_000_000_000_000
FEE: Final = 10_000
"""What every paid kind costs."""

INTERVAL_MS: Final = 1_000
"""From one block to the next."""

EVIDENCE_S: Final = 600
"""After so many seconds, and 600 blocks, evidence expires."""

_SPANS: Final = """
start = 15
length = 60
post_window = 12
commit_window = 10
attest_window = 30
payout_delay = 4

[uptime]
report_interval = 2
grace = 4
skew = 8
report_window = 5
sleep_max = 20
boot_max = 6
sleep_credit_max = 6
power_spacing = 1

"""
"""In seconds, where blocks are one second apart."""

_SPANS_SLOW: Final = """
start = 15
length = 3600
post_window = 300
commit_window = 240
attest_window = 600
payout_delay = 60

[uptime]
report_interval = 40
grace = 60
skew = 10
report_window = 60
sleep_max = 1200
boot_max = 60
sleep_credit_max = 120
power_spacing = 10

"""
"""And where they are further apart: an hour is a month."""

_CONSTANTS: Final = """
name = "simnet"
time = GENESIS_TIME
salt = ""
guardians_min = 1

[consensus]
precision = 500
delay = 2000
propose = 1000
vote = 500
growth = 250
timeout_max = 10000
interval = INTERVAL_MS
block_bytes = 2097152

[[schedule]]
id = 0
name = "standard"
start_from = "genesis"
SPANS
[evidence]
blocks = 600
seconds = EVIDENCE_S
bytes = 16384

[[regime]]
regime = "farming_v3"
start = 0
schedule = 0

[ledger]
supply_cap = 40000000000000000
balance_min = 500
node_deposit = 10000000
policy = 1
connection_price = 80
settle_nodes = 500
expiry_max = 1000
voting = 60

[resources]
cru_min = 1
cru_max = 1024
mru_min = 2147483648
mru_max = 70368744177664
hru_min = 0
hru_max = 4503599627370496
sru_min = 107374182400
sru_max = 4503599627370496

[[policy]]
id = 1
name = "diy"
price_cu = 2400
price_su = 1000
price_nu = 30
price_ipv4 = 5
minimal_uptime = 95
immutable = false
default = true

[fees]
"""


def seed_of(role: str, number: int) -> bytes:
    """The seed of a key that a simulation uses."""
    return digest(b"tf/sim-key", f"{role} {number}".encode())


def key_of(role: str, number: int) -> Address:
    """The address of that key."""
    return Address(public_key(seed_of(role, number)))


@cache
def genesis_text(
    powers: tuple[int, ...], interval_ms: int = INTERVAL_MS, evidence_s: int = EVIDENCE_S
) -> str:
    """A genesis file with validators of these powers, who are its guardians too."""
    rows = [f"{name_of(kind)} = {FEE}" for kind in PAID_KINDS]
    for number in (*range(SENDERS), GUEST):
        account = to_text(key_of("sender", number))
        rows.append(f'[[account]]\naddress = "{account}"\nbalance = {BALANCE}')
    for number, power in enumerate(powers):
        key = to_text(key_of("validator", number))
        rows.append(f'[[validator]]\nkey = "{key}"\npower = {power}\nreward_account = "{key}"')
        rows.append(f'[[guardian]]\naccount = "{key}"')
    constants = _CONSTANTS.replace("GENESIS_TIME", str(GENESIS_TIME))
    constants = constants.replace("EVIDENCE_S", str(evidence_s))
    constants = constants.replace("INTERVAL_MS", str(interval_ms))
    spans = _SPANS_SLOW if interval_ms > INTERVAL_MS else _SPANS
    return constants.replace("SPANS", spans) + "\n".join(rows) + "\n"
