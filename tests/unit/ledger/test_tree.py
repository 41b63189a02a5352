"""A sparse Merkle tree: one root for one set of rows, small changes, and proofs that need only it."""

from dataclasses import replace

import pytest

from tfchain.base.codec import encode
from tfchain.base.crypto import digest
from tfchain.base.shapes import decode_record, encode_record
from tfchain.errors import Malformed
from tfchain.ledger.tree import (
    DEPTH_MAX,
    EMPTY,
    SIBLINGS_MAX,
    WAYS,
    Tree,
    TreeProof,
    check,
    climb,
    inner_hash,
    key_hash,
    rows_of,
    subtree_root,
    value_hash,
)

TAG = 6
A, B, C = (bytes([first]) + bytes(31) for first in (0x00, 0x10, 0x80))
"""Key hashes that part at the first step (C) and at the second one."""
DEEP = bytes(31) + b"\x01"
"""Agrees with A in all steps but the last."""
V, W = bytes([1]) * 32, bytes([2]) * 32


class Store:
    """Rows with a count of what was read."""

    def __init__(self) -> None:
        self.rows: dict[bytes, bytes] = {}
        self.reads = 0

    def get(self, key: bytes, /) -> bytes | None:
        self.reads += 1
        return self.rows.get(key)

    def change(self, *changes: tuple[bytes, bytes | None]) -> bytes:
        """One block: an update, written."""
        tree = Tree(self, TAG)
        root = tree.update(changes)
        self.write(tree)
        return root

    def write(self, tree: Tree) -> None:
        for key, value in rows_of({TAG: tree}):
            if value is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = value

    def prove(self, key: bytes) -> TreeProof:
        return Tree(self, TAG).prove(key)


@pytest.fixture
def store() -> Store:
    return Store()


def leaf(key: bytes, value: bytes) -> bytes:
    return digest(b"tf/leaf", key, value)


def inner(*subtrees: bytes) -> bytes:
    """Of the subtrees up to the last one that is not empty."""
    return digest(b"tf/inner", *subtrees, *[EMPTY] * (WAYS - len(subtrees)))


def test_hashes_have_their_purpose() -> None:
    assert key_hash(b"k") == digest(b"tf/key", b"k") != value_hash(b"k")
    assert value_hash(b"k") == digest(b"tf/value", b"k")


def test_no_rows_is_the_empty_root(store: Store) -> None:
    assert Tree(store, TAG).root() == EMPTY == bytes(32)
    assert store.change() == EMPTY
    assert store.change((A, None)) == EMPTY
    assert store.rows == {}


def test_a_lone_leaf_is_the_root(store: Store) -> None:
    assert store.change((A, V)) == leaf(A, V)
    assert len(store.rows) == 1


def test_two_leaves_stand_where_their_ways_part(store: Store) -> None:
    assert store.change((A, V), (C, W)) == inner(leaf(A, V), EMPTY, leaf(C, W))
    assert Tree(store, TAG).root() == inner(leaf(A, V), EMPTY, leaf(C, W))


def test_a_node_has_a_subtree_for_each_two_bits(store: Store) -> None:
    keys = [bytes([first]) + bytes(31) for first in (0x3F, 0x40, 0xBF, 0xC0)]
    assert store.change(*[(key, V) for key in keys]) == inner(*[leaf(key, V) for key in keys])


def test_leaves_that_agree_in_a_step_stand_below_a_node_of_their_own(store: Store) -> None:
    top = store.change((A, V), (B, W))
    assert top == inner(inner(leaf(A, V), leaf(B, W)))
    assert store.change((C, V)) == inner(inner(leaf(A, V), leaf(B, W)), EMPTY, leaf(C, V))


def test_keys_that_differ_in_the_last_bit_alone_are_told_apart(store: Store) -> None:
    top = store.change((A, V), (DEEP, W))
    expected = inner(leaf(A, V), leaf(DEEP, W))
    for _ in range(DEPTH_MAX - 1):
        expected = inner(expected)
    assert top == expected
    proof = store.prove(DEEP)
    assert len(proof.siblings) == SIBLINGS_MAX == 3 * DEPTH_MAX
    assert check(top, DEEP, W, proof)
    assert store.change((DEEP, None)) == leaf(A, V), "the leaf that is left moves all the way up"
    assert len(store.rows) == 1


@pytest.mark.parametrize(
    ("gone", "top"),
    [
        pytest.param([A], inner(leaf(B, V), EMPTY, leaf(C, V)), id="its neighbour moves up a step"),
        pytest.param([C], inner(inner(leaf(A, V), leaf(B, V))), id="a pair stays below"),
        pytest.param([A, B], leaf(C, V), id="a whole side goes"),
        pytest.param([B, C], leaf(A, V), id="one is left and moves to the top"),
        pytest.param([A, B, C], EMPTY, id="all go"),
        pytest.param(
            [DEEP], inner(inner(leaf(A, V), leaf(B, V)), EMPTY, leaf(C, V)), id="not there"
        ),
    ],
)
def test_deleting_leaves_what_was_never_there(store: Store, gone: list[bytes], top: bytes) -> None:
    store.change((A, V), (B, V), (C, V))
    assert store.change(*[(key, None) for key in gone]) == top
    fresh = Store()
    fresh.change(*[(key, V) for key in (A, B, C) if key not in gone])
    assert store.rows == fresh.rows, "no node stays behind"


