"""The entities' SQL: what a database says of the tables that it made."""

import sqlite3

import pytest

from tfchain.index.entities import ENTITIES
from tfchain.index.schema import columns_of, create_entities, snake


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("nodeID", "node_id"),
        ("gridVersion", "grid_version"),
        ("numberOfPublicIPs", "number_of_public_i_ps"),
        ("ipv4", "ipv4"),
        ("UptimeEvent", "uptime_event"),
    ],
)
def test_names_are_those_of_the_public_servers_database(name: str, column: str) -> None:
    assert snake(name) == column


def test_a_database_takes_every_table_twice_and_has_the_columns() -> None:
    database = sqlite3.connect(":memory:")
    for line in (*create_entities(), *create_entities()):
        database.execute(line)
    for entity in ENTITIES.values():
        rows = database.execute(f'PRAGMA table_info("{snake(entity.name)}")').fetchall()
        made = [(row[1], row[2], bool(row[3])) for row in rows]
        assert made == [(one.name, one.sql_type, one.required) for one in columns_of(entity)]
    database.close()


def test_an_object_is_flat_and_a_link_is_an_id() -> None:
    names = [column.name for column in columns_of(ENTITIES["Node"])]
    assert {"power_state", "power_target", "location_longitude", "location_latitude"} <= set(names)
    assert "public_config" not in names
    assert "node_id" in [column.name for column in columns_of(ENTITIES["PublicConfig"])]
