"""One operation from its text to its answer: parsed, judged, and answered root field by root field.

graphql-core parses, validates, coerces and answers questions about the schema. Rows do not pass
through its executor: a statement's rows are already what was asked for.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, TypeAlias, cast

from graphql import (
    DocumentNode,
    ExecutionContext,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSyntaxError,
    OperationType,
    VariableDefinitionNode,
    get_operation_ast,
    get_operation_root_type,
    is_non_null_type,
    located_error,
    parse,
    validate,
)
from graphql.execution.collect_fields import collect_fields
from graphql.pyutils import Path

from tfchain.node.answers import Json, body_of
from tfchain.web.graphql.bounds import ROOTS_MAX, Allowance, check_document, check_text
from tfchain.web.graphql.database import reading
from tfchain.web.graphql.errors import (
    BAD_USER_INPUT,
    INTERNAL,
    PARSE_FAILED,
    VALIDATION_FAILED,
    fault,
    shown_all,
)
from tfchain.web.graphql.reading import Nodes, Operation
from tfchain.web.graphql.roots import roots
from tfchain.web.graphql.sdl import schema

ONLY_QUERIES: Final = "GET supports only query operation"
NO_QUERY: Final = "GraphQL operations must contain a non-empty `query`."

Selected: TypeAlias = dict[str, Nodes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request asks."""

    query: str
    variables: dict[str, Any]
    operation_name: str | None
    safe: bool
    """Came by GET: nothing but queries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What it is told."""

    status: int
    body: bytes
    text: bool = False
    """Words, not JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """An operation that can be carried out."""

    context: ExecutionContext
    root: GraphQLObjectType
    selected: Selected


def answer(asked: Asked, database: sqlite3.Connection) -> Answer:
    """The answer, whatever was asked.

    Raises:
        sqlite3.OperationalError: it took too long, and was interrupted.
    """
    if not asked.query:
        return refused([fault(NO_QUERY, INTERNAL)])
    judged = _judge(asked)
    if isinstance(judged, Answer):
        return judged
    with reading(database):
        return _carry_out(judged, database)


def too_slow() -> Answer:
    """What is told of a query that was interrupted."""
    return _told([fault("the query took too long", INTERNAL)])


# --- before ---------------------------------------------------------------------------------------


def _judge(asked: Asked) -> "_Judged | Answer":
    document = _document(asked.query)
    if isinstance(document, Answer):
        return document
    operation = get_operation_ast(document, asked.operation_name)
    if asked.safe and operation is not None and operation.operation is not OperationType.QUERY:
        return refused([fault(ONLY_QUERIES, INTERNAL)], status=HTTPStatus.METHOD_NOT_ALLOWED)
    context = ExecutionContext.build(
        schema(),
        document,
        raw_variable_values=asked.variables,
        operation_name=asked.operation_name,
    )
    if isinstance(context, list):
        code = BAD_USER_INPUT if all(map(_of_variables, context)) else INTERNAL
        return refused(context, code)
    return _opened(context)


def _document(query: str) -> DocumentNode | Answer:
    try:
        check_text(query)
        document = parse(query)
        check_document(document)
    except GraphQLSyntaxError as error:
        return refused([error], PARSE_FAILED)
    except GraphQLError as error:
        return refused([error], VALIDATION_FAILED)
    errors = validate(schema(), document)
    return refused(errors, VALIDATION_FAILED) if errors else document


def _opened(context: ExecutionContext) -> "_Judged | Answer":
    try:
        root = get_operation_root_type(context.schema, context.operation)
    except GraphQLError as error:
        return refused([error])
    selected = collect_fields(
        context.schema,
        context.fragments,
        context.variable_values,
        root,
        context.operation.selection_set,
    )
    if len(selected) > ROOTS_MAX:
        words = f"only {ROOTS_MAX} root fields allowed, but got {len(selected)}"
        return refused([fault(words, BAD_USER_INPUT)], BAD_USER_INPUT)
    return _Judged(context=context, root=root, selected=selected)


def _of_variables(error: GraphQLError) -> bool:
    """Whether it is the caller's values that are wrong, and not the choice of an operation."""
    return error.nodes is not None and isinstance(error.nodes[0], VariableDefinitionNode)


def refused(
    errors: Sequence[GraphQLError], code: str = INTERNAL, status: int = HTTPStatus.BAD_REQUEST
) -> Answer:
    """Nothing was carried out."""
    return Answer(status=status, body=body_of({"errors": shown_all(errors, code)}))


def _told(errors: Sequence[GraphQLError], found: dict[str, Json] | None = None) -> Answer:
    """Something was carried out, and this came of it."""
    whole: dict[str, Json] = {"errors": shown_all(errors, INTERNAL)} if errors else {}
    whole["data"] = found
    return Answer(status=HTTPStatus.OK, body=body_of(whole))


# --- carried out ----------------------------------------------------------------------------------


def _carry_out(judged: _Judged, database: sqlite3.Connection) -> Answer:
    context = judged.context
    operation = Operation(
        schema=context.schema,
        fragments=context.fragments,
        variables=context.variable_values,
        allowance=Allowance(),
        database=database,
    )
    found: dict[str, Json] = {}
    errors: list[GraphQLError] = []
    for key, nodes in judged.selected.items():
        try:
            found[key] = _value(judged, operation, key, nodes)
        except GraphQLError as error:
            errors.append(located_error(error, nodes, [key]))
            if is_non_null_type(judged.root.fields[nodes[0].name.value].type):
                return _told(errors)
            found[key] = None
    return _told(errors, found)


def _value(judged: _Judged, operation: Operation, key: str, nodes: Nodes) -> Json:
    name = nodes[0].name.value
    root = roots().get(name)
    if root is not None:
        return root(operation, nodes, operation.arguments(judged.root.name, nodes))
    place = Path(None, key, judged.root.name)
    about_schema: Any = judged.context.execute_field(judged.root, None, nodes, place)
    return cast("Json", about_schema)
