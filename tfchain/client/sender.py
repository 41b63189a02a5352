"""Who signs: an account with its nonces, and a verb for each kind of transaction.

The verbs have the parameters of the kinds' own records. Nonces are the ledger's, plus what this
sender has on its way; a key that two senders use at once gets `Rejected("nonce")` now and then.
"""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Concatenate, Final, ParamSpec

import trio

from tfchain.base.limits import SUBMIT_TXS_MAX
from tfchain.base.shapes import layout
from tfchain.base.units import Address, FarmId, Height, Utft
from tfchain.client.http import TAKEN, Client
from tfchain.client.keys import Key
from tfchain.errors import Rejected, Unavailable
from tfchain.ledger.params import Params
from tfchain.ledger.records import Resources
from tfchain.tx.kind import FreeKind, Kind
from tfchain.tx.kinds.accept_farm import AcceptFarm
from tfchain.tx.kinds.accept_twin import AcceptTwin
from tfchain.tx.kinds.add_farm_ip import AddFarmIp
from tfchain.tx.kinds.attest_mint import AttestMint
from tfchain.tx.kinds.cancel_contract import CancelContract
from tfchain.tx.kinds.commit_mint import CommitMint
from tfchain.tx.kinds.create_contract import CreateContract
from tfchain.tx.kinds.create_farm import CreateFarm
from tfchain.tx.kinds.create_twin import CreateTwin
from tfchain.tx.kinds.delete_node import DeleteNode
from tfchain.tx.kinds.dispute_nodes import DisputeNodes
from tfchain.tx.kinds.leave_validators import LeaveValidators
from tfchain.tx.kinds.move_node import MoveNode
from tfchain.tx.kinds.offer_farm import OfferFarm
from tfchain.tx.kinds.offer_twin import OfferTwin
from tfchain.tx.kinds.propose import Propose
from tfchain.tx.kinds.propose_constant import ProposeConstant
from tfchain.tx.kinds.propose_power import ProposePower
from tfchain.tx.kinds.propose_upgrade import ProposeUpgrade
from tfchain.tx.kinds.propose_validator import ProposeValidator
from tfchain.tx.kinds.register_node import RegisterNode
from tfchain.tx.kinds.release_lock import ReleaseLock
from tfchain.tx.kinds.remove_farm_ip import RemoveFarmIp
from tfchain.tx.kinds.renew_contract import RenewContract
from tfchain.tx.kinds.rent_node import RentNode
from tfchain.tx.kinds.report_consumption import ReportConsumption
from tfchain.tx.kinds.report_uptime import ReportUptime
from tfchain.tx.kinds.rotate_reporter import RotateReporter
from tfchain.tx.kinds.set_dedicated import SetDedicated
from tfchain.tx.kinds.set_farm_pool import SetFarmPool
from tfchain.tx.kinds.set_payout_account import SetPayoutAccount
from tfchain.tx.kinds.set_power_state import SetPowerState
from tfchain.tx.kinds.set_power_target import SetPowerTarget
from tfchain.tx.kinds.set_stellar_address import SetStellarAddress
from tfchain.tx.kinds.transfer import Transfer
from tfchain.tx.kinds.update_contract import UpdateContract
from tfchain.tx.kinds.update_node import UpdateNode
from tfchain.tx.kinds.update_used_resources import UpdateUsedResources
from tfchain.tx.kinds.veto_proposal import VetoProposal
from tfchain.tx.kinds.vote_as_guardian import VoteAsGuardian
from tfchain.tx.kinds.vote_change import VoteChange
from tfchain.tx.kinds.vote_proposal import VoteProposal
from tfchain.tx.lookup import acceptance_message
from tfchain.tx.registry import KINDS, NUMBERS, name_of
from tfchain.tx.transaction import Envelope, encode_transaction, message_of, transaction_id

P = ParamSpec("P")

VALID_BLOCKS: Final = 60
"""How long a transaction may wait; a lost one blocks its sender no longer than that."""
WAIT_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A transaction ready to be handed in."""

    raw: bytes
    id: bytes
    envelope: Envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A transaction that was carried out, and where."""

    id: bytes
    height: Height
    position: int
    fee: Utft


def sign(key: Key, params: Params, body: Kind, nonce: int, valid_until: Height) -> Signed:
    """The transaction, under the least fee of its kind."""
    number = NUMBERS[type(body)]
    envelope = Envelope(
        chain_id=params.chain_id,
        sender=key.address,
        nonce=nonce,
        valid_until=valid_until,
        fee=params.fee_of(number),
        kind=number,
    )
    return sign_envelope(key, envelope, body)


def sign_envelope(key: Key, envelope: Envelope, body: Kind) -> Signed:
    """The transaction of an envelope that is whole."""
    plain = layout(type(body)).pack(body)
    raw = encode_transaction(envelope, plain, key.sign(message_of(envelope, plain)))
    return Signed(raw=raw, id=transaction_id(raw), envelope=envelope)


def _verb(kind: Callable[P, Kind]) -> Callable[Concatenate["Sender", P], Awaitable[Done]]:
    """A method that sends one kind; its parameters are the fields of the kind's record."""

    async def send(self: "Sender", /, *args: P.args, **fields: P.kwargs) -> Done:
        return await self.send(kind(*args, **fields))

    assert isinstance(kind, type)
    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    signature = inspect.signature(kind)
    shown = signature.replace(parameters=[own, *signature.parameters.values()])
    send.__signature__ = shown  # type: ignore[attr-defined]
    send.__name__, send.__doc__ = name_of(NUMBERS[kind]), kind.__doc__
    return send


