"""What goes wrong, in the server's form: a message, where, and a code that tools look at."""

from collections.abc import Iterable
from typing import Final

from graphql import GraphQLError

from tfchain.node.answers import Json

PARSE_FAILED: Final = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED: Final = "GRAPHQL_VALIDATION_FAILED"
BAD_USER_INPUT: Final = "BAD_USER_INPUT"
INTERNAL: Final = "INTERNAL_SERVER_ERROR"
MESSAGE_CHARS_MAX: Final = 1_000
"""Of a message, which may repeat what was sent."""


def fault(message: str, code: str) -> GraphQLError:
    """An error with its code."""
    return GraphQLError(message, extensions={"code": code})


def shown(error: GraphQLError, code: str) -> Json:
    """An error for the answer; its own code counts before `code`.

    A stack trace is part of the form. It says no more than the message.
    """
    message = error.message[:MESSAGE_CHARS_MAX]
    plain: dict[str, Json] = {"message": message}
    if error.locations:
        plain["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
    if error.path is not None:
        plain["path"] = list(error.path)
    own = (error.extensions or {}).get("code", code)
    stack: dict[str, Json] = {"stacktrace": [f"GraphQLError: {message}"]}
    plain["extensions"] = {"code": own, "exception": stack}
    return plain


def shown_all(errors: Iterable[GraphQLError], code: str) -> Json:
    """All errors of an answer."""
    return [shown(error, code) for error in errors]
