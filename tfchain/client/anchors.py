"""Where trust in a proof begins: who must have signed a header.

A proof leads to a header and its commit; whose signatures count is the anchor's to say. One that
follows the chain's validators as they change fits in here too: it answers for each header anew.
"""

from dataclasses import dataclass
from typing import Protocol

from tfchain.base.address import from_text
from tfchain.base.limits import COMMIT_SLOTS_MAX
from tfchain.base.units import Height, Power
from tfchain.chain.genesis import Genesis
from tfchain.client.plain import number_of
from tfchain.errors import InvalidBlock, Malformed
from tfchain.ledger.block import decode_block
from tfchain.ledger.header import Header
from tfchain.ledger.validators import Validator, ValidatorSet, genesis_set, validator_address


class Anchor(Protocol):
    """Knows the validators of one chain."""

    @property
    def chain_id(self) -> str:
        """The chain that headers must be of."""
        ...

    @property
    def told(self) -> str:
        """For people: whence the validators are known."""
        ...

    def validators_of(self, header: Header) -> ValidatorSet:
        """Those whose votes decide this header's height; raises `InvalidBlock` where unknown."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSet:
    """One set of validators, and every header that names it."""

    chain_id: str
    validators: ValidatorSet
    told: str

    def validators_of(self, header: Header) -> ValidatorSet:
        """The set; raises `InvalidBlock` for a header that names another."""
        if header.validators_hash != self.validators.hash():
            raise InvalidBlock(
                f"proof: block {header.height} has other validators than {self.told}"
            )
        return self.validators


def from_genesis(genesis: Genesis, told: str = "") -> KnownSet:
    """Trust begins with the genesis."""
    chain_id = genesis.params.chain_id
    return KnownSet(
        chain_id=chain_id,
        validators=genesis.validator_set(),
        told=told or f"the genesis of {chain_id}",
    )


def from_block(raw: bytes, height: Height, block_id: bytes, plain: object) -> KnownSet:
    """Trust begins with a block that somebody named by its id: it names its validators.

    `raw`: the block's bytes, `plain`: its validators as a node lists them; both from a stranger.

    Raises:
        InvalidBlock: another block, or validators that it does not name.
        Malformed: bytes that are neither.
    """
    block = decode_block(raw)
    if (block.header.height, block.id) != (height, block_id):
        raise InvalidBlock(f"block {height}: its id is {block.id.hex()}, not the trusted one")
    found = set_of(plain)
    if found.hash() != block.header.validators_hash:
        raise InvalidBlock(f"block {height}: its validators are not those that the node lists")
    return KnownSet(
        chain_id=block.header.chain_id, validators=found, told=f"the trusted block {height}"
    )


def set_of(plain: object) -> ValidatorSet:
    """The set that a node's list of validators says; raises `Malformed`."""
    rows = plain.get("validators") if isinstance(plain, dict) else None
    if not isinstance(rows, list) or len(rows) > COMMIT_SLOTS_MAX:
        raise Malformed(f"a list of at most {COMMIT_SLOTS_MAX} validators is due")
    return genesis_set([_member(row) for row in rows])


def _member(row: object) -> Validator:
    if not isinstance(row, dict):
        raise Malformed("validators: an object each is due")
    key, reward = from_text(str(row.get("key"))), from_text(str(row.get("reward_account")))
    power = Power(number_of(row.get("power")))
    return Validator(address=validator_address(key), key=key, power=power, reward_account=reward)
