"""Who may stand in a block: signature apart, everything a transaction must have before its effect.

`admit` runs on a branch that moves nothing but nonces, fees and report times (P26). A block in which
a transaction does not pass it is invalid; the same function answers whoever submits one.
"""

from typing import Final

from tfchain.base.made import maker
from tfchain.base.shapes import changed
from tfchain.base.units import MS_PER_S, Height, Millis, Seconds, Utft
from tfchain.errors import Malformed, Rejected
from tfchain.ledger import tables
from tfchain.ledger.accounts import account_of, debit
from tfchain.ledger.params import Params
from tfchain.ledger.state import State
from tfchain.tx.kind import Context, FreeKind, Kind
from tfchain.tx.registry import is_free, open_body
from tfchain.tx.transaction import SYSTEM_KINDS, Transaction


def seconds(time_ms: Millis) -> Seconds:
    """Block time as the ledger's rules read it: whole seconds, rounded down."""
    return Seconds(time_ms // MS_PER_S)


def context_of(
    transaction: Transaction, height: Height, time_ms: Millis, params: Params
) -> Context:
    """What the transaction may know in a block of this height and time."""
    envelope = transaction.envelope
    return _MAKE_CONTEXT(height, seconds(time_ms), params, envelope.sender, envelope.nonce)


_MAKE_CONTEXT: Final = maker(Context)


def admit(state: State, transaction: Transaction, context: Context) -> Kind:
    """Check all but the signature, and move nonce and fee, or the node's time.

    Returns:
        The kind's own record, for its effect.

    Raises:
        Rejected: `malformed`, `unsigned`, `wrong_chain`, `expired`, `far_expiry`, `nonce`, `fee`,
            `balance`, or what the free kind says.
    """
    check_envelope(transaction, context)
    try:
        body = open_body(transaction)
    except Malformed as fault:
        raise Rejected("malformed", str(fault)) from fault
    if is_free(body):
        _space(state, transaction, context, body)
    else:
        _charge(state, transaction, context.params)
    return body


def check_envelope(transaction: Transaction, context: Context) -> None:
    """Whether it is for this chain and this time.

    Raises:
        Rejected: `unsigned`, `wrong_chain`, `expired`, `far_expiry`.
    """
    envelope = transaction.envelope
    if envelope.kind in SYSTEM_KINDS:
        raise Rejected("unsigned", "nobody submits a system transaction")
    if envelope.chain_id != context.params.chain_id:
        raise Rejected("wrong_chain", f"this chain is {context.params.chain_id}")
    if envelope.valid_until < context.height:
        raise Rejected("expired", f"valid until height {envelope.valid_until}")
    if envelope.valid_until > context.height + context.params.expiry_max:
        raise Rejected("far_expiry", f"at most {context.params.expiry_max} blocks ahead")


def _space(state: State, transaction: Transaction, context: Context, body: FreeKind) -> None:
    if transaction.envelope.nonce or transaction.envelope.fee:
        raise Rejected("nonce", "a free kind has nonce 0 and fee 0: its own time orders it")
    body.space(state, context)


def _charge(state: State, transaction: Transaction, params: Params) -> None:
    envelope = transaction.envelope
    account = account_of(state, envelope.sender)
    if envelope.nonce != account.nonce:
        raise Rejected("nonce", f"nonce {account.nonce} is next, not {envelope.nonce}")
    least = params.fee_of(envelope.kind)
    if envelope.fee < least:
        raise Rejected("fee", f"at least {least} units, not {envelope.fee}")
    if account.balance < envelope.fee:
        raise Rejected("balance", f"a fee of {envelope.fee}, a balance of {account.balance}")
    debit(state, envelope.sender, Utft(envelope.fee))
    moved = changed(account_of(state, envelope.sender), nonce=account.nonce + 1)
    tables.ACCOUNTS.put(state, envelope.sender, moved)
