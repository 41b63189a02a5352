"""The few rules of bytes that no type states, in sentences; `examples` shows each at work."""

from typing import Final


def _sentences(text: str) -> tuple[str, ...]:
    """One for each paragraph."""
    return tuple(" ".join(part.split()) for part in text.strip().split("\n\n"))


CODEC_RULES: Final = _sentences("""
A value is nil, a boolean, an integer, UTF-8 text, bytes, or an array of values: MessagePack
without floats, maps and extensions.

Integers are from -2^63 to 2^64-1 and take the shortest form; so do the heads of text, bytes and
arrays. Half a surrogate pair is no text.

Whoever decodes encodes again: other bytes than those that came are malformed.

A whole message is one value: bytes behind it are malformed. Every length is compared with its
bound before it is read.
""")

SHAPE_RULES: Final = _sentences("""
A record is an array: its version, then its fields in the order given here; a record in a record
is such an array too.

u128 is 16 bytes, big-endian. An address is the 32 bytes of an Ed25519 key. Bounds of text and
bytes count bytes.

A field that may be nil is nil where it is absent. An optional hash is empty bytes where it is
absent.

A field is never left out, added or moved within a version.
""")

SIGNED_RULES: Final = _sentences("""
Keys and signatures are Ed25519 (RFC 8032); a verifier demands canonical S, R and A, no point of
small order, and checks without the cofactor.

A transaction is [[1, chain_id, sender, nonce, valid_until, fee, kind, body], signature]; body
is the kind's record. Signed are the tag `tfchain/tx/1` and a zero byte, then the bytes of the
inner array. The id is over all bytes.

A mint transaction (kind 0) has a sender of 32 zero bytes and an empty signature.

A vote signs: `tfchain/consensus`, 1 (version), the kind (1 prevote, 2 precommit), height and
round (8 bytes each, big-endian), 1 and the block id or 0 for none, the length of the chain id
(1 byte), the chain id.

A proposal signs the same with kind 32, and between round and block id the POL round (8 bytes,
signed, -1 for none), behind the block id the time in milliseconds (8 bytes).
""")

HASH_RULES: Final = _sentences("""
A hash is BLAKE2b with 32 bytes of digest, no key and no salt, under the person string of its
purpose, padded with zero bytes to 16; the parts are joined as they are.

A Merkle tree has the shape of RFC 6962: the larger half, a power of two, stands left. Leaf:
person tf/l/TAG over a zero byte and the data. Inner node: person tf/i/TAG over a one byte and
both hashes. No leaves: person tf/e/TAG over nothing.

A table's tree is sparse: a row's place is the hash of its key, two bits at a step, first bits
first. A subtree without rows has 32 zero bytes, one with a single row that row's leaf (key hash
and value hash), any other the hash over the hashes of its four subtrees.

A block id is over the header's hash, the number of parts of the block's bytes (4 bytes) of 64
KiB each, and the Merkle root over the parts.
""")

KEY_RULES: Final = _sentences("""
Ids of twins, farms, nodes and policies are 4 bytes, big-endian; a row under an account has its
32 bytes, one under a name its text. The only row of a table has the empty key.

A schedule is 1 byte; a batch its schedule and its period (4 bytes). Rows of a batch have the
batch's key before the node (4 bytes) or the guardian (32 bytes).

A kept row has the batch's key, the table's tag (1 byte) and the row's own key.
""")
