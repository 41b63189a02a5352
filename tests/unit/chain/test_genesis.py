"""A genesis file says everything, says it once, and says what a chain can live with."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from tfchain.base import crypto
from tfchain.base.address import to_text
from tfchain.base.limits import GENESIS_BYTES_MAX
from tfchain.base.units import Address, PeriodIndex, Seconds
from tfchain.chain.genesis import genesis_hash, genesis_outcome, read_genesis
from tfchain.errors import Malformed
from tfchain.ledger import tables
from tfchain.ledger.records import Account
from tfchain.ledger.state import State
from tfchain.rules.regime import numbers_of
from tfchain.rules.regimes import farming_2018, farming_2019

ROOT: Final = Path(__file__).resolve().parents[3]
TEMPLATES: Final = ("devnet", "testnet", "mainnet")


def _address(number: int) -> str:
    return to_text(Address(crypto.public_key(bytes([number]) * 32)))


def _stamped(name: str) -> str:
    text = (ROOT / "genesis" / f"{name}.toml").read_text(encoding="utf-8")
    rows = [text.replace("time = 0", "time = 1700000000")]
    rows += [f'[[account]]\naddress = "{_address(n)}"\nbalance = {n}000' for n in (1, 2)]
    rows += [f'[[guardian]]\naccount = "{_address(n)}"' for n in range(1, 10)]
    rows += [
        f'[[validator]]\nkey = "{_address(n)}"\npower = 1\nreward_account = "{_address(n)}"'
        for n in (8, 9)
    ]
    return "\n".join(rows) + "\n"


TEXT: Final = _stamped("devnet")
LINES: Final = TEXT.splitlines()
FIELDS: Final = [number for number, line in enumerate(LINES) if re.match(r"\w+ = ", line)]
SECTIONS: Final = [number for number, line in enumerate(LINES) if line.startswith("[")]


def _name(number: int) -> str:
    return LINES[number].split(" = ")[0]


def _shown(number: int) -> str:
    """`policy[1].name` for the field in that line."""
    above = [LINES[place].split("]")[0] for place in SECTIONS if place < number]
    if not above:
        return _name(number)
    place = f"[{above.count(above[-1]) - 1}]" if above[-1].startswith("[[") else ""
    return f"{above[-1].strip('[')}{place}.{_name(number)}"


def _with(number: int, *lines: str) -> str:
    return "\n".join([*LINES[:number], *lines, *LINES[number + 1 :]])


def _value(number: int) -> str:
    return LINES[number].split(" = ")[1].split(" #")[0]


def _kind(number: int) -> str:
    value = _value(number)
    return "text" if value[0] == '"' else "flag" if value in {"true", "false"} else "number"


def _refusal(text: str) -> str:
    with pytest.raises(Malformed) as refused:
        read_genesis(text)
    return str(refused.value)


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_with_people_in_it_is_taken(name: str) -> None:
    genesis = read_genesis(_stamped(name))
    assert genesis.params.chain_id == f"{name}-{genesis_hash(genesis).hex()[:8]}"


@pytest.mark.parametrize("number", FIELDS, ids=_shown)
def test_a_missing_field_is_named(number: int) -> None:
    assert f"{_name(number)} is missing" in _refusal(_with(number))


@pytest.mark.parametrize("number", FIELDS, ids=_shown)
def test_a_doubled_field_is_found(number: int) -> None:
    refusal = _refusal(_with(number, LINES[number], LINES[number]) + "\n# the end")
    assert "overwrite" in refusal
    assert f"line {number + 2}" in refusal or f"line {number + 3}" in refusal


@pytest.mark.parametrize("number", FIELDS, ids=_shown)
def test_a_field_of_another_type_is_named(number: int) -> None:
    others = {
        "text": ["5", "true", "1.5", "[]", "{}", "1979-05-27"],
        "flag": ["1", '"true"', "[]"],
        "number": ['"5"', "true", "1.5", "-1", str(1 << 64), f"0x{'f' * 9_000}", "[]", "nan"],
    }
    for other in others[_kind(number)]:
        assert _name(number) in _refusal(_with(number, f"{_name(number)} = {other}")), other


@pytest.mark.parametrize("number", SECTIONS, ids=lambda number: _shown(number + 1))
def test_an_unknown_field_is_named(number: int) -> None:
    assert "nobody knows zzz" in _refusal(_with(number, LINES[number], "zzz = 1"))


def test_an_unknown_field_or_table_at_the_top_is_named() -> None:
    assert "nobody knows zzz" in _refusal("zzz = 1\n" + TEXT)
    assert "nobody knows zzz" in _refusal(TEXT + "[zzz]\n")


@pytest.mark.parametrize("name", ["consensus", "uptime", "ledger", "resources", "fees"])
def test_a_missing_or_misshapen_table_is_named(name: str) -> None:
    without = re.sub(rf"(?ms)^\[{name}\].*?(?=^\[)", "", TEXT)
    assert f"{name} is missing" in _refusal(without)
    assert f"genesis.{name}: a table is due" in _refusal(f"{name} = 5\n" + without)


@pytest.mark.parametrize(
    "name", ["schedule", "regime", "policy", "account", "validator", "guardian"]
)
def test_a_missing_or_misshapen_list_is_named(name: str) -> None:
    without = re.sub(rf"(?ms)^\[\[{name}\]\].*?(?=^\[|\Z)", "", TEXT)
    assert f"{name} is missing" in _refusal(without)
    assert f"genesis.{name}: a list" in _refusal(f"{name} = 5\n" + without)
    assert f"genesis.{name}[0]: a table is due" in _refusal(f"{name} = [5]\n" + without)
    many = ", ".join(["{}"] * 5_000)
    assert f"genesis.{name}: a list of at most" in _refusal(f"{name} = [{many}]\n" + without)


ACCOUNT: Final = f'[[account]]\naddress = "{_address(1)}"\nbalance = 5\n'
GUARDIAN: Final = f'[[guardian]]\naccount = "{_address(1)}"\n'
VALIDATOR: Final = (
    f'[[validator]]\nkey = "{_address(8)}"\npower = 1\nreward_account = "{_address(1)}"\n'
)
POLICY: Final = TEXT[TEXT.index("[[policy]]") : TEXT.index("[[policy]]", TEXT.index("id = 1\n"))]
REGIME: Final = '[[regime]]\nregime = "farming_v3"\nstart = 0\nschedule = 0\n'
SCHEDULE: Final = TEXT[TEXT.index("[[schedule]]") : TEXT.index("[uptime]")]


@pytest.mark.parametrize(
    ("row", "refusal"),
    [
        pytest.param(ACCOUNT, "account[2]: named twice", id="an account"),
        pytest.param(GUARDIAN, "guardian[9]: named twice", id="a guardian"),
        pytest.param(VALIDATOR, "validator[2]: named twice", id="a validator"),
        pytest.param(POLICY.replace('"diy"', '"x"'), "policy[2]: named twice", id="a policy's id"),
        pytest.param(REGIME, "regime[1]: named twice", id="a regime's start"),
        pytest.param(
            SCHEDULE.replace("standard", "x"), "schedule[1]: named twice", id="a schedule's id"
        ),
        pytest.param(
            SCHEDULE.replace("id = 0", "id = 1"), "schedule[1]: named twice", id="a schedule's name"
        ),
    ],
)
def test_what_is_named_twice_is_refused(row: str, refusal: str) -> None:
    assert refusal in _refusal(TEXT + row)


@pytest.mark.parametrize(
    ("old", "new", "refusal"),
    [
        # P1
        ("grace = 4", "grace = 1", "uptime.grace is below two blocks"),
        ("grace = 4", "grace = 2", "is below interval + 3 blocks"),
        ("post_window = 12", "post_window = 9", "post_window is not above report_window + grace"),
        ("commit_window = 10", "commit_window = 48", "must settle before the next period ends"),
        ("sleep_max = 20", "sleep_max = 60", "sleep_max is not below the period's length"),
        ("attest_window = 30", "attest_window = 1895", "lives longer than 32 periods"),
        ("payout_delay = 4", "payout_delay = 1869", "lives longer than 32 periods"),
        # what would run out of bits, time or room one day
        ("time = 1700000000", f"time = {(1 << 40) + 1}", "genesis.time: at most"),
        ("attest_window = 30", f"attest_window = {1 << 62}", "standard.attest_window: at most"),
        ("length = 60", f"length = {1 << 62}", "standard.length: at most"),
        ("report_window = 5", f"report_window = {1 << 62}", "uptime.report_window: at most"),
        ("delay = 2000", f"delay = {1 << 62}", "consensus.delay: at most"),
        ("interval = 1000", "interval = 0", "consensus.interval: at least 1"),
        ("vote = 500", "vote = 0", "consensus.vote: at least 1"),
        ("block_bytes = 2097152", "block_bytes = 2097153", "consensus.block_bytes"),
        ("block_bytes = 2097152", "block_bytes = 131071", "consensus.block_bytes"),
        ("settle_nodes = 500", "settle_nodes = 8193", "settle_nodes nodes are above half"),
        ("settle_nodes = 500", "settle_nodes = 0", "settle_nodes: an integer from 1"),
        ("cru_min = 1\n", "cru_min = 1025\n", "cru_min is above cru_max"),
        # who and what there is
        ("supply_cap = 40000000000000000", "supply_cap = 2999", "hold more than supply_cap"),
        ("policy = 1\n", "policy = 7\n", "policy 7 is not among the policies"),
        ("guardians_min = 1", "guardians_min = 10", "9 guardians where 10 are due"),
        ("\npower = 1", "\npower = 0", "power"),
        ("schedule = 0", "schedule = 1", "unknown schedule 1"),
        ('"farming_v3"', '"farming_v9"', "regime[0].regime: known are farming_2018"),
        ('"genesis"', '"here"', "schedule[0].start_from: genesis or epoch is due"),
        ('name = "devnet"', 'name = "Dev net"', "genesis.name: text of 1 to 32"),
        ('name = "devnet"', 'name = ""', "genesis.name: text of 1 to 32"),
        ('salt = ""', f'salt = "{"x" * 65}"', "genesis.salt: text of 0 to 64"),
        ('salt = ""', 'salt = "\ud800"', "genesis.salt: text of 0 to 64"),
        ("create_twin = ", "report_uptime = 0\ncreate_twin = ", "nobody knows report_uptime"),
        ("create_twin = ", "mint = 0\ncreate_twin = ", "nobody knows mint"),
        (_address(2), _address(2)[:-1] + "1", "account[1].address: the address has a typo"),
    ],
)
def test_a_field_that_no_chain_can_live_with_is_named(old: str, new: str, refusal: str) -> None:
    assert old in TEXT
    assert refusal in _refusal(TEXT.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("grace = 4", "grace = 3", id="three blocks of grace"),
        pytest.param("post_window = 12", "post_window = 10", id="a post window just above"),
        pytest.param("commit_window = 10", "commit_window = 47", id="settled just in time"),
        pytest.param("sleep_max = 20", "sleep_max = 59", id="a sleep just below the period"),
        pytest.param("settle_nodes = 500", "settle_nodes = 8192", id="mints of half a block"),
        pytest.param("attest_window = 30", "attest_window = 1894", id="thirty-two periods of life"),
        pytest.param("cap = 40000000000000000", "cap = 3000", id="a supply cap just reached"),
        pytest.param("guardians_min = 1", "guardians_min = 9", id="just enough guardians"),
        pytest.param("guardians_min = 1", "guardians_min = 0", id="no least number of guardians"),
    ],
)
def test_the_edge_of_a_bound_is_taken(old: str, new: str) -> None:
    assert old in TEXT
    read_genesis(TEXT.replace(old, new))


def test_a_chain_without_guardians_is_refused() -> None:
    without = re.sub(r"(?ms)^\[\[guardian\]\].*?(?=^\[)", "", TEXT)
    text = "guardian = []\n" + without.replace("guardians_min = 1", "guardians_min = 0")
    assert "0 guardians where 1 are due" in _refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("a = " + "[" * 100_000, id="brackets without end"),
        pytest.param("a = " + "[" * 5_000 + "]" * 5_000, id="lists in lists"),
        pytest.param("a = " + "{a = " * 5_000 + "1" + "}" * 5_000, id="tables in tables"),
        pytest.param(".".join(["a"] * 2_000) + " = 1", id="a name of two thousand parts"),
        pytest.param("a = " + "9" * 5_000, id="a number of 5,000 digits"),
        pytest.param("a = 0x" + "f" * 100_000, id="a number of 100,000 hexadecimal digits"),
        pytest.param("a = 1e999999999", id="a float without end"),
        pytest.param("\ud800 = 1", id="half a character"),
        pytest.param('a = "\\ud800"', id="half a character, escaped"),
        pytest.param("\x00", id="a zero byte"),
        pytest.param("\ufeff" + TEXT, id="a byte order mark"),
        pytest.param("a = 1979-99-99", id="a day that never was"),
        pytest.param("# " + "x" * GENESIS_BYTES_MAX, id="a byte too many"),
        pytest.param("# " + "\ud800" * (GENESIS_BYTES_MAX // 3 + 1), id="too many halves"),
    ],
)
def test_hostile_text_is_malformed(text: str) -> None:
    assert _refusal(text).startswith("genesis")


OTHERS: Final = {
    "block_bytes": "2097151",
    "start_from": '"epoch"',
    "name": '"other"',
    "salt": '"other"',
    "true": "false",
    "false": "true",
}
BOUND: Final = ("guardians_min", "schedule[0].id", "regime[0].regime", "regime[0].schedule")
"""A condition on the file, and what has one legal value."""


def _other(number: int) -> str:
    """Another value that fits the field."""
    if _shown(number) == "policy[0].id":
        return "9"
    known = OTHERS.get(_name(number)) or OTHERS.get(_value(number))
    if _kind(number) == "number":
        return known or str(int(_value(number)) + 1)
    return known or f'"{_address(77)}"'


@pytest.mark.parametrize(
    "number", [number for number in FIELDS if _shown(number) not in BOUND], ids=_shown
)
def test_the_chain_id_hangs_on_every_field(number: int) -> None:
    """Two networks that differ in one constant never take each other's bytes (P29)."""
    text = _with(number, f"{_name(number)} = {_other(number)}")
    if _shown(number) == "policy[0].id":
        text = text.replace("policy = 1\n", "policy = 2\n")
    before, after = read_genesis(TEXT), read_genesis(text)
    assert before.params.chain_id != after.params.chain_id


