"""The fields of a genesis file, read once each and named where they are wrong."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Final, TypeVar

from tfchain.base.address import from_text
from tfchain.base.codec import Plain
from tfchain.base.limits import COMMIT_SLOTS_MAX, GENESIS_ACCOUNTS_MAX, GUARDIANS_MAX
from tfchain.base.shapes import Shape, Text, layout
from tfchain.base.units import Address, Seconds, Utft
from tfchain.errors import Malformed
from tfchain.ledger.params import (
    BillingRow,
    Consensus,
    EvidenceRow,
    FeeRow,
    Params,
    RegimeRow,
    ResourceRow,
    ScheduleRow,
    UptimeRow,
)
from tfchain.ledger.records import Policy
from tfchain.ledger.validators import Validator, validator_address
from tfchain.rules.regime import Regime, names_of, numbers_of
from tfchain.rules.schedule import REGIMES
from tfchain.tx.kind import FreeKind
from tfchain.tx.registry import KINDS, name_of
from tfchain.tx.transaction import SYSTEM_KINDS

R = TypeVar("R")
Toml = Mapping[str, object]

NAME: Final = Text(1, 32, "abcdefghijklmnopqrstuvwxyz0123456789")
SALT: Final = Text(0, 64)
POLICIES_MAX: Final = 64
_ROWS_MAX: Final = 64
"""Schedules, regimes: as `ledger.params` has room for."""

REGIME_NAMES: Final = {regime.name: number for number, regime in REGIMES.items()}
PAID_KINDS: Final = tuple(
    number
    for number, kind in KINDS.items()
    if number not in SYSTEM_KINDS and not issubclass(kind, FreeKind)
)
"""Kinds with a fee, each of which the file must name."""


class GenesisFile:
    """A parsed file that remembers which of its fields were read."""

    def __init__(self, plain: Toml) -> None:
        self._top = _Section("genesis", plain)

    def check_all_read(self) -> None:
        """Raises `Malformed` for a field that nobody knows."""
        self._top.check_all_read()

    def name(self) -> str:
        """The network's name."""
        return self._top.shaped_text("name", NAME)

    def time(self) -> Seconds:
        """When the chain begins; `init` and `devnet` stamp it."""
        return Seconds(self._top.number("time"))

    def salt(self) -> str:
        """Chance, so that two networks of one template differ."""
        return self._top.shaped_text("salt", SALT)

    def params(self) -> Params:
        """All constants."""
        top = self._top
        return top.section("ledger").filled(
            Params,
            chain_id=self.name(),
            consensus=_plain(top.record("consensus", Consensus)),
            schedules=[_plain(row) for row in self._schedules()],
            uptime=_plain(top.record("uptime", UptimeRow)),
            resources=_plain(top.record("resources", ResourceRow)),
            evidence=_plain(top.record("evidence", EvidenceRow)),
            regimes=[_plain(row) for row in _regimes(top.sections("regime", _ROWS_MAX))],
            fees=[_plain(row) for row in _fees(top.section("fees"))],
            billing=_billing(top),
        )

    def _schedules(self) -> list[ScheduleRow]:
        """In order of id, which is the order of their batches' keys."""
        rows = [self._schedule(row) for row in self._top.sections("schedule", _ROWS_MAX)]
        _refuse_doubles("schedule", [row.id for row in rows])
        _refuse_doubles("schedule", [row.name for row in rows])
        return sorted(rows, key=lambda row: row.id)

    def _schedule(self, row: "_Section") -> ScheduleRow:
        """`start` counts from genesis or from 1970, as `start_from` says."""
        start_from = row.text("start_from")
        if start_from not in ("genesis", "epoch"):
            raise Malformed(f"{row.where}.start_from: genesis or epoch is due")
        base = self.time() if start_from == "genesis" else 0
        own = row.number_or("own", 0)
        return row.filled(ScheduleRow, start=base + row.number("start"), own=own)

    def policies(self) -> tuple[Policy, ...]:
        """The farming policies of the start, in order of id."""
        rows = [row.filled(Policy) for row in self._top.sections("policy", POLICIES_MAX)]
        _refuse_doubles("policy", [row.id for row in rows])
        return tuple(sorted(rows, key=lambda row: row.id))

    def accounts(self) -> list[tuple[Address, Utft]]:
        """Who starts with what, in address order."""
        rows = [
            (row.address("address"), Utft(row.number("balance")))
            for row in self._top.sections("account", GENESIS_ACCOUNTS_MAX)
        ]
        _refuse_doubles("account", [address for address, _ in rows])
        return sorted(rows)

    def validators(self) -> tuple[Validator, ...]:
        """The first validator set, in address order."""
        return tuple(member for member, _ in self._bonded())

    def bonds(self) -> tuple[Utft, ...]:
        """What each of them stands to lose, in the same order; 0 where none is named (P24)."""
        return tuple(bond for _, bond in self._bonded())

    def _bonded(self) -> list[tuple[Validator, Utft]]:
        rows = []
        for row in self._top.sections("validator", COMMIT_SLOTS_MAX):
            key = row.address("key")
            reward = row.address("reward_account")
            address = validator_address(key)
            bond = Utft(row.number_or("bond", 0))
            member = row.filled(Validator, key=key, reward_account=reward, address=address)
            rows.append((member, bond))
        _refuse_doubles("validator", [member.key for member, _ in rows])
        return sorted(rows, key=lambda row: row[0].address)

    def guardians(self) -> tuple[Address, ...]:
        """Who attests mints, in address order; at least as many as the file asks for (P23)."""
        least = self._top.number("guardians_min")
        rows = self._top.sections("guardian", GUARDIANS_MAX)
        accounts = [row.address("account") for row in rows]
        _refuse_doubles("guardian", accounts)
        if len(accounts) < max(1, least):
            raise Malformed(f"genesis: {len(accounts)} guardians where {max(1, least)} are due")
        return tuple(sorted(accounts))


