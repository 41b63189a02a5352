"""Entities as rows: found again by the number that the ledger knows them by."""

from typing import Final

from tfchain.index.own import ENTITY_IDS, OF_ENTITY
from tfchain.index.sheet import Cell, Sheet
from tfchain.index.step import EventIds

GRID_VERSIONS: Final = {
    "Twin": 1,
    "Farm": 4,
    "Node": 4,
    "PricingPolicy": 2,
    "FarmingPolicy": 2,
    "NodeContract": 4,
    "RentContract": 4,
}
"""The version of each record that the public chain is at, whose fields these are."""


class Register:
    """The entities of a sheet. `ids` gives new ones their place in the block."""

    def __init__(self, sheet: Sheet, ids: EventIds) -> None:
        self._sheet = sheet
        self._ids = ids

    def id_of(self, entity: str, number: object) -> str | None:
        """The id of the entity with that number; None where there is none."""
        row = self._sheet.get(ENTITY_IDS, entity, str(number))
        return None if row is None else str(row["id"])

    def note(self, entity: str, **cells: Cell) -> str:
        """A new entity that nobody asks for by number: something that happened. Its id."""
        fresh = self._ids.next()
        self._sheet.put(OF_ENTITY[entity], id=fresh, **_versioned(entity, cells))
        return fresh

    def put(self, entity: str, number: object, /, **cells: Cell) -> str:
        """Write the entity with that number, new or known; its id."""
        known = self.id_of(entity, number)
        if known is None:
            known = self._ids.next()
            self._sheet.put(ENTITY_IDS, entity=entity, number=str(number), id=known)
        self._sheet.put(OF_ENTITY[entity], id=known, **_versioned(entity, cells))
        return known

    def change(self, entity: str, number: object, /, **cells: Cell) -> bool:
        """Write some fields of the entity with that number; whether there is one."""
        known = self.id_of(entity, number)
        if known is not None:
            self._sheet.change(OF_ENTITY[entity], known, **cells)
        return known is not None

    def get(self, entity: str, number: object) -> dict[str, Cell] | None:
        """The entity's row; None where there is none."""
        known = self.id_of(entity, number)
        return None if known is None else self._sheet.get(OF_ENTITY[entity], known)

    def drop(self, entity: str, number: object) -> None:
        """The entity with that number is no more."""
        known = self.id_of(entity, number)
        if known is not None:
            self._sheet.drop(OF_ENTITY[entity], known)
            self._sheet.drop(ENTITY_IDS, entity, str(number))


def _versioned(entity: str, cells: dict[str, Cell]) -> dict[str, Cell]:
    version = GRID_VERSIONS.get(entity)
    return cells if version is None else {"grid_version": version, **cells}