def test_the_layout_of_the_file_is_no_part_of_the_hash() -> None:
    """Order of rows and of lines, blanks and comments: two people's files of one network agree."""
    turned = TEXT.replace(POLICY, "").replace("time = 1", "# so be it\ntime  =  1") + POLICY
    head, rows = turned.split("[[account]]", 1)
    parts = re.split(r"(?m)^(?=\[\[)", "[[account]]" + rows)
    other = head + "".join(
        reversed([part if part.endswith("\n") else part + "\n" for part in parts])
    )
    assert other != TEXT
    assert genesis_hash(read_genesis(other)) == genesis_hash(read_genesis(TEXT))


def test_rows_stand_in_the_order_that_the_ledger_walks_them() -> None:
    """Batches go by schedule id (P15); of two regimes the one that starts later comes last (P5)."""
    second = SCHEDULE.replace("id = 0", "id = 1").replace("standard", "other")
    text = TEXT.replace(SCHEDULE, second + SCHEDULE)
    late = REGIME.replace("start = 0", "start = 1800000000").replace("schedule = 0", "schedule = 1")
    params = read_genesis(text.replace(REGIME, late + REGIME)).params
    assert [row.id for row in params.schedules] == [0, 1]
    assert [row.start for row in params.regimes] == [0, 1_800_000_000]


