"""The old rows stay while the new ones are written, and one height longer."""

from pathlib import Path

import pytest

from tfchain.node.views import Views
from tfchain.store.kv import Store
from tfchain.store.memory import MemoryStore
from tfchain.store.open import open_store

KEY = b"srow"


@pytest.fixture(params=["memory", "sqlite", "auto"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    kind = request.param
    return MemoryStore() if kind == "memory" else open_store(tmp_path / "data", kind)


def test_a_view_holds_still_while_the_next_block_is_written(store: Store) -> None:
    views = Views(store)
    store.write([(KEY, b"1")])
    first = views.current
    assert (first.get(KEY), views.previous) == (b"1", None)
    views.hold()
    store.write([(KEY, b"2")])
    assert first.get(KEY) == b"1"
    second = views.advance()
    assert second is views.current
    assert (second.get(KEY), views.previous) == (b"2", first)
    assert first.get(KEY) == b"1"
    views.hold()
    assert views.previous is None
    store.write([(KEY, b"3")])
    assert second.get(KEY) == b"2"
    assert views.advance().get(KEY) == b"3"
    views.close()
    views.close()
    store.close()
