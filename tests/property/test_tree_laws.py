"""A tree's root is a function of its set of rows, whatever way led there."""

from hashlib import blake2b
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tfchain.ledger.tree import Tree, TreeProof, check

TAG = 3
# Few first bytes and few last ones: keys that part early and keys that part late.
KEYS = st.builds(
    lambda first, last: bytes([first]) + bytes(30) + bytes([last]),
    st.sampled_from([0, 1, 2, 0x40, 0x80, 0xFF]),
    st.integers(0, 3),
) | st.binary(min_size=32, max_size=32)
VALUES = st.binary(min_size=32, max_size=32)
ROWS = st.dictionaries(KEYS, VALUES, max_size=12)
BLOCKS = st.lists(st.dictionaries(KEYS, VALUES | st.none(), max_size=6), max_size=6)


def named(purpose: bytes, *parts: bytes) -> bytes:
    return blake2b(b"".join(parts), digest_size=32, person=purpose).digest()


def naive(rows: dict[str, bytes]) -> bytes:
    """The root over keys written as bits, as the documents say it: nothing, a leaf, or four subtrees."""
    if not rows:
        return bytes(32)
    if len(rows) == 1:
        return b"".join(rows.values())
    steps = ("00", "01", "10", "11")
    parts = [{bits[2:]: row for bits, row in rows.items() if bits[:2] == step} for step in steps]
    return named(b"tf/inner", *[naive(part) for part in parts])


def expected(rows: dict[bytes, bytes]) -> bytes:
    leaves = {
        "".join(f"{byte:08b}" for byte in key): named(b"tf/leaf", key, value)
        for key, value in rows.items()
    }
    return naive(leaves)


def apply(stored: dict[bytes, bytes], changes: dict[bytes, bytes | None]) -> bytes:
    tree = Tree(stored, TAG)
    root = tree.update(list(changes.items()))
    for key, value in tree.writes.items():
        if value is None:
            stored.pop(key, None)
        else:
            stored[key] = value
    return root


@settings(max_examples=80, deadline=None)
@given(ROWS)
def test_the_root_is_the_one_of_the_definition(rows: dict[bytes, bytes]) -> None:
    assert apply({}, dict(rows)) == expected(rows)


@settings(max_examples=120, deadline=None)
@given(BLOCKS)
def test_blocks_of_changes_lead_where_one_would(blocks: list[dict[bytes, bytes | None]]) -> None:
    stored: dict[bytes, bytes] = {}
    rows: dict[bytes, bytes] = {}
    for changes in blocks:
        root = apply(stored, changes)
        for key, value in changes.items():
            if value is None:
                rows.pop(key, None)
            else:
                rows[key] = value
        assert root == Tree(stored, TAG).root() == expected(rows)
    fresh: dict[bytes, bytes] = {}
    apply(fresh, dict(rows))
    assert stored == fresh, "no node stays behind"


@settings(max_examples=60, deadline=None)
@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_changes_does_not_matter(rows: dict[bytes, bytes], order: Random) -> None:
    stored: dict[bytes, bytes] = {}
    keys = sorted(rows)
    order.shuffle(keys)
    for key in keys:
        apply(stored, {key: rows[key]})
    assert Tree(stored, TAG).root() == expected(rows)
    for key in keys:
        apply(stored, {key: None})
    assert stored == {}


@settings(max_examples=80, deadline=None)
@given(ROWS, KEYS)
def test_every_key_is_proved_present_or_absent(rows: dict[bytes, bytes], key: bytes) -> None:
    stored: dict[bytes, bytes] = {}
    root = apply(stored, dict(rows))
    for asked in (key, *rows):
        proof = Tree(stored, TAG).prove(asked)
        value = rows.get(asked)
        assert check(root, asked, value, proof)
        wrong = bytes(32) if value is None else None
        assert not check(root, asked, wrong, proof)


PROOFS = st.builds(
    TreeProof,
    siblings=st.lists(st.binary(min_size=31, max_size=33), max_size=7).map(tuple),
    leaf=st.lists(st.binary(min_size=31, max_size=33), max_size=3).map(tuple),
)


@settings(max_examples=150, deadline=None)
@given(ROWS, KEYS, VALUES | st.none(), PROOFS)
def test_an_invented_proof_shows_nothing_false_and_raises_nothing(
    rows: dict[bytes, bytes], key: bytes, value: bytes | None, proof: TreeProof
) -> None:
    root = expected(rows)
    assert not check(root, key, value, proof) or rows.get(key) == value


@settings(max_examples=100, deadline=None)
@given(ROWS.filter(bool), st.data())
def test_no_mixture_of_true_proofs_shows_anything_false(
    rows: dict[bytes, bytes], draw: st.DataObject
) -> None:
    stored: dict[bytes, bytes] = {}
    root = apply(stored, dict(rows))
    tree = Tree(stored, TAG)
    some = st.sampled_from(sorted(rows)) | KEYS
    one, two = tree.prove(draw.draw(some)), tree.prove(draw.draw(some))
    cut = draw.draw(st.integers(0, 9))
    mixed = TreeProof(siblings=one.siblings[:cut] + two.siblings[cut:], leaf=two.leaf)
    asked = draw.draw(some)
    value = draw.draw(st.sampled_from([None, *rows.values()]))
    assert not check(root, asked, value, mixed) or rows.get(asked) == value
