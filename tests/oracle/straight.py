"""python tests/oracle/straight.py < DIARY > FIGURES: what each node is owed, computed a second way.

Written from the rules alone, straight down, with Python's integers and fractions; nothing of the
product is imported. It is slow, keeps everything in memory and reads every report again for every
period: there is nothing clever in it that could be wrong in a clever way.

A diary is JSON, a line each: first the genesis file, parsed; then every block, with its time in seconds
and what was said in it and taken: who, which kind, and its fields (bytes as hex). Of a mint it says
which batch and nodes it is for, and of an enactment which proposal: when they come is the ledger's to
say, what they come to is computed here.
"""

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from math import floor
from typing import Any

GIB = 2**30
MILLION = 10**6
TFT = 10**7
DAY = 86_400
HOUR = 3_600
STANDARD_MONTH = 2_630_880

Said = dict[str, Any]


# --- uptime (rules 2.1) ------------------------------------------------------


@dataclass
class Clockwork:
    """Seconds, as a network sets them; these are the public chain's."""

    report_interval: int = 2_400
    grace: int = 60
    skew: int = 120
    sleep_max: int = 24 * HOUR
    boot_max: int = 30 * 60
    sleep_credit_max: int | None = None
    """What going to sleep credits at most: ledgers have such a cap, the public program has none."""


class Month:
    """One node through one period and the hours after it. Only the first violation is kept."""

    def __init__(self, start: int, end: int, clock: Clockwork, first_block: int) -> None:
        self.start, self.end, self.clock, self.first_block = start, end, clock, first_block
        self.cap = clock.report_interval + clock.grace
        self.at: int | None = None
        self.up = self.total = 0
        self.boot = 0
        self.violation = ""
        self.slept_at: int | None = None
        self.wake_at: int | None = None
        self.slow = 0
        self.state_up = self.target_up = True

    def report(self, t: int, up: int) -> None:
        asleep, asked = self.slept_at is not None, self.wake_at is not None
        if asleep and asked:
            self._wakes(t, up)
        elif asleep or asked:
            return
        elif t < self.end:
            self._reports_inside(t, up)
        elif self.at is not None and self.at < self.end:
            room = max(0, up - (t - self.end))
            self._follows(t, up, min(self.end - self.at, self.cap), min(room, self.cap))

    def _wakes(self, t: int, up: int) -> None:
        assert self.slept_at is not None and self.wake_at is not None
        inside = t < self.end
        if t - up <= self.slept_at if inside else self.at is not None and self.at > self.end:
            return
        slow = t - up - self.wake_at > self.clock.boot_max
        self.slow += slow
        slept = max(0, min(t, self.end) - max(self.start, self.slept_at))
        if slow or t - self.slept_at > self.clock.sleep_max:
            slept = 0
        self.at, self.up, self.total = t, up, self.total + slept
        self.slept_at = self.wake_at = None
        self.boot = t - up

    def _reports_inside(self, t: int, up: int) -> None:
        if self.at is None:
            self.at, self.up, self.boot = t, up, t - up
            self.total = min(t - self.start, up, self.cap)
        else:
            self._follows(t, up, min(up - self.up, self.cap), min(up, self.cap))

    def _follows(self, t: int, up: int, normal: int, rebooted: int) -> None:
        """A report after another one; the last two: what it credits as the one or the other."""
        assert self.at is not None
        passed, risen, grace = t - self.at, up - self.up, self.clock.grace
        if risen > passed + grace:
            self._violates("uptime_too_high")
            self.at, self.up = t, up
            return
        if abs(risen - passed) <= grace:
            if abs(t - up - self.boot) >= self.clock.skew:
                self._violates("clock_skew")
            if risen > 0:
                self.at, self.up, self.total = t, up, self.total + normal
                return
        if up <= passed:
            self.at, self.up, self.total = t, up, self.total + rebooted
            self.boot = t - up
        else:
            self._violates("uptime_too_low" if up > self.up else "invalid_reboot")

    def _violates(self, kind: str) -> None:
        self.violation = self.violation or kind

    def target(self, now: int, *, up: bool) -> None:
        self.target_up = up
        if up and not self.state_up and self.wake_at is None:
            self.wake_at = now

    def state(self, now: int, *, up: bool) -> None:
        falls = self.state_up and not up and not self.target_up
        self.state_up = up
        if not falls or self.slept_at is not None:
            return
        self.slept_at = now
        if self.at is not None and now < self.end:
            slept, most = max(0, now - self.at), self.clock.sleep_credit_max
            self.total += slept if most is None else min(slept, most)
            self.at, self.up = now, 0

    def begin_down(self, since: int, *, target_up: bool) -> None:
        self.state_up, self.target_up, self.slept_at = False, target_up, since
        self.wake_at = self.first_block if target_up else None

    def close(self) -> None:
        open_, first = self.wake_at, self.first_block
        self.slow += open_ is not None and open_ != first and open_ <= self.end
        if self.slow > 1:
            self._violates("boot_request_expired")


