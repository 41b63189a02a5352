"""An overlay of rows: branches merge or vanish, and bytes are made once, at the end."""

from collections.abc import Iterator

import pytest

from tfchain.base.shapes import encode_record
from tfchain.base.units import FarmId, TwinId, Utft
from tfchain.ledger import tables
from tfchain.ledger.records import Account, FarmRef, TwinRef
from tfchain.ledger.roots import roots_over
from tfchain.ledger.state import ROWS_KEPT_MAX, Memory, Reader, State, Table

KEY, OTHER = bytes([1]) * 32, bytes([2]) * 32


def account(balance: int) -> Account:
    return Account(balance=Utft(balance), nonce=0)


class Counting:
    """A store that remembers what it was asked."""

    def __init__(self, rows: dict[bytes, bytes]) -> None:
        self.rows = rows
        self.asked: list[bytes] = []

    def get(self, key: bytes, /) -> bytes | None:
        self.asked.append(key)
        return self.rows.get(key)


@pytest.fixture
def store() -> Counting:
    return Counting({tables.ACCOUNTS.stored_at(KEY): encode_record(account(5))})


def balance(state: State, key: bytes) -> int | None:
    row = tables.ACCOUNTS.get(state, key)
    return None if row is None else row.balance


def test_a_stored_row_is_read_and_decoded_once(store: Counting) -> None:
    state = State(store)
    first = tables.ACCOUNTS.get(state, KEY)
    assert first == account(5)
    assert tables.ACCOUNTS.get(state.branch().branch(), KEY) is first
    assert store.asked == [b"s\x01" + KEY]


def test_an_absent_row_is_asked_for_once(store: Counting) -> None:
    state = State(store)
    assert (balance(state, OTHER), balance(state.branch(), OTHER)) == (None, None)
    assert len(store.asked) == 1


def test_a_written_row_is_not_asked_for(store: Counting) -> None:
    state = State(store)
    row = account(6)
    tables.ACCOUNTS.put(state, KEY, row)
    assert tables.ACCOUNTS.get(state, KEY) is row
    tables.ACCOUNTS.drop(state, KEY)
    assert tables.ACCOUNTS.get(state, KEY) is None
    assert store.asked == []


def test_rows_of_two_tables_do_not_meet(store: Counting) -> None:
    state = State(store)
    tables.FARM_NAMED.put(state, KEY, FarmRef(farm_id=FarmId(7)))
    assert balance(state, KEY) == 5
    assert tables.FARM_NAMED.need(state, KEY).farm_id == 7
    assert tables.NODE_OF.get(state, KEY) is None


def test_a_branch_that_is_kept_stands(store: Counting) -> None:
    state = State(store)
    branch = state.branch()
    tables.ACCOUNTS.put(branch, KEY, account(6))
    tables.ACCOUNTS.put(branch, OTHER, account(1))
    assert (balance(branch, KEY), balance(state, KEY), balance(state, OTHER)) == (6, 5, None)
    branch.keep()
    assert (balance(state, KEY), balance(state, OTHER)) == (6, 1)


def test_a_branch_that_is_not_kept_vanishes(store: Counting) -> None:
    state = State(store)
    tables.ACCOUNTS.put(state, OTHER, account(1))
    branch = state.branch()
    tables.ACCOUNTS.drop(branch, OTHER)
    tables.ACCOUNTS.put(branch, KEY, account(9))
    assert (balance(branch, OTHER), balance(branch, KEY)) == (None, 9)
    assert (balance(state, OTHER), balance(state, KEY)) == (1, 5)


def test_a_branch_begins_anew_once_it_was_kept_or_dropped(store: Counting) -> None:
    state = State(store)
    branch = state.branch()
    tables.ACCOUNTS.put(branch, OTHER, account(1))
    branch.keep()
    tables.ACCOUNTS.put(state, OTHER, account(4))
    assert balance(branch, OTHER) == 4
    tables.ACCOUNTS.put(branch, OTHER, account(2))
    tables.ACCOUNTS.put(branch, KEY, account(9))
    assert (balance(branch, OTHER), balance(state, OTHER)) == (2, 4)
    branch.drop()
    assert (balance(branch, OTHER), balance(branch, KEY)) == (4, 5)
    tables.ACCOUNTS.put(state, OTHER, account(3))
    assert balance(branch, OTHER) == 3
    branch.keep()
    assert (balance(state, OTHER), balance(state, KEY)) == (3, 5)


