"""Genesis: the file that names every constant of a chain, and the state that it makes.

A missing, unknown, doubled or senseless field is refused by name. The hash covers what the file says,
not how it is laid out; the chain id carries eight digits of it, so that two networks can never take
each other's bytes (P29).
"""

import tomllib
from dataclasses import dataclass, replace
from typing import Annotated

from tfchain.base.crypto import digest
from tfchain.base.limits import (
    COMMIT_SLOTS_MAX,
    GENESIS_ACCOUNTS_MAX,
    GENESIS_BYTES_MAX,
    GUARDIANS_MAX,
)
from tfchain.base.shapes import Blob, Many, Nested, encode_record
from tfchain.base.units import Address, Seconds, Utft
from tfchain.chain.execute import Outcome, outcome_of
from tfchain.chain.genesis_checks import check_params, check_time
from tfchain.chain.genesis_file import NAME, POLICIES_MAX, SALT, GenesisFile
from tfchain.errors import Malformed
from tfchain.ledger import tables
from tfchain.ledger.params import Params
from tfchain.ledger.records import Account, Guardians, Policy, ScheduleState, Totals
from tfchain.ledger.state import State
from tfchain.ledger.validators import Validator, ValidatorSet, genesis_set


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
    guardians: Annotated[tuple[Address, ...], Many(Blob(32, 32), GUARDIANS_MAX)]

    def validator_set(self) -> ValidatorSet:
        """The validators of height 1."""
        return genesis_set(self.validators)


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
    supply = sum(row.balance for row in genesis.accounts)
    totals = Totals(twins=0, farms=0, nodes=0, minted_ever=Utft(supply), reserved=Utft(0))
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
    return outcome_of(_Nothing(), state, [])


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
    if sum(row.balance for row in genesis.accounts) > params.supply_cap:
        raise Malformed("genesis: the accounts hold more than supply_cap")
    if params.policy not in [policy.id for policy in genesis.policies]:
        raise Malformed(f"genesis: policy {params.policy} is not among the policies")
