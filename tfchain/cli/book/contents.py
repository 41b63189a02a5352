"""What stands in the reference, chapter by chapter; each is read off the code that does it."""

import ast
import tomllib
from collections.abc import Iterator
from importlib import import_module
from typing import Final

from tfchain import __version__
from tfchain.base.limits import GENESIS_BYTES_MAX
from tfchain.cli.book import rules
from tfchain.cli.book.examples import examples
from tfchain.cli.book.layouts import Json, name_of, record_entry, records
from tfchain.cli.book.sources import (
    ROOT,
    Call,
    calls_of,
    constants_of,
    modules_of,
    page,
    template,
    tree_of,
    words,
)
from tfchain.cli.endings import CODES
from tfchain.ledger.tables import TABLES
from tfchain.node.home import load_text
from tfchain.replica import messages
from tfchain.tx.kind import FreeKind, Kind
from tfchain.tx.registry import KINDS
from tfchain.tx.registry import name_of as kind_name

HASHING: Final = ("base", "bft", "chain", "ledger", "net", "replica", "rules", "tx")
REFUSING: Final = ("chain", "ledger", "replica", "rules", "tx")
BOUNDING: Final = ("base", "bft", "chain", "ledger", "net", "node.http", "replica", "tx")
SERVING: Final = "node"
NETWORKS: Final = ("devnet", "testnet", "mainnet")
PAGES: Final = {
    "transactions": "tx.transaction",
    "tables": "ledger.tree",
    "blocks": "ledger.block",
    "commits": "ledger.commit",
    "receipts": "chain.receipts",
    "exports": "chain.export_records",
    "handshake": "net.handshake",
    "sealing": "base.sealing",
    "frames": "net.frames",
    "http": "node.http",
}
"""Chapters that a module's own first words open."""


def contents() -> dict[str, Json]:
    """The whole reference."""
    entries = {name: record_entry(cls) for name, cls in records().items()}
    return {
        "program": f"tfchain {__version__}",
        "rules": {
            "codec": list(rules.CODEC_RULES),
            "records": list(rules.SHAPE_RULES),
            "hashes": list(rules.HASH_RULES),
            "signatures": list(rules.SIGNED_RULES),
            "keys of rows": list(rules.KEY_RULES),
        },
        "pages": {chapter: page(module) for chapter, module in PAGES.items()},
        "persons": list(_persons()),
        "merkle_tags": list(_merkle_tags()),
        "domains": list(_domains()),
        "tables": [
            {
                "tag": table.tag,
                "name": table.name,
                "record": name_of(table.record),
                "archive": table.archive,
            }
            for table in TABLES
        ],
        "kinds": list(_kinds()),
        "records": {name: entries[name] for name in sorted(entries)},
        "refusals": list(_refusals()),
        "http": list(_paths()),
        "messages": list(_messages()),
        "limits": list(_limits()),
        "exit_codes": {str(code): what for code, what in CODES.items()},
        "examples": examples(),
    }


# --- hashes ---------------------------------------------------------------------------------------


def _persons() -> Iterator[Json]:
    """Every person string, what is hashed under it, and where."""
    for call in calls_of(modules_of(*HASHING)):
        if call.called in {"digest", "crypto.digest"} and call.text(0) is not None:
            yield {
                "person": call.text(0),
                "over": [ast.unparse(part) for part in call.node.args[1:]],
                "where": call.place,
                "what": call.what,
            }


def _merkle_tags() -> Iterator[Json]:
    seen: dict[str, Json] = {}
    for call in calls_of(modules_of(*HASHING)):
        if call.called.startswith("merkle.") and (tag := _tag(call)) is not None:
            seen.setdefault(tag, {"tag": tag, "where": call.place, "what": call.what})
    yield from [seen[tag] for tag in sorted(seen)]


def _tag(call: Call) -> str | None:
    """The tag of a tree: a literal, or a constant of a module's."""
    if call.text(0) is not None:
        return call.text(0)
    match call.node.args[:1]:
        case [ast.Name(id=name)] if name.isupper():
            module = import_module(f"tfchain.{_module_of(call.place)}")
            value = getattr(module, name, None)
            return value.decode() if isinstance(value, bytes) else None
        case _:
            return None