def test_what_was_written_stands_on_other_rows_too(store: Counting) -> None:
    state = State(store)
    assert balance(state, KEY) == 5
    tables.ACCOUNTS.put(state, OTHER, account(6))
    moved = state.over({tables.ACCOUNTS.stored_at(KEY): encode_record(account(8))})
    assert (balance(moved, KEY), balance(moved, OTHER)) == (8, 6)
    tables.ACCOUNTS.put(moved, OTHER, account(7))
    assert (balance(state, OTHER), balance(moved.copy(), OTHER)) == (6, 7)


def test_a_kept_deletion_deletes(store: Counting) -> None:
    state = State(store)
    branch = state.branch()
    tables.ACCOUNTS.drop(branch, KEY)
    branch.keep()
    assert balance(state, KEY) is None
    assert list(state.changes()) == [(tables.ACCOUNTS, KEY, None)]


def test_branches_of_branches_merge_one_by_one(store: Counting) -> None:
    state = State(store)
    outer = state.branch()
    tables.ACCOUNTS.put(outer, OTHER, account(2))
    inner = outer.branch()
    assert (balance(inner, KEY), balance(inner, OTHER)) == (5, 2)
    tables.ACCOUNTS.put(inner, KEY, account(7))
    inner.keep()
    assert (balance(outer, KEY), balance(state, KEY)) == (7, 5)
    outer.keep()
    assert (balance(state, KEY), balance(state, OTHER)) == (7, 2)


def test_only_a_branch_is_kept_or_dropped(store: Counting) -> None:
    with pytest.raises(AssertionError, match="only a branch merges"):
        State(store).keep()
    with pytest.raises(AssertionError, match="only a branch is undone"):
        State(store).drop()


def test_changes_come_in_order_of_table_and_key_as_bytes(store: Counting) -> None:
    state = State(store)
    tables.FARM_NAMED.put(state, b"a", FarmRef(farm_id=FarmId(1)))
    tables.ACCOUNTS.put(state, OTHER, account(2))
    tables.ACCOUNTS.put(state, KEY, account(1))
    tables.ACCOUNTS.put(state, KEY, account(3))
    assert list(state.changes()) == [
        (tables.ACCOUNTS, KEY, encode_record(account(3))),
        (tables.ACCOUNTS, OTHER, encode_record(account(2))),
        (tables.FARM_NAMED, b"a", encode_record(FarmRef(farm_id=FarmId(1)))),
    ]


def test_what_was_only_read_is_no_change(store: Counting) -> None:
    state = State(store)
    assert balance(state, KEY) == 5
    assert list(state.changes()) == []


def test_rows_are_encoded_one_at_a_time_as_they_are_asked_for(store: Counting) -> None:
    state = State(store)
    tables.ACCOUNTS.put(state, KEY, account(1))
    tables.ACCOUNTS.put(state, OTHER, Account(balance=Utft(-1), nonce=0))
    changes: Iterator[object] = state.changes()
    next(changes)
    with pytest.raises(AssertionError):
        next(changes)


def test_a_row_that_must_be_there_is_our_bug_where_it_is_not(store: Counting) -> None:
    assert tables.ACCOUNTS.need(State(store), KEY) == account(5)
    with pytest.raises(AssertionError, match="accounts"):
        tables.ACCOUNTS.need(State(store), OTHER)


def test_a_row_of_another_table_is_our_bug(store: Counting) -> None:
    state = State(store)
    state.change(tables.ACCOUNTS, KEY, FarmRef(farm_id=FarmId(1)))
    with pytest.raises(AssertionError):
        tables.ACCOUNTS.get(state, KEY)


def test_rows_of_an_archive_stand_apart() -> None:
    in_tree: Table[FarmRef] = Table(tag=9, name="x", record=FarmRef)
    archive: Table[FarmRef] = Table(tag=9, name="x", record=FarmRef, archive=True)
    assert (in_tree.stored_at(b"k"), archive.stored_at(b"k")) == (b"s\x09k", b"a\x09k")


def test_a_row_of_an_archive_is_read_as_it_was_written() -> None:
    archive = Table(tag=7, name="old", record=FarmRef, archive=True)
    state, row = State({}), FarmRef(farm_id=FarmId(7))
    archive.put(state, KEY, row)
    assert archive.get(state, KEY) is row
    assert Table(tag=7, name="new", record=FarmRef).get(state, KEY) is None
    assert list(state.changes()) == [(archive, KEY, encode_record(row))]


