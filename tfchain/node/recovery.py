"""Whether a node may go on from what its disk holds: store, log and signer, held against each other.

Only two states are legal at start (P35): the log is of the height after the store's, or it is of the
store's own height because its end marker was lost. Whatever else is found is refused by its name.
What is never risked is a second word of one key, nor a word without the lock that an earlier one set:
a log that does not lead to what the signer signed last has lost that lock (1.7.6).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from tfchain.base.crypto import verify
from tfchain.base.units import Height
from tfchain.bft.events import Signed
from tfchain.bft.messages import Message, Vote
from tfchain.errors import Divergence, Malformed, Unavailable
from tfchain.ledger.commit import (
    ABSENT,
    FOR_BLOCK,
    NIL,
    PRECOMMIT,
    PREVOTE,
    Commit,
    vote_message,
)
from tfchain.node.home import Home
from tfchain.replica.council import Council
from tfchain.replica.effects import Effect, Sign
from tfchain.replica.log import entries_of, read_record
from tfchain.store import signer as steps
from tfchain.store.chain import ChainStore
from tfchain.store.signer import Signer, end_of
from tfchain.store.wal import inspect_wal
from tfchain.store.wal_records import Survey

SignedPlace: TypeAlias = tuple[int, int, int]
"""Height, round, step, as the signer counts (1.6.5)."""

NOWHERE: Final = (0, 0, 0)
"""Before the first signature."""

_ALLOW: Final = (
    "or start with --allow-old-store: it catches up from its peers, and says nothing more at the"
    " heights that this validator signed"
)
_NEVER_AGAIN: Final = (
    "restore the newest copy, or bring the validator back with `tfchain validator move-in` if it was"
    " moved; without either this key must not sign again: make a new validator"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFound:
    """What stands in the log."""

    survey: Survey
    size: int
    height: int
    """The height that it is of; 0 where it holds none."""
    own: SignedPlace
    """The last word of this validator in it, if it is of the height after the store's."""
    due: SignedPlace
    """The word that it leads to and that is not in it: the process may have died over it."""
    fault: str
    """Why it is no log of ours; empty if it is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What stands on the disk of a stopped node."""

    height: Height
    """The last stored one."""
    shown: SignedPlace
    """This key's last word in the stored commits that were looked at (1.6.7)."""
    signer: SignedPlace | None
    """What was signed last; None for a node that follows."""
    log: LogFound | None
    """None where there is no file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a start does before it says its first word."""

    mend: bool = False
    """Keep the log's records before its damage: nothing that was signed is lost with the rest."""
    aside: bool = False
    """Move the log away."""
    silent: bool = False
    """Sign nothing more up to the end of the height that was signed last."""


class _Refused(Unavailable):
    """A state that the operator may let pass, at the price of a silent height."""


def look(home: Home, chain: ChainStore, signer: Signer | None, look_back: int) -> Found:
    """What stands on the disk. Changes nothing.

    Raises:
        Unavailable: a part cannot be read.
        Divergence: the log shows that a block was agreed on that this node finds invalid.
    """
    key = None if signer is None else signer.key
    return Found(
        height=chain.height(),
        shown=NOWHERE if key is None else last_shown(chain, key, look_back),
        signer=None if signer is None else signer.last(),
        log=_log_found(home, chain, signer) if home.wal.exists() else None,
    )


def plan_of(found: Found, home: Home, *, allow_old_store: bool) -> Plan:
    """What a start would do with what was found.

    Raises:
        Unavailable: it refuses; what, where and the remedy.
    """
    _check_signer(found, home)
    try:
        return _plan(found, home)
    except _Refused:
        if not allow_old_store:
            raise
        ahead = found.signer is not None and found.signer[0] > found.height
        return Plan(aside=found.log is not None, silent=ahead)


def _check_signer(found: Found, home: Home) -> None:
    """The signer knows of every word of this key that anything else shows; else nothing helps."""
    if found.signer is None:
        return
    if found.shown > found.signer:
        why = f"block {found.shown[0]} carries a later vote of this key"
    elif found.log is not None and found.log.own > found.signer:
        why = "the log tells of a later word of this key"
    else:
        return
    what = f"the signer state is older than the rest of the home ({why})"
    raise Unavailable(what, str(home.signer_state), _NEVER_AGAIN)