# --- money (rules 2.2 to 7) --------------------------------------------------


def v3_units(size: Said, traffic: int = 0) -> tuple[int, int, int]:
    """CU, SU and NU in millionths."""
    memory = max(0, size["mru"] - GIB)
    parts = (
        size["cru"] * 2 * MILLION,
        memory * MILLION // (4 * GIB),
        size["sru"] * MILLION // (50 * GIB),
    )
    su = (size["hru"] * MILLION // 1200 + size["sru"] * MILLION // 250) // GIB
    return min(parts), su, traffic * MILLION // GIB


def per_mille(uptime: int, length: int) -> int:
    return min(uptime * 1000 // length, 1000)


def v3_pay(contract: Said, node: Said, uptime: int, length: int) -> Said:
    """`node`: resources, certified, virtualized, violation, traffic and ip_seconds of the period."""
    policy, (cu, su, nu) = contract["policy"], v3_units(node["resources"], node["traffic"])
    units = cu * policy["price_cu"] + su * policy["price_su"] + nu * policy["price_nu"]
    base = units // MILLION + node["ip_seconds"] * policy["price_ipv4"] // HOUR
    if node["certified"] and policy["id"] == 1:
        base = base * 5 // 4
    tft = base * TFT // contract["connection_price"]
    u = per_mille(uptime, length)
    old_gold = policy["id"] == 3 and policy["minimal_uptime"] == 95
    old_gold = old_gold and not policy["default"] and not policy["immutable"]
    prorated = policy["id"] in (1, 2) or old_gold
    least = (980 if node["certified"] else 950) if prorated else policy["minimal_uptime"]
    share = 0 if u < least else u if prorated else 1000
    if node["virtualized"] or node["violation"]:
        share = 0
    return {
        "cu": cu,
        "su": su,
        "nu": nu,
        "musd": base * share // 1000,
        "tft": tft * share // 1000,
        "missed": u < least,
    }


def units_2018(size: Said) -> tuple[int, int]:
    """A GB is read as a GiB. Units in millionths, as everywhere."""
    share = Fraction(9, 10)
    parts = (size["cru"], Fraction(size["mru"], 4 * GIB), Fraction(size["sru"], 20 * GIB))
    cu = min(Fraction(part) * share for part in parts)
    su = Fraction(size["hru"], 1093 * GIB) + Fraction(size["sru"], 135 * GIB)
    return floor(cu * MILLION), floor(su * MILLION)


def units_2019(size: Said) -> tuple[int, int]:
    cu = min(Fraction(2 * size["cru"]), Fraction(size["mru"], 4 * GIB) * Fraction(95, 100))
    su = Fraction(size["hru"], 1093 * GIB) + Fraction(size["sru"], 92 * GIB)
    return floor(cu * MILLION), floor(su * MILLION)


def tokens_2018(
    units: tuple[int, int], prices: tuple[Fraction, Fraction], token: Fraction, d: int
) -> int:
    """T = (CU · ACPT + SU · ASPT) / D, in units of 1e-7 TFT; prices in USD."""
    cu, su = (Fraction(unit, MILLION) for unit in units)
    acpt, aspt = prices[0] / token, prices[1] / token
    return floor((cu * acpt + su * aspt) / d * TFT)


def cultivated(
    units: tuple[Fraction, Fraction],
    prices: tuple[Fraction, Fraction],
    used: Fraction,
    token: Fraction,
) -> Fraction:
    """TFT of a sale, before fees."""
    return (units[0] * prices[0] + units[1] * prices[1]) * used / token


def units_v2(size: Said) -> tuple[int, int]:
    cu = min(Fraction(max(0, size["mru"] - GIB), 4 * GIB), Fraction(size["cru"] * 2))
    su = (Fraction(size["hru"], 1000 * GIB) + Fraction(size["sru"], 100 * GIB) / 2) / Fraction(
        12, 10
    )
    return floor(cu * MILLION), floor(su * MILLION)


def price_v2(month: int) -> Fraction:
    """USD for a TFT `month` months after May 2020: 2 % more each, through December."""
    grown = Fraction(15, 100) * Fraction(102, 100) ** max(0, min(month, 7))
    return Fraction(floor(grown * MILLION + Fraction(1, 2)), MILLION)


def tokens_v2(units: tuple[int, int], price: Fraction, farmed: int, cap: int) -> int:
    """A month at full uptime; `farmed` and `cap` in units of 1e-7 TFT."""
    cpr = Fraction(units[0] * 3 // 2 + units[1], MILLION)
    p = Fraction(farmed, cap)
    multiplier = Fraction(0) if p > Fraction(999, 1000) else 1 - p
    return floor(cpr * (40 / price / 6) * multiplier * TFT)


# --- use (rules 2.2, 4, 7) ---------------------------------------------------


def billed_units(cru: Fraction, mru: Fraction, hru: Fraction, sru: Fraction) -> list[Fraction]:
    """CU and SU as users are billed for them; mru, hru and sru in GiB."""
    cu = min(max(mru / 4, cru / 2), max(mru / 8, cru), max(mru / 2, cru / 4))
    return [cu, hru / 1200 + sru / 200]


def used_share(used: Said, size: Said, length: int) -> Fraction:
    """Mean of CU and SU in use over what a node has of them; `used`: times seconds."""
    units = []
    for held, by in ((used, length), (size, 1)):
        scale = {"cru": by, "mru": by * GIB, "hru": by * GIB, "sru": by * GIB}
        units.append(billed_units(*(Fraction(held[name], scale[name]) for name in scale)))
    shares = [min(Fraction(1), had / has) for had, has in zip(*units, strict=True) if has]
    return sum(shares, Fraction(0)) / len(shares)


@dataclass
class Taken:
    """What a user has of a node."""

    node: int
    twin: int
    ips: int
    used: Said
    """As the node told last; empty where the node is rented as a whole, with all that it has."""


@dataclass
class Use:
    """What was told of a node's contracts in a period."""

    traffic: int
    ip_seconds: int
    share: Fraction


# --- the ledger's nouns ------------------------------------------------------


@dataclass
class Machine:
    """Everything that was ever said about a node, in order."""

    number: int
    farm: int
    twin: int
    created: int
    regime: str
    schedule: int
    contracts: list[Said]
    sizes: list[tuple[int, Said]]
    """From when, and what; likewise below."""
    certified: list[tuple[int, bool]]
    virtualized: list[tuple[int, bool]]
    heard: list[tuple[int, str, int, int]] = field(default_factory=list)
    """Block time; `report` with time and uptime, `state` or `target` with 1 for up."""
    told: list[tuple[int, Said, int, int]] = field(default_factory=list)
    """Block time; resources in use times seconds, bytes, public addresses times seconds."""
    gone: int | None = None
    fraud: int | None = None
    first_report: int | None = None


def as_of(rows: Iterable[tuple[int, Any]], end: int) -> Any:
    """The last thing said before `end`, or the first one of all."""
    known = list(rows)
    return ([value for at, value in known if at < end] or [known[0][1]])[-1]


class Book:
    """The diary, read once from front to back."""

    def __init__(self, genesis: Said) -> None:
        self.genesis = genesis
        self.times: list[int] = []
        self.machines: list[Machine] = []
        self.farms: list[Said] = []
        self.taken: list[Taken] = []
        self.twins: list[str] = []
        self.proposals: list[Said] = []
        self.policies = {row["id"]: row for row in genesis["policy"]}
        self.voted: list[Said] = []
        """Policies that votes made a default."""
        self.price = genesis["ledger"]["connection_price"]
        self.mints: list[tuple[int, int, int, int]] = []
        """Time, schedule, period, node."""
        self.voided: set[tuple[int, int]] = set()
        self.without: dict[tuple[int, int], list[int]] = {}
        self.fixes: list[tuple[int, Said]] = []
        self.regimes = sorted(genesis["regime"], key=lambda row: row["start"])
        self.schedules = {row["id"]: row for row in genesis["schedule"]}
        uptime = genesis["uptime"]
        names = Clockwork.__dataclass_fields__
        self.clock = Clockwork(**{name: uptime[name] for name in names})

    def block(self, time: int, said: list[Said]) -> None:
        self.times.append(time)
        for one in said:
            reader = getattr(self, "on_" + one["kind"], None)
            if reader is not None:
                reader(time, one)

    def on_create_twin(self, _time: int, said: Said) -> None:
        self.twins.append(said["by"])

    def on_create_farm(self, _time: int, said: Said) -> None:
        owner = self.twins.index(said["by"]) + 1
        self.farms.append({"name": said["name"], "twin": owner, "pool": 0, "guarantee": 0})

    def on_set_farm_pool(self, _time: int, said: Said) -> None:
        self.farms[said["farm_id"] - 1] |= {"pool": said["pool"], "guarantee": said["guarantee"]}

    def on_register_node(self, time: int, said: Said) -> None:
        regime = [row for row in self.regimes if row["start"] <= time][-1]
        self.machines.append(
            Machine(
                number=len(self.machines) + 1,
                farm=said["farm_id"],
                twin=self.twins.index(said["by"]) + 1,
                created=time,
                regime=regime["regime"],
                schedule=regime["schedule"],
                contracts=[self._contract(time, regime, said["farm_id"], said["resources"], False)],
                sizes=[(time, said["resources"])],
                certified=[(time, False)],
                virtualized=[(time, said["virtualized"])],
            )
        )

    def _contract(self, time: int, regime: Said, farm: int, size: Said, certified: bool) -> Said:
        fitting = [
            row for row in self.voted if row["node_certified"] <= certified and not row["gold"]
        ]
        policy = fitting[-1] if fitting else self.policies[self.genesis["ledger"]["policy"]]
        return {
            "registered": time,
            "policy": policy,
            "connection_price": self.price,
            "offer": regime.get("offer", {}),
            "size": size,
            "pool": self.farms[farm - 1]["pool"],
            "guarantee": self.farms[farm - 1]["guarantee"],
        }

    def on_renew_contract(self, time: int, said: Said) -> None:
        node = self.machines[said["node_id"] - 1]
        own = [
            row
            for row in self.regimes
            if (row["regime"], row["schedule"]) == (node.regime, node.schedule)
        ]
        regime = [row for row in own if row["start"] <= time][-1]
        size, certified = node.sizes[-1][1], node.certified[-1][1]
        node.contracts.append(self._contract(time, regime, node.farm, size, certified))

    def on_update_node(self, time: int, said: Said) -> None:
        node = self.machines[said["node_id"] - 1]
        before, after = node.sizes[-1][1], said["resources"]
        node.sizes.append((time, after))
        node.virtualized.append((time, node.virtualized[-1][1] or said["virtualized"]))
        moved = any(100 * abs(after[name] - before[name]) > before[name] for name in before)
        if moved and node.certified[-1][1]:
            node.certified.append((time, False))

    def on_report_uptime(self, time: int, said: Said) -> None:
        node = self.machines[said["node_id"] - 1]
        node.heard.append((time, "report", said["t"], said["uptime"]))
        if node.first_report is None:
            node.first_report = time

    def on_set_power_state(self, time: int, said: Said) -> None:
        self.machines[said["node_id"] - 1].heard.append((time, "state", said["up"], 0))

    def on_set_power_target(self, time: int, said: Said) -> None:
        self.machines[said["node_id"] - 1].heard.append((time, "target", said["up"], 0))

    def on_delete_node(self, time: int, said: Said) -> None:
        self.machines[said["node_id"] - 1].gone = time

    def on_create_contract(self, _time: int, said: Said) -> None:
        twin = self.twins.index(said["by"]) + 1
        nothing = {"cru": 0, "mru": 0, "hru": 0, "sru": 0}
        self.taken.append(Taken(said["node_id"], twin, said["public_ips"], nothing))

    def on_rent_node(self, _time: int, said: Said) -> None:
        self.taken.append(Taken(said["node_id"], self.twins.index(said["by"]) + 1, 0, {}))

    def on_update_used_resources(self, _time: int, said: Said) -> None:
        for one in said["contracts"]:
            self.taken[one["contract_id"] - 1].used = one["used"]

    def on_report_consumption(self, time: int, said: Said) -> None:
        """Traffic of a node or a farm with itself is no use (rules 6)."""
        for one in said["contracts"]:
            taken, window = self.taken[one["contract_id"] - 1], one["window"]
            node = self.machines[taken.node - 1]
            if taken.twin in (node.twin, self.farms[node.farm - 1]["twin"]):
                continue
            used = taken.used or node.sizes[-1][1]
            times = {name: amount * window for name, amount in used.items()}
            node.told.append((time, times, one["traffic"], taken.ips * window))

    def on_mint(self, time: int, said: Said) -> None:
        self.mints += [(time, said["schedule"], said["period"], node) for node in said["nodes"]]

    def on_propose(self, _time: int, said: Said) -> None:
        self.proposals.append(said["measure"])

    def on_enact(self, time: int, said: Said) -> None:
        measure = self.proposals[said["proposal"] - 1]
        match measure["action"]:
            case "set_price":
                self.price = measure["price"]
            case "offer_policy":
                number = max(self.policies) + 1
                self.policies[number] = {**measure, "id": number}
                if measure["default"]:
                    self.voted.append(self.policies[number])
            case "certify_node":
                rows = self.machines[measure["node_id"] - 1].certified
                rows.append((time, measure["certified"]))
            case "flag_fraud":
                self.machines[measure["node_id"] - 1].fraud = time
            case "approve_batch":
                self.without[measure["schedule"], measure["period"]] = measure["without"]
            case "void_batch":
                self.voided.add((measure["schedule"], measure["period"]))
            case "fix_receipt":
                self.fixes.append((time, measure))
            case _:
                pass  # of no weight for what is owed


# --- from the diary to what is owed ------------------------------------------


def month_start(number: int) -> int:
    """Of a month, counted from year 0."""
    return int(datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC).timestamp())


def month_of(time: int) -> int:
    day = datetime.fromtimestamp(time, UTC)
    return day.year * 12 + day.month - 1


def bounds(book: Book, schedule: int, period: int) -> tuple[int, int]:
    row = book.schedules[schedule]
    start = row["start"] + (book.genesis["time"] if row["start_from"] == "genesis" else 0)
    if row["length"] == 0:
        first = month_of(start) + period
        return month_start(first), month_start(first + 1)
    return start + period * row["length"], start + (period + 1) * row["length"]


def uptime_of(book: Book, node: Machine, start: int, end: int) -> Month:
    """Everything that was said of the period until its batch settled."""
    row = book.schedules[node.schedule]
    first_block = next((time for time in book.times if time >= start), end)
    month = Month(start, end, book.clock, first_block)
    state_up, target_up, since = True, True, 0
    for at, what, value, _ in node.heard:
        if at >= start or what == "report":
            continue
        if what == "target":
            target_up = bool(value)
        else:
            since = at if state_up and not value else since
            state_up = bool(value)
    if not state_up:
        month.begin_down(since, target_up=target_up)
    month.target_up = target_up
    for at, what, value, up in node.heard:
        late = at >= end + row["post_window"]
        if late or (value if what == "report" else at) < start:
            continue
        if what == "report":
            month.report(value, up)
        elif what == "state":
            month.state(at, up=bool(value))
        else:
            month.target(at, up=bool(value))
    month.close()
    return month


def spans_of(book: Book, node: Machine, period: int) -> list[tuple[int, int, int]]:
    """What a batch settles of a node: which of its periods, its start and its end."""
    start, end = bounds(book, node.schedule, period)
    own = book.schedules[node.schedule].get("own", 0)
    if not own:
        return [(period, start, end)]
    found, index = [], 0
    while node.created + (index + 1) * own <= end:
        if node.created + (index + 1) * own > start:
            found.append((index, node.created + index * own, node.created + (index + 1) * own))
        index += 1
    return found


def use_of(book: Book, node: Machine, period: int) -> Use:
    """A report counts where its block does. Of nodes with own months: in the batch's month."""
    start, end = bounds(book, node.schedule, period)
    told = [row for row in node.told if start <= row[0] < end]
    used = {name: sum(row[1][name] for row in told) for name in ("cru", "mru", "hru", "sru")}
    share = used_share(used, as_of(node.sizes, end), end - start)
    return Use(sum(row[2] for row in told), sum(row[3] for row in told), share)


@dataclass
class Purse:
    """What was owed, given and minted so far, in the order of the chain."""

    owed: dict[tuple[int, int, int], tuple[int, str]] = field(default_factory=dict)
    """By schedule, period and node."""
    given: dict[tuple[int, int, int], int] = field(default_factory=dict)
    """What a node has had for a batch, what went to its debts included."""
    paid: dict[tuple[int, int, int], int] = field(default_factory=dict)
    debts: dict[int, int] = field(default_factory=dict)
    minted: list[tuple[int, int]] = field(default_factory=list)
    """When, and how much."""

    def give(self, at: int, place: tuple[int, int, int], amount: int) -> None:
        """Debts first; the rest is minted."""
        taken = min(self.debts.get(place[2], 0), amount)
        self.debts[place[2]] = self.debts.get(place[2], 0) - taken
        self.given[place] = self.given.get(place, 0) + amount
        self.paid[place] = self.paid.get(place, 0) + amount - taken
        self.minted.append((at, amount - taken))

    def fix(self, at: int, place: tuple[int, int, int], due: int) -> None:
        """So much it should have been: the rest is given, what was too much is a debt."""
        more = due - self.given.get(place, 0)
        if more > 0:
            self.give(at, place, more)
        else:
            self.debts[place[2]] = self.debts.get(place[2], 0) - more
            self.given[place] = due


def minted_before(purse: Purse, time: int) -> int:
    """Every coin of every mint in a block before `time`."""
    return sum(amount for at, amount in purse.minted if at < time)


@dataclass
class Standing:
    """How a node stands under its contract, from one batch to the next."""

    contract: int = 0
    missed: int = 0
    first: int = 0


def owed(book: Book, node: Machine, period: int, known: tuple[Standing, Purse]) -> tuple[int, str]:
    """Of a whole batch, in units of 1e-7 TFT, and why it is nothing."""
    total, reasons = 0, []
    for index, start, end in spans_of(book, node, period):
        amount, reason = owed_once(book, node, (period, index, start, end), known)
        total += amount
        reasons.append(reason)
    return total, "" if total else (reasons or ["nothing_due"])[0]


def contract_of(node: Machine, begun: int) -> Said:
    """Who registers anew does it for the next period: one that has begun goes by the contract before."""
    known = [one for one in node.contracts if one["registered"] <= begun]
    return known[-1] if known else node.contracts[0]


def owed_once(
    book: Book, node: Machine, span: tuple[int, int, int, int], known: tuple[Standing, Purse]
) -> tuple[int, str]:
    (period, index, start, end), (standing, purse) = span, known
    contract = contract_of(node, bounds(book, node.schedule, period)[0])
    if standing.contract != contract["registered"]:
        standing.contract, standing.missed, standing.first = contract["registered"], 0, 0
    month, use = uptime_of(book, node, start, end), use_of(book, node, period)
    seen = {
        "resources": as_of(node.sizes, end),
        "certified": as_of(node.certified, end),
        "virtualized": as_of(node.virtualized, end),
        "violation": month.violation,
        "traffic": use.traffic,
        "ip_seconds": use.ip_seconds,
    }
    if node.regime in ("farming_2018", "farming_2019"):
        amount, missed = sixty(node.regime, contract, (index, month.total, end - start), standing)
    elif node.regime == "farming_v2":
        amount, missed = monthly(book, node, (purse, start, end), month.total), False
    else:
        paid = v3_pay(contract, seen, month.total, end - start)
        amount, missed = paid["tft"], paid["missed"]
    reason = "" if amount else "below_sla"
    if standing.missed >= 3:
        amount, reason = 0, "void"
    else:
        standing.missed = standing.missed + 1 if missed else 0
    if seen["virtualized"] or month.violation:
        return 0, month.violation or "virtualized"
    return amount, reason


def sixty(
    regime: str, contract: Said, seen: tuple[int, int, int], standing: Standing
) -> tuple[int, bool]:
    """A contract of sixty periods; the first pays the days online, a 61st what that left."""
    index, uptime, length = seen
    offer = contract["offer"]
    token = Fraction(
        offer.get("token_price", 100_000 if regime == "farming_2018" else 120_000), MILLION
    )
    units = (
        units_2018(contract["size"]) if regime == "farming_2018" else units_2019(contract["size"])
    )
    pool = ("", "_refurbished", "_managed")[contract["pool"]]
    cu_price = Fraction(offer.get("cu_price" + pool, 15_000), 1000)
    su_price = Fraction(offer.get("su_price" + pool, 10_000), 1000)
    full = tokens_2018(units, (cu_price, su_price), token, offer.get("difficulty", 8))
    least = contract["guarantee"] if contract["pool"] == 2 else 995
    online = min(uptime, length)
    if index == 0:
        standing.first = online
        return full * online // length, False
    if index > 60:
        return 0, False
    missed = per_mille(uptime, length) < least
    part = full if index < 60 else full - full * standing.first // length
    return (0 if missed or not uptime else part), missed


def monthly(book: Book, node: Machine, span: tuple[Purse, int, int], uptime: int) -> int:
    """A month of Farming Logic v2."""
    purse, start, end = span
    row = book.schedules[node.schedule]
    opened = next(time for time in book.times if time >= end + row["post_window"])
    farmed = genesis_coins(book) + minted_before(purse, opened)
    cap = 4_000_000_000 * TFT
    price = price_v2(month_of(start) - month_of(1_588_291_200))
    full = tokens_v2(units_v2(as_of(node.sizes, end)), price, farmed, cap)
    u = per_mille(uptime, end - start)
    least = 998 if as_of(node.certified, end) else 980
    return 0 if u < least else full * u // 1000


def genesis_coins(book: Book) -> int:
    accounts = sum(row["balance"] for row in book.genesis["account"])
    return int(accounts + sum(row.get("bond", 0) for row in book.genesis["validator"]))


def settled(book: Book) -> list[tuple[int, int, int]]:
    """Batches that must be paid by now, in the order in which their commit windows opened.

    All deadlines and a few blocks are over, or somebody saw the first coin of it.
    """
    found, now = [], book.times[-1]
    slack = 8 * book.genesis["consensus"]["interval"] // 1_000
    begun = {(schedule, period) for _, schedule, period, _ in book.mints}
    windows = ("post_window", "commit_window", "attest_window", "payout_delay")
    for number, row in book.schedules.items():
        whole = slack + sum(row[name] for name in windows)
        period = 0
        while (end := bounds(book, number, period)[1]) < now:
            if end + whole <= now or (number, period) in begun:
                found.append((end + row["post_window"], number, period))
            period += 1
    return sorted(found)


def withheld(book: Book, node: Machine, batch: tuple[int, int], at: int) -> str:
    """Why a node is not paid what it is owed."""
    if node.fraud is not None and node.fraud <= at:
        return "fraud"
    if batch in book.voided:
        return "voided"
    return "approved without it" if node.number in book.without.get(batch, ()) else ""


def settle(
    book: Book, purse: Purse, batch: tuple[int, int], standings: dict[int, Standing]
) -> None:
    """What each node is owed for a batch."""
    schedule, period = batch
    start, end = bounds(book, schedule, period)
    for node in book.machines:
        away = node.gone is not None and node.gone < start
        if node.schedule == schedule and node.created < end and not away:
            found = owed(book, node, period, (standings[node.number], purse))
            purse.owed[schedule, period, node.number] = found


def expected(book: Book) -> list[Said]:
    """A row for each node and batch: settled, paid and corrected in the order of the chain."""
    standings = {node.number: Standing() for node in book.machines}
    purse, last = Purse(), book.times[-1]
    events: list[tuple[int, int, Any]] = []
    for due, schedule, period in settled(book):
        opened = next((time for time in book.times if time >= due), last)
        events.append((opened, 0, (schedule, period)))
    events += [(at, 1, place) for at, *place in book.mints]
    events += [(at, 2, measure) for at, measure in book.fixes]
    for at, order, what in sorted(events, key=lambda one: one[:2]):
        if order == 0:
            settle(book, purse, what, standings)
        elif order == 1:
            place = (what[0], what[1], what[2])
            if not withheld(book, book.machines[what[2] - 1], (what[0], what[1]), at):
                purse.give(at, place, purse.owed.get(place, (0, ""))[0])
        else:
            place = (what["schedule"], what["period"], what["node"])
            purse.fix(next(time for time in book.times if time > at), place, what["amount"])
    return [row_of(book, purse, place) for place in purse.owed]


def row_of(book: Book, purse: Purse, place: tuple[int, int, int]) -> Said:
    """A batch that nobody saw paid is due all the same."""
    schedule, period, number = place
    node, (amount, reason) = book.machines[number - 1], purse.owed[place]
    why = withheld(book, node, (schedule, period), book.times[-1])
    seen = any((s, p, n) == place for _, s, p, n in book.mints)
    due = purse.paid.get(place, 0) if seen or place in purse.paid else 0 if why else amount
    return {
        "node": number,
        "regime": node.regime,
        "schedule": schedule,
        "period": period,
        "amount": due,
        "reason": reason if due or reason else why,
        "withheld": bool(why) and not due,
        "end": bounds(book, schedule, period)[1],
    }


def lock_age(node: Machine) -> int:
    age: int = node.contracts[0]["offer"].get("age", 24 * STANDARD_MONTH)
    return age


def freed(book: Book, node: Machine, rows: list[Said]) -> list[bool]:
    """Of each row, whether its pay may be spent at once, and with it all that was locked before."""
    free, used_for, first = list[bool](), 0, node.first_report
    for row in rows:
        share = use_of(book, node, row["period"]).share
        if node.regime in ("farming_2018", "farming_2019"):
            free.append(as_of(node.certified, row["end"]) or share > Fraction(3, 10))
        elif node.regime == "farming_v3_lockup":
            used_for = used_for + 1 if share >= Fraction(3, 10) else 0
            old = first is not None and row["end"] - first >= lock_age(node)
            free.append(used_for >= 3 or old)
        else:
            free.append(True)
    return free


def locked(book: Book, node: Machine, rows: list[Said]) -> int:
    """What of it nobody may spend at the diary's end; the rows say which pay was free."""
    held, first = 0, node.first_report
    for row in rows:
        if spans_of(book, node, row["period"]) and not row["withheld"]:
            held = 0 if row["free"] else held + row["amount"]
    old = first is not None and book.times[-1] - first >= lock_age(node)
    return 0 if old and node.regime == "farming_v3_lockup" and node.fraud is None else held


def figures(lines: Iterable[str]) -> Said:
    """The whole answer to a diary."""
    texts = iter(lines)
    book = Book(json.loads(next(texts)))
    for text in texts:
        line = json.loads(text)
        book.block(line["time"], line["said"])
    rows = expected(book)
    nodes = []
    for node in book.machines:
        own = [row for row in rows if row["node"] == node.number]
        for row, free in zip(own, freed(book, node, own), strict=True):
            row["free"] = free
        nodes.append(
            {
                "node": node.number,
                "regime": node.regime,
                "expected": sum(row["amount"] for row in own),
                "locked": locked(book, node, own),
            }
        )
    return {"nodes": nodes, "rows": rows}


if __name__ == "__main__":
    json.dump(figures(sys.stdin), sys.stdout)