def test_a_dictionary_is_a_reader() -> None:
    reader: Reader = {}
    assert tables.ACCOUNTS.get(State(reader), KEY) is None


def test_a_copy_goes_its_own_way(store: Counting) -> None:
    state = State(store)
    tables.ACCOUNTS.put(state, OTHER, account(6))
    copy = state.copy()
    assert (balance(copy, KEY), balance(copy, OTHER)) == (5, 6)
    tables.ACCOUNTS.put(copy, KEY, account(7))
    tables.ACCOUNTS.put(state, OTHER, account(8))
    assert (balance(state, KEY), balance(copy, OTHER)) == (5, 6)
    assert list(copy.changes()) != list(state.changes())


def test_a_row_that_was_written_is_remembered_by_its_bytes(store: Counting) -> None:
    memory = Memory()
    state = State(store, memory=memory)
    row = account(9)
    tables.ACCOUNTS.put(state, OTHER, row)
    for table, key, stored in state.changes():
        assert stored is not None
        store.rows[table.stored_at(key)] = stored
    assert tables.ACCOUNTS.get(State(store, memory=memory), OTHER) is row
    assert tables.ACCOUNTS.get(State(store), OTHER) == row


def test_other_bytes_at_a_place_are_another_row() -> None:
    memory, place = Memory(), tables.ACCOUNTS.stored_at(KEY)
    memory.keep(place, encode_record(account(7)), account(7))
    assert memory.row(tables.ACCOUNTS, place, encode_record(account(8))) == account(8)
    assert memory.row(tables.ACCOUNTS, place, encode_record(account(7))) == account(7)


def test_equal_bytes_of_two_tables_are_two_rows() -> None:
    memory, stored = Memory(), encode_record(FarmRef(farm_id=FarmId(7)))
    memory.keep(tables.FARM_NAMED.stored_at(KEY), stored, FarmRef(farm_id=FarmId(7)))
    found = memory.row(tables.TWIN_OF, tables.TWIN_OF.stored_at(KEY), stored)
    assert found == TwinRef(twin_id=TwinId(7))


def test_a_memory_forgets_what_is_old_and_keeps_what_is_new() -> None:
    memory, count = Memory(), 3 * ROWS_KEPT_MAX
    rows = [account(number) for number in range(count)]
    places = [tables.ACCOUNTS.stored_at(tables.height_key(number)) for number in range(count)]
    stored = [encode_record(row) for row in rows]
    for place, raw, row in zip(places, stored, rows, strict=True):
        memory.keep(place, raw, row)
    assert len(memory) <= 2 * ROWS_KEPT_MAX
    for number in range(count - ROWS_KEPT_MAX, count):
        assert memory.row(tables.ACCOUNTS, places[number], stored[number]) is rows[number]
    first = memory.row(tables.ACCOUNTS, places[0], stored[0])
    assert first == rows[0]
    assert first is not rows[0]


def test_roots_are_remembered_under_the_state_root_that_they_make() -> None:
    memory, one, other = Memory(), roots_over((("accounts", KEY),)), roots_over((("farms", KEY),))
    assert memory.roots_of(b"") is memory.roots_of(one.root) is None
    memory.keep_roots(one)
    assert memory.roots_of(one.root) is one
    assert memory.roots_of(other.root) is memory.roots_of(b"") is None
    memory.keep_roots(other)
    assert memory.roots_of(one.root) is None


def test_a_state_that_reads_elsewhere_has_what_was_read_and_written(store: Counting) -> None:
    state = State(store)
    tables.ACCOUNTS.put(state, OTHER, account(6))
    assert balance(state, KEY) == 5
    elsewhere = Counting(dict(store.rows))
    moved = state.read_from(elsewhere)
    assert (balance(moved, KEY), balance(moved, OTHER)) == (5, 6)
    assert elsewhere.asked == []
    assert balance(moved, KEY[:31] + OTHER[:1]) is None
    assert len(elsewhere.asked) == 1
    tables.ACCOUNTS.put(moved, KEY, account(7))
    assert balance(state, KEY) == 5


def test_a_branch_is_read_from_nowhere_else(store: Counting) -> None:
    for move in (State(store).branch().read_from, State(store).branch().over):
        with pytest.raises(AssertionError):
            move(store)
