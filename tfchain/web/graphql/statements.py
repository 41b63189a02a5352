"""A SELECT as it is put together: tables under aliases, joins taken once, every value a parameter.

What is asked decides which of our own names stand in the text; what a stranger wrote never does.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Final, TypeAlias

from tfchain.index.entities import ENTITIES, OBJECTS, Entity, Field
from tfchain.index.schema import snake
from tfchain.web.graphql.errors import BAD_USER_INPUT, fault
from tfchain.web.graphql.names import KEY
from tfchain.web.graphql.orders import Order, merged, orders_of

Value: TypeAlias = "int | float | str | None"

JOINS_MAX: Final = 40
"""Of one statement; SQLite joins 64."""
CONDITIONS_MAX: Final = 400
"""Of one statement. A list of ids is one. SQLite refuses expressions that are 1000 deep."""
_INT64: Final = 1 << 63
DECIMAL_COLLATION: Final = "decimal_order"


@dataclass(slots=True)
class Shared:
    """What a statement and the ones inside it count together."""

    values: list[Value] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=count)
    joins: int = 0
    conditions: int = 0

    def count_condition(self) -> None:
        """One more; raises `GraphQLError` for one too many."""
        self.conditions += 1
        if self.conditions > CONDITIONS_MAX:
            raise fault("the query has too many conditions", BAD_USER_INPUT)

    def bind(self, value: Value) -> str:
        """A parameter. An integer past 64 bits is as good as infinite: no row holds one."""
        if isinstance(value, str):
            value = value.encode(errors="replace").decode()
        elif isinstance(value, int) and not -_INT64 <= value < _INT64:
            value = float("inf") if value > 0 else float("-inf")
        self.values.append(value)
        return f"?{len(self.values)}"

    def alias(self) -> str:
        """A name for one more table."""
        return f"t{next(self.numbers)}"


def among(bound: str) -> str:
    """The set of values whose JSON text is the bound parameter."""
    return f"(SELECT value FROM json_each({bound}))"  # noqa: S608  # a parameter's number


class Statement:
    """One SELECT over an entity's table and what it leads to."""

    def __init__(self, entity: Entity, shared: Shared | None = None) -> None:
        self.shared = shared or Shared()
        self.root = Place(self, entity, self.shared.alias(), "")
        self.columns: list[str] = []
        self.uses: list[int] = []
        """How often a row's column is shown."""
        self.conditions: list[str] = []
        self.orders: list[str] = []
        self._joins: dict[tuple[str, str, str], str] = {}

    def column(self, expression: str) -> int:
        """Where the expression will stand in a row."""
        if expression not in self.columns:
            self.columns.append(expression)
            self.uses.append(0)
        index = self.columns.index(expression)
        self.uses[index] += 1
        return index

    def join(self, entity: Entity, column: str, value: str) -> str:
        """The alias of an entity's row whose `column` is `value`; null where there is none."""
        key = (snake(entity.name), column, value)
        if key not in self._joins:
            self.shared.joins += 1
            if self.shared.joins > JOINS_MAX:
                raise fault("the query leads through too many relations", BAD_USER_INPUT)
            self._joins[key] = self.shared.alias()
        return self._joins[key]

    def order_by(self, values: list[str]) -> None:
        """Order as asked; equal ones by id, so that pages never overlap."""
        names = orders_of(self.root.row.name)
        for order in merged([names[value] for value in values]):
            self.orders.append(self._order(order))
        last = self.root.column(KEY)
        if not any(order.startswith(last) for order in self.orders):
            self.orders.append(last)

    def _order(self, order: Order) -> str:
        *through, name = order.path
        place = self.root
        for step in through:
            place = place.inside(place.field(step))
        found = place.field(name)
        sure = place is self.root and found.required
        direction = order.direction.split()[0] if sure else order.direction
        return f"{place.compared(found)} {direction}"

    def source(self) -> str:
        """From FROM to WHERE."""
        text = f'FROM "{snake(self.root.row.name)}" AS {self.root.alias}'
        for (table, column, value), alias in self._joins.items():
            text += f' LEFT JOIN "{table}" AS {alias} ON {alias}."{column}" = {value}'
        if self.conditions:
            text += f" WHERE {' AND '.join(self.conditions)}"
        return text

    def ordering(self) -> str:
        """ORDER BY, if anything is asked for."""
        return f" ORDER BY {', '.join(self.orders)}" if self.orders else ""


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A row of an entity, or an object inside one, where fields can be looked up."""

    statement: Statement
    row: Entity
    alias: str
    prefix: str
    """Of an object's columns."""

    def field(self, name: str) -> Field:
        """The field of that name."""
        return KEY if name == KEY.name else self.row.field(name)

    def column(self, found: Field) -> str:
        """The column of a plain field, or the one that holds a link's id."""
        name = f"{self.prefix}{snake(found.name)}{'_id' if found.sort == 'link' else ''}"
        return f'{self.alias}."{name}"'

    def compared(self, found: Field) -> str:
        """The column, compared as its type says."""
        collation = f" COLLATE {DECIMAL_COLLATION}" if found.type == "BigDecimal" else ""
        return f"{self.column(found)}{collation}"

    def inside(self, found: Field) -> "Place":
        """What an object, a link or a way back leads to."""
        if found.sort == "object":
            return Place(self.statement, OBJECTS[found.type], self.alias, f"{snake(found.name)}_")
        other = ENTITIES[found.type]
        if found.sort == "link":
            alias = self.statement.join(other, "id", self.column(found))
        else:
            alias = self.statement.join(other, f"{snake(found.by)}_id", self.column(KEY))
        return Place(self.statement, other, alias, "")

    def missing(self, found: Field) -> str:
        """What is true where there is nothing."""
        if found.sort == "object" and not found.many:
            inner = self.inside(found)
            sure = [one for one in inner.row.fields if one.required]
            return f"{inner.column(sure[0]) if sure else self.column(KEY)} IS NULL"
        if found.sort == "back":
            return f"{self.inside(found).column(KEY)} IS NULL"
        return f"{self.column(found)} IS NULL"