class _Section:
    """A table of the file."""

    def __init__(self, where: str, plain: Toml) -> None:
        self.where = where
        self._plain = plain
        self._read: dict[str, None] = {}
        self._below: list[_Section] = []

    def value(self, name: str) -> object:
        if name not in self._plain:
            raise Malformed(f"{self.where}: {name} is missing")
        self._read[name] = None
        return self._plain[name]

    def has(self, name: str) -> bool:
        return name in self._plain

    def number(self, name: str) -> int:
        value = self.value(name)
        if type(value) is not int or not 0 <= value < 1 << 63:
            raise Malformed(f"{self.where}.{name}: a whole number from 0 is due")
        return value

    def number_or(self, name: str, absent: int) -> int:
        return self.number(name) if self.has(name) else absent

    def text(self, name: str) -> str:
        value = self.value(name)
        if type(value) is not str:
            raise Malformed(f"{self.where}.{name}: text is due")
        return value

    def shaped_text(self, name: str, shape: Text) -> str:
        text = self.text(name)
        self._shaped(name, shape, text)
        return text

    def address(self, name: str) -> Address:
        try:
            return from_text(self.text(name))
        except Malformed as fault:
            raise Malformed(f"{self.where}.{name}: {fault}") from fault

    def section(self, name: str) -> "_Section":
        return self._under(f"{self.where}.{name}", self.value(name))

    def section_or(self, name: str) -> "_Section | None":
        return self.section(name) if name in self._plain else None

    def sections(self, name: str, most: int) -> "list[_Section]":
        value = self.value(name)
        if type(value) is not list or len(value) > most:
            raise Malformed(f"{self.where}.{name}: a list of at most {most} tables is due")
        return [
            self._under(f"{self.where}.{name}[{place}]", row) for place, row in enumerate(value)
        ]

    def record(self, name: str, cls: type[R]) -> R:
        return self.section(name).filled(cls)

    def filled(self, cls: type[R], **known: Plain) -> R:
        """A record of this table's fields; those in `known` were read already."""
        values: list[Plain] = [layout(cls).version]
        for name, shape in zip(layout(cls).names, layout(cls).shapes, strict=True):
            plain = known[name] if name in known else self._field(name)
            values.append(self._shaped(name, shape, plain))
        return layout(cls).unpack(values)

    def _field(self, name: str) -> Plain:
        value = self.value(name)
        if type(value) is bool or type(value) is str or type(value) is int:
            return value
        raise Malformed(f"{self.where}.{name}: a number, text, true or false is due")

    def _shaped(self, name: str, shape: Shape, plain: Plain) -> Plain:
        try:
            return shape.pack(shape.unpack(plain))
        except Malformed as fault:
            raise Malformed(f"{self.where}.{name}: {fault}") from fault

    def check_all_read(self) -> None:
        for name in self._plain:
            if name not in self._read:
                raise Malformed(f"{self.where}: nobody knows {name}")
        for section in self._below:
            section.check_all_read()

    def _under(self, where: str, value: object) -> "_Section":
        if not isinstance(value, dict):
            raise Malformed(f"{where}: a table is due")
        section = _Section(where, value)
        self._below.append(section)
        return section


def _regimes(sections: Sequence[_Section]) -> list[RegimeRow]:
    """In order of start: a node comes under the last row that has started (P5)."""
    rows = [_regime(row) for row in sections]
    _refuse_doubles("regime", [row.start for row in rows])
    return sorted(rows, key=lambda row: row.start)


def _regime(row: _Section) -> RegimeRow:
    name = row.text("regime")
    if name not in REGIME_NAMES:
        raise Malformed(f"{row.where}.regime: known are {', '.join(REGIME_NAMES)}")
    number = REGIME_NAMES[name]
    return row.filled(RegimeRow, regime=number, offer=list(_offer(row, REGIMES[number])))


def _offer(row: _Section, regime: Regime) -> tuple[int, ...]:
    """What the table `offer` says, name by name; else the figures of the regime's time (P1)."""
    usual = numbers_of(regime.offer)
    section = row.section_or("offer")
    if section is None:
        return usual
    names = names_of(type(regime.offer))
    return tuple(section.number_or(name, number) for name, number in zip(names, usual, strict=True))


def _fees(section: _Section) -> tuple[FeeRow, ...]:
    """A row for every paid kind: one that was forgotten would be free for whoever floods (P25)."""
    return tuple(
        FeeRow(kind=number, fee=Utft(section.number(name_of(number)))) for number in PAID_KINDS
    )


def _billing(top: _Section) -> Plain:
    """None where the file does not speak of it: then nobody is billed (P20)."""
    if not top.has("billing"):
        return None
    section = top.section("billing")
    accounts = {name: section.address(name) for name in ("foundation", "tf_tech", "staking")}
    return _plain(section.filled(BillingRow, **accounts))


def _plain(record: object) -> Plain:
    return layout(type(record)).pack(record)


def _refuse_doubles(what: str, keys: Sequence[Hashable]) -> None:
    seen: dict[Hashable, None] = {}
    for place, key in enumerate(keys):
        if key in seen:
            raise Malformed(f"genesis.{what}[{place}]: named twice")
        seen[key] = None