def _module_of(place: str) -> str:
    """The module in `module.function`."""
    while not (ROOT.joinpath(*place.split(".")).with_suffix(".py")).is_file():
        place = place.rpartition(".")[0]
    return place


def _domains() -> Iterator[Json]:
    """What signed bytes begin with."""
    for module in modules_of(*HASHING):
        for node in tree_of(module).body:
            if not isinstance(node, ast.AnnAssign) or not isinstance(node.value, ast.Constant):
                continue
            text = node.value.value
            if isinstance(text, bytes) and text.startswith(b"tfchain/"):
                yield {"hex": text.hex(), "text": text.decode("ascii"), "where": module}


# --- transactions ---------------------------------------------------------------------------------


def _kinds() -> Iterator[Json]:
    fees = _fees()
    for number, kind in KINDS.items():
        fee: dict[str, Json] = {
            name: str(rows.get(kind_name(number), 0)) for name, rows in fees.items()
        }
        yield {
            "number": number,
            "name": kind_name(number),
            "record": name_of(kind),
            "what": page(kind.__module__.removeprefix("tfchain.")).partition("\n")[0],
            "free": _is_free(kind),
            "fee": fee,
        }


def _is_free(kind: type[Kind]) -> bool:
    return issubclass(kind, FreeKind)


def _fees() -> dict[str, dict[str, int]]:
    """The least fee of each kind in the networks whose genesis stands beside the program."""
    found = {}
    for name in NETWORKS:
        for folder in (ROOT, ROOT.parent):
            path = folder / "genesis" / f"{name}.toml"
            if path.is_file():
                found[name] = tomllib.loads(load_text(path, GENESIS_BYTES_MAX))["fees"]
                break
    return found


def _refusals() -> Iterator[Json]:
    """Every code with each place that refuses with it."""
    found: dict[str, list[Json]] = {}
    for call in calls_of(modules_of(*REFUSING)):
        code = call.text(0) if call.called == "Rejected" else None
        if code is not None:
            says = template(call.node.args[1]) if len(call.node.args) > 1 else ""
            found.setdefault(code, []).append({"where": call.place, "says": says})
    for code in sorted(found):
        yield {"code": code, "at": found[code]}


# --- talking --------------------------------------------------------------------------------------


def _paths() -> Iterator[Json]:
    """The HTTP face: a row a route, in the words of what answers it."""
    for module in modules_of(SERVING):
        said = {
            node.name: words(ast.get_docstring(node))
            for node in ast.walk(tree_of(module))
            if isinstance(node, ast.AsyncFunctionDef)
        }
        for call in calls_of([module]):
            path = call.text(0) if call.called == "Route" else None
            if path is not None:
                answer = ast.unparse(call.node.args[1]).rpartition(".")[2]
                yield {"method": _method(call), "path": path, "what": said.get(answer, "")}


def _method(call: Call) -> str:
    methods = [word.value for word in call.node.keywords if word.arg == "methods"]
    return str(ast.literal_eval(methods[0])[0]) if methods else "GET"


def _messages() -> Iterator[Json]:
    """What peers send: the byte before the payload, and the most bytes of that."""
    for module in ("replica.messages", "replica.snapshot_messages"):
        for name, _ in constants_of(module):
            number = getattr(import_module(f"tfchain.{module}"), name)
            if type(number) is int and number < 256 and number in messages.LIMITS:
                yield {"number": number, "name": name.lower(), "bytes_max": messages.LIMITS[number]}


def _limits() -> Iterator[Json]:
    """Every bound that has a name."""
    for module in modules_of(*BOUNDING):
        for name, what in constants_of(module):
            value = getattr(import_module(f"tfchain.{module}"), name)
            if type(value) is int and name.endswith(("_MAX", "_BYTES")):
                yield {"name": name, "value": value, "where": module, "what": what}