class Sender:
    """An account that sends. Every verb waits until the transaction is in a block.

    Each raises `Rejected` with the code of a refusal, at the door or in the block, and `Unavailable`
    where the node cannot be reached or no block takes it; then it may still come.
    """

    def __init__(self, client: Client, params: Params, key: Key) -> None:
        self.key = key
        self.params = params
        self._client = client
        self._turn = trio.Lock()
        self._next = 0
        self._until = -1
        """Height after which what was sent is in a block or lost."""

    @property
    def address(self) -> Address:
        """The account."""
        return self.key.address

    create_twin = _verb(CreateTwin)
    create_farm = _verb(CreateFarm)
    set_payout_account = _verb(SetPayoutAccount)
    set_stellar_address = _verb(SetStellarAddress)
    register_node = _verb(RegisterNode)
    update_node = _verb(UpdateNode)
    report_uptime = _verb(ReportUptime)
    set_power_target = _verb(SetPowerTarget)
    set_power_state = _verb(SetPowerState)
    transfer = _verb(Transfer)
    commit_mint = _verb(CommitMint)
    attest_mint = _verb(AttestMint)
    propose_validator = _verb(ProposeValidator)
    propose_power = _verb(ProposePower)
    propose_constant = _verb(ProposeConstant)
    propose_upgrade = _verb(ProposeUpgrade)
    vote_change = _verb(VoteChange)
    leave_validators = _verb(LeaveValidators)
    rotate_reporter = _verb(RotateReporter)
    offer_farm = _verb(OfferFarm)
    accept_farm = _verb(AcceptFarm)
    offer_twin = _verb(OfferTwin)
    accept_twin = _verb(AcceptTwin)
    move_node = _verb(MoveNode)
    propose = _verb(Propose)
    vote_proposal = _verb(VoteProposal)
    vote_as_guardian = _verb(VoteAsGuardian)
    veto_proposal = _verb(VetoProposal)
    set_farm_pool = _verb(SetFarmPool)
    delete_node = _verb(DeleteNode)
    renew_contract = _verb(RenewContract)
    release_lock = _verb(ReleaseLock)
    create_contract = _verb(CreateContract)
    update_contract = _verb(UpdateContract)
    cancel_contract = _verb(CancelContract)
    update_used_resources = _verb(UpdateUsedResources)
    report_consumption = _verb(ReportConsumption)
    rent_node = _verb(RentNode)
    set_dedicated = _verb(SetDedicated)
    add_farm_ip = _verb(AddFarmIp)
    remove_farm_ip = _verb(RemoveFarmIp)
    dispute_nodes = _verb(DisputeNodes)

    async def send(self, body: Kind) -> Done:
        """Sign, hand in, and wait for the block."""
        return await self.wait(await self.post(body))

    async def send_all(self, bodies: Sequence[Kind]) -> list[Done]:
        """The same for many at once, under nonces in a row; the first refusal is raised."""
        signed = await self._post_all(bodies)
        return [await self.wait(one) for one in signed]

    async def post(self, body: Kind) -> Signed:
        """Sign and hand in; do not wait."""
        return (await self._post_all([body]))[0]

    async def wait(self, signed: Signed, within_s: float = WAIT_S) -> Done:
        """Until the transaction is in a block."""
        try:
            found = await self._client.wait_committed(signed.id, within_s)
        except Unavailable:
            self._until = -1
            raise
        if found.code != "ok" or found.height is None or found.position is None:
            raise Rejected(found.code or "unknown", f"in block {found.height}")
        fee = signed.envelope.fee
        return Done(id=signed.id, height=Height(found.height), position=found.position, fee=fee)

    def accept(self, account: Address, nonce: int, farm_id: FarmId, resources: Resources) -> bytes:
        """A farm owner's word that a node, or its new size, may join; for `account`'s next `nonce`."""
        chain_id = self.params.chain_id
        return self.key.sign(acceptance_message(chain_id, account, nonce, farm_id, resources))

    async def next_nonce(self) -> int:
        """After what is on its way; the ledger's own where that was lost."""
        return (await self._stand())[0]

    async def prepare(self, body: Kind) -> Signed:
        """Sign only, under the next nonce."""
        nonce, height = await self._stand()
        return self._sign(body, nonce, height)

    async def _stand(self) -> tuple[int, int]:
        """The next nonce, and the height."""
        height = await self._client.height()
        known = (await self._client.account(self.address)).nonce
        return (known if height > self._until else max(known, self._next)), height

    def _sign(self, body: Kind, nonce: int, height: int) -> Signed:
        until = Height(height + min(VALID_BLOCKS, self.params.expiry_max))
        own = 0 if isinstance(body, FreeKind) else nonce
        return sign(self.key, self.params, body, own, until)

    async def _post_all(self, bodies: Sequence[Kind]) -> list[Signed]:
        async with self._turn:
            nonce, height = await self._stand()
            signed: list[Signed] = []
            for body in bodies:
                signed.append(self._sign(body, nonce, height))
                nonce += 0 if isinstance(body, FreeKind) else 1
            for first in range(0, len(signed), SUBMIT_TXS_MAX):
                await self._hand_in(signed[first : first + SUBMIT_TXS_MAX])
            return signed

    async def _hand_in(self, signed: Sequence[Signed]) -> None:
        """Nonces count once the node has taken what bears them."""
        results = await self._client.submit([one.raw for one in signed])
        for one, result in zip(signed, results, strict=True):
            if result.code not in TAKEN:
                raise Rejected(result.code, result.detail)
            if not issubclass(KINDS[one.envelope.kind], FreeKind):
                self._next = one.envelope.nonce + 1
                self._until = one.envelope.valid_until
