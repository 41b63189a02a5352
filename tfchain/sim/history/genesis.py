"""The genesis of a history: real months and contracts, blocks six hours apart.

Grace is three blocks, as the loader wants it; all else that hangs on blocks follows from that. Nothing
is scaled: each constant is a number of seconds of this network.
"""

from typing import Final

from tfchain.base.address import to_text
from tfchain.chain.genesis_file import PAID_KINDS
from tfchain.ledger.calendar import month_of, month_start
from tfchain.sim.genesis import FEE, GUEST, key_of
from tfchain.sim.history.story import RegimeStart, Story
from tfchain.tx.registry import name_of

HOUR: Final = 3_600
BLOCK_S: Final = 6 * HOUR
REPORT_S: Final = 48 * HOUR
PERSON_UTFT: Final = 100_000_000_000
USER_UTFT: Final = 100_000_000_000_000
"""What a user brings along: half a node for a year costs ten thousand TFT, and who has more pays less."""
FOUNDATION_UTFT: Final = 8_000_000_000_000_000
"""800 million TFT that were there before: a fifth of the cap, which Farming Logic v2 asks for."""
FIXED: Final = 0
CALENDAR: Final = 1
STANDARD: Final = 2
EPOCH: Final = 1_522_501_000
"""Start of standard period 0."""
MONTH: Final = 2_630_880

_CONSTANTS: Final = """
name = "history"
time = {time}
salt = ""
guardians_min = 4

[consensus]
precision = 500
delay = 2000
propose = 1000
vote = 500
growth = 250
timeout_max = 10000
interval = 21600000
block_bytes = 2097152

[uptime]
report_interval = 172800
grace = 64800
skew = 129600
report_window = 43200
sleep_max = 172800
boot_max = 64800
sleep_credit_max = 237600
power_spacing = 21600

[evidence]
blocks = 600
seconds = 2592000
bytes = 16384

[ledger]
supply_cap = 40000000000000000
balance_min = 500
node_deposit = 10000000
policy = 1
connection_price = 80
settle_nodes = 500
expiry_max = 1000
voting = 604800

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

[[policy]]
id = 2
name = "certified"
price_cu = 3000
price_su = 1250
price_nu = 38
price_ipv4 = 6
minimal_uptime = 95
immutable = false
default = true
"""

_BILLING: Final = """
[billing]
period = 86400
contracts = 100
grace = 1209600
price_cu = 100000
price_su = 50000
price_nu = 15000
price_ip = 40000
rent_share = 500
price_min = 10
price_max = 1000
line_rate = 125000000
report_spacing = 43200
foundation = "{foundation}"
tf_tech = "{tf_tech}"
staking = "{staking}"
"""

_SCHEDULE: Final = """
[[schedule]]
id = {id}
name = "{name}"
start_from = "epoch"
start = {start}
length = {length}
own = {own}
post_window = 259200
commit_window = 86400
attest_window = 259200
payout_delay = 345600
"""
"""Four days from minting consensus to payment, as in 2020. A report that is due every other day, and may
wait for its block, must still find the window after a period open."""


def genesis_text(story: Story, guardians: int, validators: int) -> str:
    """A genesis file: guardians, of whom the first are validators, and all people of the story."""
    rows = [_CONSTANTS.format(time=story.start), _billing(), *_schedules(story)]
    rows += [_regime(row) for row in story.regimes]
    rows.append("[fees]")
    rows += [f"{name_of(kind)} = {FEE}" for kind in PAID_KINDS]
    accounts = {address_of(farmer.name): PERSON_UTFT for farmer in story.farmers}
    accounts |= {address_of(name): USER_UTFT for name in story.users()}
    accounts[to_text(key_of("sender", GUEST))] = FOUNDATION_UTFT
    for number in range(guardians):
        key = to_text(key_of("validator", number))
        accounts[key] = PERSON_UTFT
        if number < validators:
            rows.append(f'[[validator]]\nkey = "{key}"\npower = 1\nreward_account = "{key}"')
        rows.append(f'[[guardian]]\naccount = "{key}"')
    for address, balance in accounts.items():
        rows.append(f'[[account]]\naddress = "{address}"\nbalance = {balance}')
    return "\n".join(rows) + "\n"


def address_of(name: str) -> str:
    """The account of somebody in the story."""
    return to_text(key_of(name, 0))


def _billing() -> str:
    return _BILLING.format(
        **{name: address_of(name) for name in ("foundation", "tf_tech", "staking")}
    )


def _schedules(story: Story) -> list[str]:
    used = {row.schedule for row in story.regimes}
    begun = {number: _begun(story, number) for number in used}
    rows = {
        FIXED: ("fixed", MONTH, 30 * 24 * HOUR),
        CALENDAR: ("calendar", 0, 0),
        STANDARD: ("standard", MONTH, 0),
    }
    return [
        _SCHEDULE.format(id=number, name=name, start=begun[number], length=length, own=own)
        for number, (name, length, own) in rows.items()
        if number in used
    ]


def _begun(story: Story, schedule: int) -> int:
    """The start of the period in which a schedule's first regime begins."""
    first = min(row.start for row in story.regimes if row.schedule == schedule)
    if schedule == CALENDAR:
        return month_start(month_of(first))
    return EPOCH + (first - EPOCH) // MONTH * MONTH


def _regime(row: RegimeStart) -> str:
    text = f'\n[[regime]]\nregime = "{row.name}"\nstart = {row.start}\nschedule = {row.schedule}'
    return f"{text}\n[regime.offer]\n{row.offer}\n" if row.offer else f"{text}\n"