def test_a_start_counts_from_genesis_or_from_1970() -> None:
    assert read_genesis(TEXT).params.schedules[0].start == 1_700_000_015
    epoch = TEXT.replace('"genesis"', '"epoch"')
    assert read_genesis(epoch).params.schedules[0].start == 15


def test_the_first_state_holds_what_the_file_says() -> None:
    genesis = read_genesis(TEXT)
    outcome = genesis_outcome(genesis)
    rows = {place: value for place, value in outcome.rows if value is not None}
    state = State(rows)
    assert tables.PARAMS.need(state, tables.SINGLE) == genesis.params
    assert tables.GUARDIANS.need(state, tables.SINGLE).accounts == genesis.guardians
    assert tables.TOTALS.need(state, tables.SINGLE).minted_ever == 3_000
    first = genesis.accounts[0]
    assert tables.ACCOUNTS.get(state, first.address) == Account(balance=first.balance, nonce=0)
    assert [tables.POLICIES.need(state, tables.id_key(n)).id for n in (1, 2)] == [1, 2]
    assert tables.SCHEDULES.need(state, bytes([0])).running is None
    assert outcome.codes == ()
    assert genesis_outcome(replace(genesis, salt="x")).state_root == outcome.state_root


def test_validators_of_height_one_are_those_of_the_file() -> None:
    genesis = read_genesis(TEXT)
    assert genesis.validator_set().total_power() == 2


