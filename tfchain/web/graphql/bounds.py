"""How much a question may be: before it is parsed, once it is, and while it is answered.

Refusals before the answer begins have the form of a failed validation; a query whose rows turn out to
be too many is told what the public server says of one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    SelectionNode,
    SelectionSetNode,
    Source,
    TokenKind,
)
from graphql.language.lexer import Lexer

from tfchain.web.graphql.errors import BAD_USER_INPUT, VALIDATION_FAILED, fault
from tfchain.web.graphql.loading import DEPTH_MAX

BODY_BYTES_MAX: Final = 256 * 1024
"""Of a request, as the public server has it."""
TOKENS_MAX: Final = 10_000
"""Of a query: parsing and validating take some 50 us for each."""
DEFINITIONS_MAX: Final = 50
"""Operations and fragments of a query."""
SELECTIONS_MAX: Final = 400
"""Fields and fragments as written: whether two agree is asked of each pair under one name."""
SELECTION_DEPTH_MAX: Final = 24
"""Fields and fragments inside one another; tools that ask for the schema go down eighteen."""
SCHEMA_COST_MAX: Final = 12_000_000
"""Of a question about the schema, by the lengths below; tools that ask for all of it ask for 9 million."""
CELLS_MAX: Final = 400_000
"""Values of an answer, rows times selections; texts count by their length too."""
TEXT_PER_CELL: Final = 64
"""Characters of a text that are as much work as a value."""
EXPANDED_MAX: Final = 1_000
"""Fields of an operation once its fragments are written out."""
ROOTS_MAX: Final = 50
"""Fields of an operation's root, each a statement at least."""

_OPEN: Final = (TokenKind.BRACE_L, TokenKind.BRACKET_L, TokenKind.PAREN_L)
_CLOSED: Final = (TokenKind.BRACE_R, TokenKind.BRACKET_R, TokenKind.PAREN_R)
_SCHEMA_LISTS: Final[Mapping[str, int]] = MappingProxyType(
    {"types": 250, "fields": 150, "inputFields": 250, "enumValues": 250, "args": 4, "directives": 5}
)
"""How long the lists are that a schema is made of, at most or nearly."""
_SCHEMA_ROOTS: Final = ("__schema", "__type")


@dataclass(slots=True)
class Allowance:
    """What an operation may still use up."""

    cells: int = CELLS_MAX
    fields: int = EXPANDED_MAX

    def spend(self, cells: int) -> None:
        """Count a row that was read; raises `GraphQLError`."""
        self.cells -= cells
        if self.cells < 0:
            raise fault("response might exceed the size limit", BAD_USER_INPUT)

    def select(self, fields: int) -> None:
        """Count fields that each row is to have; raises `GraphQLError`."""
        self.fields -= fields
        if self.fields < 0:
            raise fault("the query selects too many fields", BAD_USER_INPUT)


def check_text(query: str) -> None:
    """Tokens and nesting, by the lexer alone; raises `GraphQLError`."""
    lexer, depth = Lexer(Source(query)), 0
    for _ in range(TOKENS_MAX):
        kind = lexer.advance().kind
        if kind is TokenKind.EOF:
            return
        depth += (kind in _OPEN) - (kind in _CLOSED)
        if depth > DEPTH_MAX:
            raise _refused(f"nests deeper than {DEPTH_MAX}")
    raise _refused(f"has more than {TOKENS_MAX} tokens")


def check_document(document: DocumentNode) -> None:
    """Selections, their depth, and the cost of a question about the schema; raises `GraphQLError`."""
    if len(document.definitions) > DEFINITIONS_MAX:
        raise _refused(f"has more than {DEFINITIONS_MAX} definitions")
    if sum(1 for _ in _selections(document)) > SELECTIONS_MAX:
        raise _refused(f"selects more than {SELECTIONS_MAX} fields")
    scale = _Scale(document)
    for definition in document.definitions:
        size = scale.weigh(getattr(definition, "selection_set", None))
        if size.depth > SELECTION_DEPTH_MAX:
            raise _refused(f"selects deeper than {SELECTION_DEPTH_MAX}")
        if size.schema_cost > SCHEMA_COST_MAX:
            raise _refused("asks too much of the schema")


def _refused(why: str) -> GraphQLError:
    return fault(f"the query {why}", VALIDATION_FAILED)


def _selections(document: DocumentNode) -> Iterator[SelectionNode]:
    """Every field and fragment, once for each place where it is written."""
    waiting = list(document.definitions)
    while waiting:
        inner = getattr(waiting.pop(), "selection_set", None)
        if inner is not None:
            yield from inner.selections
            waiting.extend(inner.selections)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Size:
    depth: int = 0
    cost: int = 0
    """If this stood below `__schema`."""
    schema_cost: int = 0
    """Of what does stand there."""


class _Scale:
    """Weighs selections, each fragment once. A fragment inside itself weighs nothing: it is refused."""

    def __init__(self, document: DocumentNode) -> None:
        self._known: dict[str, _Size] = {}
        self._fragments = {
            one.name.value: one.selection_set
            for one in document.definitions
            if isinstance(one, FragmentDefinitionNode)
        }

    def weigh(self, selections: SelectionSetNode | None) -> _Size:
        """All that is in these braces."""
        if selections is None:
            return _Size()
        sizes = [self._node(node) for node in selections.selections]
        return _Size(
            depth=1 + max(size.depth for size in sizes),
            cost=sum(size.cost for size in sizes),
            schema_cost=sum(size.schema_cost for size in sizes),
        )

    def _node(self, node: SelectionNode) -> _Size:
        if isinstance(node, FragmentSpreadNode):
            return self._fragment(node.name.value)
        below = self.weigh(getattr(node, "selection_set", None))
        if not isinstance(node, FieldNode):
            return below
        key = node.alias or node.name
        shown = 1 + len(key.value) // TEXT_PER_CELL
        cost = shown + _SCHEMA_LISTS.get(node.name.value, 1) * below.cost
        asked = node.name.value in _SCHEMA_ROOTS
        return _Size(depth=below.depth, cost=cost, schema_cost=cost if asked else below.schema_cost)

    def _fragment(self, name: str) -> _Size:
        if name not in self._known:
            self._known[name] = _Size()
            self._known[name] = self.weigh(self._fragments.get(name))
        return self._known[name]
