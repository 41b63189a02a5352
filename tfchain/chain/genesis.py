"""Genesis: the file that names every constant of a chain, and the state that it makes.

A missing, unknown, doubled or senseless field is refused by name. The hash covers what the file says,
not how it is laid out; the chain id carries eight digits of it, so that two networks can never take
each other's bytes (P29).
"""

import tomllib
from dataclasses import dataclass, replace
from typing import Annotated, Final

from tfchain.base.crypto import digest
from tfchain.base.limits import (
    COMMIT_SLOTS_MAX,
    GENESIS_ACCOUNTS_MAX,
    GENESIS_BYTES_MAX,
    GUARDIANS_MAX,
)
from tfchain.base.shapes import Blob, Many, Nested, UInt, encode_record
from tfchain.base.units import MS_PER_S, U64_MAX, Address, Height, Millis, Seconds, Utft
from tfchain.chain.execute import Outcome, outcome_of
from tfchain.chain.genesis_checks import check_params, check_time
from tfchain.chain.genesis_file import NAME, POLICIES_MAX, SALT, GenesisFile
from tfchain.errors import Malformed
from tfchain.ledger import tables
from tfchain.ledger.changes import Agenda
from tfchain.ledger.params import Params
from tfchain.ledger.records import Account, Guardians, Policy, ScheduleState, Totals
from tfchain.ledger.seats import Members, Past, PastBlock, Roster, Seat
from tfchain.ledger.state import State
from tfchain.ledger.validators import Validator, ValidatorSet, genesis_set

FIRST_HEIGHT: Final = Height(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endowment:
    """What an account starts with."""

    address: Address
    balance: Utft


@dataclass(frozen=True, slots=True, kw_only=True)
class Genesis:
    """Everything that a chain starts from."""

    name: Annotated[str, NAME]
    time: Seconds
    salt: Annotated[str, SALT]
    params: Annotated[Params, Nested(Params)]
    """Its `chain_id` is the plain name while the hash is taken, and the full one afterwards."""
    policies: Annotated[tuple[Policy, ...], Many(Nested(Policy), POLICIES_MAX)]
    accounts: Annotated[tuple[Endowment, ...], Many(Nested(Endowment), GENESIS_ACCOUNTS_MAX)]
    validators: Annotated[tuple[Validator, ...], Many(Nested(Validator), COMMIT_SLOTS_MAX)]
    bonds: Annotated[tuple[Utft, ...], Many(UInt(0, U64_MAX), COMMIT_SLOTS_MAX)]
    """What each of them stands to lose, in their order (P24)."""
    guardians: Annotated[tuple[Address, ...], Many(Blob(32, 32), GUARDIANS_MAX)]

    def validator_set(self) -> ValidatorSet:
        """The validators of height 1."""
        return genesis_set(self.validators)

    def supply(self) -> Utft:
        """Every coin that there is at the start: balances and bonds."""
        return Utft(sum(row.balance for row in self.accounts) + sum(self.bonds))


def read_genesis(text: str) -> Genesis:
    """The genesis that a file's text says.

    Raises:
        Malformed: names the first field that is missing, unknown, doubled, out of range or at odds
            with another.
    """
    if len(text.encode("utf-8", "surrogatepass")) > GENESIS_BYTES_MAX:
        raise Malformed(f"genesis: more than {GENESIS_BYTES_MAX} bytes")
    try:
        plain = tomllib.loads(text)
    except (ValueError, RecursionError) as fault:  # plain ValueError: a number of 5,000 digits
        raise Malformed(f"genesis: {fault}") from fault
    file = GenesisFile(plain)
    genesis = Genesis(
        name=file.name(),
        time=file.time(),
        salt=file.salt(),
        params=file.params(),
        policies=file.policies(),
        accounts=tuple(Endowment(address=at, balance=much) for at, much in file.accounts()),
        validators=file.validators(),
        bonds=file.bonds(),
        guardians=file.guardians(),
    )
    file.check_all_read()
    _check(genesis)
    return _named(genesis)


def genesis_hash(genesis: Genesis) -> bytes:
    """The hash of everything that the file says."""
    plain = replace(genesis, params=replace(genesis.params, chain_id=genesis.name))
    return digest(b"tf/genesis", encode_record(plain))


def genesis_outcome(genesis: Genesis) -> Outcome:
    """The rows and roots of the state before the first block."""
    state = State(_Nothing())
    tables.PARAMS.put(state, tables.SINGLE, genesis.params)
    totals = Totals(
        twins=0,
        farms=0,
        nodes=0,
        minted_ever=genesis.supply(),
        reserved=Utft(0),
        burned=Utft(0),
    )
    tables.TOTALS.put(state, tables.SINGLE, totals)
    tables.GUARDIANS.put(state, tables.SINGLE, Guardians(accounts=genesis.guardians))
    for endowment in genesis.accounts:
        account = Account(balance=endowment.balance, nonce=0)
        tables.ACCOUNTS.put(state, endowment.address, account)
    for policy in genesis.policies:
        tables.POLICIES.put(state, tables.id_key(policy.id), policy)
    for row in genesis.params.schedules:
        blank = ScheduleState(running=None, live=())
        tables.SCHEDULES.put(state, tables.schedule_key(row.id), blank)
    _seat(state, genesis)
    return outcome_of(_Nothing(), state, [])


def _seat(state: State, genesis: Genesis) -> None:
    """The first validators, and height 0 as the first block of the past."""
    members = genesis.validator_set().validators
    first = tables.height_key(FIRST_HEIGHT)
    tables.MEMBERS.put(state, first, Members(validators=members))
    blank = Roster(newest=FIRST_HEIGHT, before=FIRST_HEIGHT, accused=(), leaving=(), past_first=0)
    tables.ROSTER.put(state, tables.SINGLE, blank)
    for member, bond in zip(genesis.validators, genesis.bonds, strict=True):
        seat = Seat(
            key=member.key,
            power=member.power,
            bond=bond,
            reward_account=member.reward_account,
            jailed=False,
            fault=None,
            answers_from=FIRST_HEIGHT,
            left=None,
        )
        tables.SEATS.put(state, member.address, seat)
    tables.AGENDA.put(state, tables.SINGLE, Agenda(last=0, open=()))
    start = PastBlock(time=Millis(genesis.time * MS_PER_S), members=FIRST_HEIGHT)
    tables.PAST.put(state, tables.height_key(0), Past(blocks=(start,)))


class _Nothing:
    """The store before there is anything."""

    def get(self, _key: bytes, /) -> bytes | None:
        return None


def _named(genesis: Genesis) -> Genesis:
    chain_id = f"{genesis.name}-{genesis_hash(genesis).hex()[:8]}"
    return replace(genesis, params=replace(genesis.params, chain_id=chain_id))


def _check(genesis: Genesis) -> None:
    """What the fields must be to each other (P1, P23)."""
    params = genesis.params
    check_time(genesis.time)
    check_params(params)
    genesis_set(genesis.validators)
    if genesis.supply() > params.supply_cap:
        raise Malformed("genesis: the accounts and bonds hold more than supply_cap")
    if params.policy not in [policy.id for policy in genesis.policies]:
        raise Malformed(f"genesis: policy {params.policy} is not among the policies")