# --- regimes and schedules ------------------------------------------------------------------------


def test_a_regime_without_an_offer_has_the_figures_of_its_time() -> None:
    """And the hash covers them: what nobody wrote is as frozen as what somebody did (P1)."""
    row = read_genesis(TEXT.replace('"farming_v3"', '"farming_2018"')).params.regimes[0]
    assert row.offer == numbers_of(farming_2018.Offer())


def test_an_offer_names_what_differs() -> None:
    offered = (
        '[[regime]]\nregime = "farming_2019"\nstart = 9\nschedule = 0\n'
        "[regime.offer]\ntoken_price = 150000\ndifficulty = 6\n"
    )
    row = read_genesis(TEXT + offered).params.regimes[1]
    usual = farming_2019.Offer(token_price=150_000, difficulty=6)
    assert (row.start, row.offer) == (9, numbers_of(usual))


def test_an_offer_that_the_regime_does_not_know_is_refused() -> None:
    offered = (
        '[[regime]]\nregime = "farming_v2"\nstart = 9\nschedule = 0\n[regime.offer]\nage = 1\n'
    )
    assert "regime[1].offer: nobody knows age" in _refusal(TEXT + offered)


def _schedule(**fields: object) -> str:
    named = {"id": 1, "name": '"other"', "start_from": '"epoch"', "start": 1_698_796_800}
    named |= {"length": 2_630_880, "post_window": 97_200, "commit_window": 3_600}
    named |= {"attest_window": 86_400, "payout_delay": 3_600, **fields}
    return "[[schedule]]\n" + "".join(f"{name} = {value}\n" for name, value in named.items())


