"""Evidence that a light client hands in: judged on our own chain, and passed on as what a block holds."""

import json
from collections.abc import Mapping

import trio

from tfchain.base.crypto import verify
from tfchain.base.shapes import decode_record
from tfchain.base.units import Height
from tfchain.bft.attack import check_attack, proofs_of
from tfchain.bft.light import Distrust, Terms
from tfchain.errors import Malformed
from tfchain.ledger.evidence import Evidence
from tfchain.ledger.light import ATTACK_BYTES_MAX, LightAttack
from tfchain.node.answers import Json, bytes_of
from tfchain.node.node import Node
from tfchain.replica import messages as wire
from tfchain.replica.evidence import encode_pieces
from tfchain.store.chain import ChainStore


async def take_attack(node: Node, body: bytes) -> Json:
    """Judge `{"attack": hex}` and accuse whoever is guilty; raises `Malformed` for no attack."""
    attack = attack_of(body)
    guilty, pieces = await trio.to_thread.run_sync(judged, node.disk.chain, node.chain_id, attack)
    node.journal.warning("attack on light clients", height=attack.conflicting.height)
    if pieces:
        node.pump.hear(wire.EVIDENCE, encode_pieces(pieces))
    return {"guilty": [address.hex() for address in guilty], "pieces": len(pieces)}


def attack_of(body: bytes) -> LightAttack:
    """The attack in a body; nothing of it is true yet. Raises `Malformed`."""
    try:
        plain = json.loads(body)
    except (ValueError, RecursionError) as fault:
        raise Malformed("the body is no JSON") from fault
    if not isinstance(plain, Mapping):
        raise Malformed("an object is due")
    raw = bytes_of(plain.get("attack"), "attack", ATTACK_BYTES_MAX)
    return decode_record(LightAttack, raw, ATTACK_BYTES_MAX)


def judged(
    chain: ChainStore, chain_id: str, attack: LightAttack
) -> tuple[tuple[bytes, ...], tuple[Evidence, ...]]:
    """Who is guilty, by address, and what can be proven of it in a block.

    Raises:
        Malformed: it is no attack, or of heights that are not here.
    """
    common = chain.light_block(attack.common_height)
    height = Height(min(attack.conflicting.height, chain.height()))
    own = chain.light_block(height)
    if common is None or own is None:
        raise Malformed("this node does not have the blocks that the attack is about")
    try:
        guilty = check_attack(Terms(chain_id=chain_id), attack, common, own, verify)
    except Distrust as fault:
        raise Malformed(f"no attack: {fault}") from fault
    return guilty, proofs_of(attack.conflicting, own)