def _plan(found: Found, home: Home) -> Plan:
    """The rows of P35 and 1.7.6, in the order in which they are told."""
    signed, height, log = found.signer or NOWHERE, found.height, found.log
    skipped = signed == end_of(signed[0])
    if signed[0] > height + 1 and not skipped:
        what = f"the store ends at height {height}, but this validator signed at {signed[0]}"
        raise _refused(what, home.store, "restore the newest data")
    if log is None:
        if signed[0] > height and not skipped:
            what = f"the log is missing, and this validator signed at height {signed[0]}"
            raise _refused(what, home.wal, "restore it")
        return Plan()
    if log.fault:
        raise _refused(log.fault, home.wal, "restore the newest data")
    if log.height not in {0, height, height + 1}:
        raise _refused(_other_height(log.height, height), home.wal, "restore the newest data")
    if skipped or signed <= max(log.own, log.due, end_of(height)):
        return Plan(mend=log.survey.damage is not None)
    if log.survey.damage is not None:
        what = f"the log is damaged at byte {log.survey.damage}, and a later word may stand behind"
    else:
        what = f"the log does not lead to what this validator signed last ({place_text(signed)})"
    raise _refused(what, home.wal, "restore it")


def _refused(what: str, where: object, remedy: str) -> _Refused:
    return _Refused(what, str(where), f"{remedy}, {_ALLOW}")


def _other_height(log: int, height: int) -> str:
    older = "store" if log > height else "log"
    return f"the log is at height {log}, the store asks for {height + 1}: the {older} is older"


# What the parts say.


def last_shown(chain: ChainStore, key: bytes, look_back: int) -> SignedPlace:
    """The last word of `key` in the newest commits; the set of then need not be known (1.6.7)."""
    last, chain_id = chain.height(), chain.genesis().params.chain_id
    for height in range(last, max(0, last - look_back), -1):
        commit = chain.commit(Height(height))
        if commit is not None and _signed_by(key, chain_id, commit):
            return commit.height, commit.round, steps.PRECOMMIT
    return NOWHERE


def _signed_by(key: bytes, chain_id: str, commit: Commit) -> bool:
    for slot in commit.slots:
        if slot.flag == ABSENT:
            continue
        block_id = commit.block_id if slot.flag == FOR_BLOCK else NIL
        text = vote_message(chain_id, PRECOMMIT, commit.height, commit.round, block_id)
        if verify(key, text, slot.signature):
            return True
    return False


def _log_found(home: Home, chain: ChainStore, signer: Signer | None) -> LogFound:
    survey, payloads = inspect_wal(home.wal)
    own, due, fault = NOWHERE, NOWHERE, ""
    height = 0
    try:
        height = log_height(payloads)
        own, due = _words(payloads, chain, signer)
    except Malformed as unknown:
        fault = f"the log holds what nobody writes: {unknown}"
    return LogFound(
        survey=survey,
        size=home.wal.stat().st_size,
        height=height,
        own=own,
        due=due,
        fault=fault,
    )


def log_height(payloads: Sequence[bytes]) -> int:
    """The height that a log is of; 0 where it holds none.

    Raises:
        Malformed: a record that nobody writes, or one before the first height.
    """
    height = 0
    for payload in payloads:
        record = read_record(payload)
        if isinstance(record, int):
            height = record
        elif height == 0:
            raise Malformed("a record before the first height")
    return height


def _words(
    payloads: Sequence[bytes], chain: ChainStore, signer: Signer | None
) -> tuple[SignedPlace, SignedPlace]:
    """Our last word in the log of the height after the store's, and the one that it leads to."""
    tip = chain.tip()
    try:
        entries = entries_of(payloads, Height(tip.height + 1))
    except Divergence:  # of another height
        return NOWHERE, NOWHERE
    own = [place_of(entry.message) for entry in entries if isinstance(entry, Signed)]
    out: list[Effect] = []
    key = None if signer is None else signer.key
    council = Council(tip, chain.store, key, chain.commit(tip.height), out)
    council.start(tuple(payloads))
    due = [place_of(effect.message) for effect in out if isinstance(effect, Sign)]
    return max(own, default=NOWHERE), max(due, default=NOWHERE)


def place_of(message: Message) -> SignedPlace:
    """Where a signed message stands, as the signer counts (1.6.5)."""
    if not isinstance(message, Vote):
        return message.height, message.round, steps.PROPOSAL
    step = steps.PREVOTE if message.kind == PREVOTE else steps.PRECOMMIT
    return message.height, message.round, step


def place_text(place: SignedPlace) -> str:
    """A place in words."""
    height, round_, step = place
    if place == NOWHERE:
        return "nothing"
    if place == end_of(height):
        return f"height {height}, skipped to its end"
    words = {steps.PROPOSAL: "proposal", steps.PREVOTE: "prevote", steps.PRECOMMIT: "precommit"}
    return f"height {height}, round {round_}, {words[step]}"