def test_updates_of_one_tree_build_on_each_other(store: Store) -> None:
    tree = Tree(store, TAG)
    tree.update([(A, V)])
    tree.update([(B, V), (C, W)])
    top = tree.update([(B, None)])
    store.write(tree)
    assert top == tree.root() == Tree(store, TAG).root() == inner(leaf(A, V), EMPTY, leaf(C, W))
    assert check(top, C, W, tree.prove(C))


def test_two_tables_keep_their_nodes_apart(store: Store) -> None:
    store.change((A, V))
    other = Tree(store, TAG + 1)
    assert other.root() == EMPTY
    assert other.update([(A, W)]) == leaf(A, W)
    assert Tree(store, TAG).root() == leaf(A, V)


def test_only_changed_paths_are_read_and_written(store: Store) -> None:
    keys = [key_hash(bytes([one, two])) for one in range(8) for two in range(256)]
    store.change(*[(key, V) for key in keys])
    deepest = max(_depth(store, key) for key in keys)
    assert deepest < 16, "2^11 keys stand about six steps deep"
    for key in keys[:20]:
        store.reads = 0
        tree = Tree(store, TAG)
        tree.update([(key, W)])
        depth = _depth(store, key)
        assert len(tree.writes) == depth + 1
        assert store.reads <= 2 * (depth + 1)


def _depth(store: Store, key: bytes) -> int:
    return len(store.prove(key).siblings) // (WAYS - 1)


def test_what_was_empty_is_not_deleted(store: Store) -> None:
    store.change((A, V))
    tree = Tree(store, TAG)
    tree.update([(DEEP, W)])
    assert None not in tree.writes.values()


def test_opening_reads_nothing(store: Store) -> None:
    store.change((A, V), (B, W))
    store.reads = 0
    tree = Tree(store, TAG)
    assert store.reads == 0
    tree.root()
    assert store.reads == 1


# --- proofs ---------------------------------------------------------------------------------------

KEYS = [key_hash(bytes([number])) for number in range(20)]
ABSENT = [key_hash(bytes([number])) for number in range(100, 120)]


@pytest.fixture
def many(store: Store) -> Store:
    """Twenty rows; the value of a row is the hash of its key."""
    store.change(*[(key, value_hash(key)) for key in KEYS])
    return store


def test_what_is_there_is_proved_with_the_root_alone(many: Store) -> None:
    root = Tree(many, TAG).root()
    for key in KEYS:
        proof = decode_record(TreeProof, encode_record(many.prove(key)))
        assert check(root, key, value_hash(key), proof)
        assert not check(root, key, V, proof), "another value"
        assert not check(root, key, None, proof), "it is not absent"
        assert not check(V, key, value_hash(key), proof), "another root"


def test_what_is_not_there_is_proved_with_the_root_alone(many: Store) -> None:
    root = Tree(many, TAG).root()
    for key in ABSENT:
        proof = many.prove(key)
        assert check(root, key, None, proof)
        assert not check(root, key, V, proof)
        assert not check(V, key, None, proof)


def test_an_empty_table_proves_every_absence() -> None:
    proof = TreeProof(siblings=(), leaf=())
    assert check(EMPTY, A, None, proof)
    assert not check(EMPTY, A, V, proof)


def test_a_proof_is_about_one_key(many: Store) -> None:
    """1.18.2."""
    root = Tree(many, TAG).root()
    for key in KEYS:
        for other in KEYS + ABSENT:
            if other == key:
                continue
            assert not check(root, other, value_hash(key), many.prove(key))
            assert not check(root, other, value_hash(other), many.prove(key))


def test_a_proof_of_one_table_says_nothing_of_another(many: Store) -> None:
    elsewhere = Store()
    elsewhere.change(*[(key, V) for key in KEYS])
    other = Tree(elsewhere, TAG).root()
    for key in KEYS:
        proof = many.prove(key)
        assert not check(other, key, value_hash(key), proof)
        assert not check(other, key, V, proof)
        assert not check(other, key, None, proof)


def flipped(part: bytes, bit: int) -> bytes:
    return (int.from_bytes(part, "big") ^ 1 << bit).to_bytes(len(part), "big")


