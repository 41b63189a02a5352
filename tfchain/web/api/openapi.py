"""The OpenAPI 3.1 document, made from the table of endpoints."""

from collections.abc import Sequence
from typing import Final

from tfchain import __version__
from tfchain.web.api import told
from tfchain.web.api.endpoint import JSON_TYPE, Elsewhere, Endpoint, Passed
from tfchain.web.api.parameters import Parameter
from tfchain.web.api.schemas import Object, Schema

PATH: Final = "/v1/openapi.json"
ABOUT: Final = (
    "Everything of this chain that people and programs ask for. 64-bit amounts are text, in units of"
    " 1e-7 TFT or mUSD; times are seconds since 1970, heights are numbers; bytes are hex, accounts"
    " SS58. Lists are read a page at a time: `next` is the `cursor` of the page after. Answers have"
    " an ETag. Errors are an object with one `error`."
)
_ERRORS: Final = {
    "400": "A parameter or the body does not fit.",
    "404": "There is no such thing on this chain.",
    "413": "The body is too long.",
    "429": "Too many requests of one client: `Retry-After` says when to come again.",
    "503": "No room, no time, or no validator now.",
}


def document(endpoints: Sequence[Endpoint]) -> Object:
    """The whole document."""
    paths: Object = {}
    for one in endpoints:
        methods = paths.setdefault(one.path, {})
        assert isinstance(methods, dict), "made above"
        methods[one.method.lower()] = operation(one)
    return {
        "openapi": "3.1.0",
        "info": {"title": "tfchain", "version": __version__, "description": ABOUT},
        "paths": paths,
        "components": {"schemas": {"Error": told.ERROR}},
    }


def operation(endpoint: Endpoint) -> Object:
    """One endpoint."""
    parameters: list[Schema] = [_parameter(one) for one in endpoint.parameters]
    found: Object = {
        "tags": [endpoint.tag],
        "summary": endpoint.summary,
        "operationId": _name_of(endpoint),
        "parameters": parameters,
        "responses": _responses(endpoint),
    }
    if endpoint.body is not None:
        content: Object = {JSON_TYPE: {"schema": endpoint.body}}
        found["requestBody"] = {"required": True, "content": content}
    return found


def _name_of(endpoint: Endpoint) -> str:
    words = endpoint.path.replace("{", "").replace("}", "").replace(".", "_").split("/")[2:]
    return "_".join([endpoint.method.lower(), *words])


def _parameter(one: Parameter) -> Object:
    schema = dict(one.sort.schema())
    if one.default is not None:
        schema["default"] = one.default
    return {
        "name": one.name,
        "in": one.where,
        "required": one.where == "path" or one.required,
        "description": one.about,
        "schema": schema,
    }


def _responses(endpoint: Endpoint) -> Object:
    content: Object = {endpoint.media: {"schema": endpoint.answer}}
    found: Object = {"200": {"description": endpoint.summary + ".", "content": content}}
    codes = ["429", "503"]
    if endpoint.parameters or endpoint.body is not None:
        codes.append("400")
    if endpoint.finds:
        codes.append("404")
    if endpoint.body is not None:
        codes.append("413")
    error: Object = {JSON_TYPE: {"schema": {"$ref": "#/components/schemas/Error"}}}
    for code in sorted(codes):
        found[code] = {"description": _ERRORS[code], "content": error}
    if endpoint.method == "GET" and not _untagged(endpoint):
        found["304"] = {"description": "Unchanged: `If-None-Match` names what is there."}
    return found


def _untagged(endpoint: Endpoint) -> bool:
    if isinstance(endpoint.does, Elsewhere):
        return True
    return isinstance(endpoint.does, Passed) and endpoint.does.streams