def test_a_schedule_may_be_months_of_the_calendar() -> None:
    row = read_genesis(TEXT + _schedule(length=0)).params.schedules[1]
    november = 1_698_796_800
    assert row.index_of(Seconds(november - 1)) is None
    assert row.index_of(Seconds(november)) == 0
    assert row.start_of(PeriodIndex(1)) == row.end_of(PeriodIndex(0)) == november + 30 * 86_400
    assert row.index_of(Seconds(november + 30 * 86_400)) == 1
    assert row.shortest() == 28 * 86_400


def test_a_schedule_may_give_nodes_periods_of_their_own() -> None:
    row = read_genesis(TEXT + _schedule(own=2_592_000)).params.schedules[1]
    assert (row.own, row.shortest()) == (2_592_000, 2_592_000)


@pytest.mark.parametrize(
    ("row", "refusal"),
    [
        (_schedule(length=0, start=1_698_796_801), "months of the calendar start with a month"),
        (_schedule(length=0, own=2_592_000), "settle in batches of equal length"),
        (_schedule(own=300_000), "more than 8 periods of a node end in a batch"),
        (_schedule(own=2_592_000, commit_window=2_500_000), "must settle before the next period"),
    ],
    ids=["a month that begins late", "both", "too short", "too slow"],
)
def test_a_schedule_that_no_chain_can_live_with_is_refused(row: str, refusal: str) -> None:
    assert refusal in _refusal(TEXT + row)