@pytest.mark.parametrize("key", [KEYS[3], ABSENT[3], ABSENT[4]], ids=["there", "absent", "gone"])
def test_every_damaged_proof_is_refused(many: Store, key: bytes) -> None:
    """1.18.2."""
    root = Tree(many, TAG).root()
    proof = many.prove(key)
    value = value_hash(key) if key in KEYS else None
    assert check(root, key, value, proof)
    siblings = proof.siblings
    for place, sibling in enumerate(siblings):
        for bit in (0, 7, 128, 255):
            odd = (*siblings[:place], flipped(sibling, bit), *siblings[place + 1 :])
            assert not check(root, key, value, replace(proof, siblings=odd))
        short = siblings[:place] + siblings[place + 1 :]
        assert not check(root, key, value, replace(proof, siblings=short))
        long = (*siblings[:place], sibling, *siblings[place:])
        assert not check(root, key, value, replace(proof, siblings=long))
    for place, part in enumerate(proof.leaf):
        odd = (*proof.leaf[:place], flipped(part, 9), *proof.leaf[place + 1 :])
        assert not check(root, key, value, replace(proof, leaf=odd))
    for odd in ((), proof.leaf[:1], (*proof.leaf, V), (V, V), (key, V)):
        if odd != proof.leaf:
            assert not check(root, key, value, replace(proof, leaf=odd))


def test_a_leaf_cut_elsewhere_does_not_prove_an_absence(store: Store) -> None:
    """1.18.2: key and value are hashed as they stand together: the cut must be where it belongs."""
    root = store.change((A, V))
    for cut in (0, 1, 31, 33, 64):
        odd = TreeProof(siblings=(), leaf=((A + V)[:cut], (A + V)[cut:]))
        assert not check(root, A, None, odd), cut


def test_a_sibling_of_another_length_is_refused(store: Store) -> None:
    root = store.change((A, V), (C, W))
    proof = store.prove(A)
    for odd in (b"", proof.siblings[0][:31], proof.siblings[0] + b"\x00"):
        assert not check(root, A, V, replace(proof, siblings=(odd, *proof.siblings[1:])))


@pytest.mark.parametrize("key", [b"", A[:31], A + b"\x00"])
def test_a_key_hash_has_32_bytes(store: Store, key: bytes) -> None:
    root = store.change((A, V))
    assert not check(root, key, V, store.prove(A))
    assert not check(root, key, None, store.prove(A))


def test_a_proof_has_no_more_steps_than_a_key_has_bits(store: Store) -> None:
    root = store.change((A, V))
    steps = (EMPTY,) * (SIBLINGS_MAX + WAYS - 1)
    assert not check(root, A, V, TreeProof(siblings=steps, leaf=(A, V)))


@pytest.mark.parametrize("more", [1, 2])
def test_a_proof_has_whole_steps(store: Store, more: int) -> None:
    root = store.change((A, V), (C, W))
    proof = store.prove(A)
    assert check(root, A, V, proof)
    assert not check(root, A, V, replace(proof, siblings=(*proof.siblings, *(EMPTY,) * more)))
    assert not check(root, A, V, replace(proof, siblings=((EMPTY,) * more + proof.siblings)))


def test_a_leaf_elsewhere_in_the_tree_proves_no_absence(store: Store) -> None:
    root = store.change((A, V), (C, W))
    proof = store.prove(C)
    near = b"\x20" + bytes(31)
    assert check(root, near, None, store.prove(A)), "A stands where the other would"
    assert not check(root, near, None, proof)
    assert not check(root, near, None, replace(proof, siblings=store.prove(A).siblings))


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param({"siblings": (V[:31],)}, id="a short sibling"),
        pytest.param({"leaf": (V[:31], V + b"\x00")}, id="a leaf cut elsewhere"),
        pytest.param({"leaf": (V, V, V)}, id="a leaf of three"),
        pytest.param({"siblings": (V,) * (SIBLINGS_MAX + 1)}, id="too many steps"),
    ],
)
def test_a_proof_from_outside_has_its_shape(odd: dict[str, tuple[bytes, ...]]) -> None:
    plain = {"siblings": (), "leaf": ()} | odd
    raw = encode([1, list(plain["siblings"]), list(plain["leaf"])])
    with pytest.raises(Malformed, match="TreeProof"):
        decode_record(TreeProof, raw)


def test_a_subtree_has_the_hash_that_its_tree_says() -> None:
    """Rows below a prefix alone, without their tree: what a snapshot's chunk is checked by (P33)."""
    tree = Tree(Store(), TAG)
    root = tree.update([(A, V), (DEEP, V), (B, W), (C, W)])
    subtrees = tree.subtrees(0, 0)
    assert subtrees is not None
    first, second, third, fourth = subtrees
    assert root == inner_hash(subtrees)
    assert subtree_root(1, [(A, V), (DEEP, V), (B, W)]) == first
    assert subtree_root(1, [(C, W)]) == third
    assert subtree_root(1, []) == EMPTY == second == fourth
    assert climb(C, third, (first, EMPTY, EMPTY)) == climb(A, first, (EMPTY, third, EMPTY)) == root
    assert climb(A, root, ()) == root
    assert tree.subtrees(1, 1) is None
    assert tree.subtrees(1, 2) is None
