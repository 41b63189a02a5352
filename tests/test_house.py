"""What no linter ships about a line of code: each law with code that breaks it, to show it bites.

`test_house_order.py` has the law of sets, `test_house_files.py` those of the files and the registry.
"""

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
PURE: Final = ("errors.py", "base", "ledger", "rules", "tx", "chain", "bft", "replica")
MODULE_LINES_MAX: Final = 400
FUNCTION_LINES_MAX: Final = 70

FLOAT_TEXTS: Final = ("tfchain/rules/receipt_text.py", "tfchain/chain/columns/receipt_text.py")
"""The public program wrote floats into receipts of v3; their digits are part of the receipt's hash.
Both programs write them, each in a file of its own."""
WRITING: Final = "tfchain/base/made.py"
"""Writes a record's codec out of its shapes' own numbers, as dataclasses write constructors; a law
(`tests/property/test_written_laws.py`) holds what it writes against the shapes themselves."""
SPEAKING: Final = ("tfchain/replica/",)
"""Floors that tell a peer or a submitter why: those words go out, they never enter the state."""

Check = Callable[[str], list[str]]


def _sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def _pure_sources() -> list[Path]:
    return [p for p in _sources("tfchain") if p.relative_to(ROOT / "tfchain").parts[0] in PURE]


def _told(tree: ast.AST, wrong: Callable[[ast.AST], str]) -> list[str]:
    """`line: what` for every node that `wrong` has a word for."""
    found = [(getattr(node, "lineno", 0), wrong(node)) for node in ast.walk(tree)]
    return [f"{line}: {word}" for line, word in found if word]


# --- size -----------------------------------------------------------------------------------------


def long_modules(source: str) -> list[str]:
    lines = len(source.splitlines())
    return [f"module of {lines} lines"] if lines > MODULE_LINES_MAX else []


def long_functions(source: str) -> list[str]:
    def wrong(node: ast.AST) -> str:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            return ""
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        return f"{node.name} has {lines} lines" if lines > FUNCTION_LINES_MAX else ""

    return _told(ast.parse(source), wrong)


# --- errors ---------------------------------------------------------------------------------------

_BROAD: Final = frozenset({"Exception", "BaseException"})


def broad_excepts(source: str) -> list[str]:
    """Also a `suppress(Exception)`. One error has one reaction; all errors have none in common."""

    def wrong(node: ast.AST) -> str:
        match node:
            case ast.ExceptHandler(type=None):
                return "bare except"
            case ast.ExceptHandler(type=ast.expr() as caught):
                named = [part for part in ast.walk(caught) if isinstance(part, ast.Name)]
            case ast.Call(func=ast.Name(id="suppress") | ast.Attribute(attr="suppress")):
                named = [part for part in node.args if isinstance(part, ast.Name)]
            case _:
                return ""
        return "broad except" if any(name.id in _BROAD for name in named) else ""

    return _told(ast.parse(source), wrong)


# --- below the line -------------------------------------------------------------------------------

_FLOATING: Final = frozenset({"float", "complex", "round"})
_MOVING: Final = frozenset({"hash", "id", "vars", "globals", "eval", "exec"})
_SHOWING: Final = frozenset({"repr", "ascii"})
_OUTSIDE: Final = frozenset({"open", "print", "input", "breakpoint", "__import__"})
_CLOCKS: Final = frozenset({"datetime", "time", "calendar", "zoneinfo"})
_UNICODE: Final = frozenset(
    "is" + kind
    for kind in ("digit", "decimal", "numeric", "alpha", "alnum", "space", "lower", "upper", "title",
                 "printable", "identifier")
)  # fmt: skip


def _used(node: ast.AST) -> str:
    """The builtin that `node` calls or hands on; a variable may bear its name (a vote's `round`)."""
    match node:
        case ast.Call(func=ast.Name(id="map" | "filter"), args=[ast.Name(id=name), *_]):
            return name
        case ast.Call(func=ast.Name(id=name)):
            return name
        case ast.keyword(arg="key" | "default_factory", value=ast.Name(id=name)):
            return name
        case _:
            return ""


def _inside(tree: ast.AST, kinds: type[ast.AST] | tuple[type[ast.AST], ...]) -> frozenset[int]:
    """Which nodes stand under a node of one of these kinds."""
    tops = [node for node in ast.walk(tree) if isinstance(node, kinds)]
    return frozenset(id(node) for top in tops for node in ast.walk(top))


def floats(source: str) -> list[str]:
    """Integers only: a float's last digit depends on who computed it, and how."""

    def wrong(node: ast.AST) -> str:
        match node:
            case ast.Constant(value=float() | complex()):
                return f"literal {node.value!r}"
            case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
                return "true division"
            case _:
                return f"{_used(node)}()" if _used(node) in _FLOATING else ""

    return _told(ast.parse(source), wrong)


def moving_ground(source: str) -> list[str]:
    """What answers differently in another process, another Python, or another hour."""

    def wrong(node: ast.AST) -> str:
        match node:
            case ast.Attribute(attr=name) if name in _UNICODE:
                return f".{name}() follows the Unicode version"
            case ast.Import(names=names) if any(n.name.split(".")[0] in _CLOCKS for n in names):
                return "a clock"
            case ast.ImportFrom(module=str() as module) if module.split(".")[0] in _CLOCKS:
                return "a clock"
            case _:
                return f"{_used(node)}()" if _used(node) in _MOVING | _OUTSIDE else ""

    return _told(ast.parse(source), wrong)


def kept_reprs(source: str) -> list[str]:
    """How Python shows a value may change with Python: it may be complained with, never kept."""
    tree = ast.parse(source)
    spoken = _inside(tree, (ast.Raise, ast.Assert))

    def wrong(node: ast.AST) -> str:
        if id(node) in spoken:
            return ""
        shown = isinstance(node, ast.FormattedValue) and node.conversion in {ord("a"), ord("r")}
        return "repr in a text" if shown or _used(node) in _SHOWING else ""

    return _told(tree, wrong)


def kept_exception_texts(source: str) -> list[str]:
    """An exception's words belong to whoever raised it: they may be raised on, never remembered."""
    found = []
    for handler in ast.walk(ast.parse(source)):
        if not isinstance(handler, ast.ExceptHandler) or handler.name is None:
            continue
        raised = _inside(handler, ast.Raise)
        for node in ast.walk(handler):
            match node:
                case ast.Call(func=ast.Name(id="str"), args=[ast.Name(id=name)]):
                    pass
                case ast.FormattedValue(value=ast.Name(id=name)):
                    pass
                case _:
                    continue
            if name == handler.name and id(node) not in raised:
                found.append(f"{node.lineno}: the text of {name}")
    return found


# --- the laws -------------------------------------------------------------------------------------

EVERYWHERE: Final[tuple[Check, ...]] = (long_functions, broad_excepts)
PRODUCT: Final[tuple[Check, ...]] = (long_modules, *EVERYWHERE)
"""A test module is a list of cases, read from the middle; one of the product is read as a whole."""
BELOW: Final[tuple[Check, ...]] = (floats, moving_ground, kept_reprs, kept_exception_texts)


def _breaches(path: Path, checks: tuple[Check, ...]) -> list[str]:
    shown = path.relative_to(ROOT)
    source = path.read_text(encoding="utf-8")
    return [f"{shown}:{fault}" for check in checks for fault in check(source)]


def test_every_module_is_small_and_catches_what_it_can_name() -> None:
    faults = [f for path in _sources("tfchain", "scripts") for f in _breaches(path, PRODUCT)]
    faults += [f for path in _sources("tests") for f in _breaches(path, EVERYWHERE)]
    assert not faults, "\n".join(faults)


def test_below_the_line_nothing_floats_or_moves() -> None:
    faults = []
    for path in _pure_sources():
        shown = path.relative_to(ROOT).as_posix()
        waived = [floats, kept_reprs] if shown in FLOAT_TEXTS else []
        waived += [kept_exception_texts] if shown.startswith(SPEAKING) else []
        waived += [moving_ground] if shown == WRITING else []
        faults += _breaches(path, tuple(check for check in BELOW if check not in waived))
    assert not faults, "\n".join(faults)


def test_the_line_is_where_the_house_says() -> None:
    """A renamed floor would otherwise pass by not being looked at."""
    assert {p.relative_to(ROOT / "tfchain").parts[0] for p in _pure_sources()} == set(PURE)


@pytest.mark.parametrize(
    ("check", "source"),
    [
        pytest.param(long_modules, "x = 1\n" * (MODULE_LINES_MAX + 1), id="a module too long"),
        pytest.param(
            long_functions,
            "def f():\n" + "    x = 1\n" * FUNCTION_LINES_MAX,
            id="a function too long",
        ),
        pytest.param(
            long_functions,
            "class A:\n  async def f(self):\n" + "    x = 1\n" * FUNCTION_LINES_MAX,
            id="a coroutine of a class too long",
        ),
        pytest.param(broad_excepts, "try: f()\nexcept: pass", id="a bare except"),
        pytest.param(broad_excepts, "try: f()\nexcept Exception: pass", id="except Exception"),
        pytest.param(
            broad_excepts, "try: f()\nexcept (OSError, BaseException) as e: pass", id="in a tuple"
        ),
        pytest.param(broad_excepts, "try: f()\nexcept* Exception: pass", id="in a group"),
        pytest.param(
            broad_excepts, "with contextlib.suppress(Exception): f()", id="suppress everything"
        ),
        pytest.param(floats, "x = 1.0", id="a float"),
        pytest.param(floats, "x = 1e3", id="a float in disguise"),
        pytest.param(floats, "x = 1j", id="a complex number"),
        pytest.param(floats, "x = a / b", id="a division"),
        pytest.param(floats, "x /= 2", id="a division in place"),
        pytest.param(floats, "x = round(y)", id="round()"),
        pytest.param(floats, "x = list(map(float, y))", id="float handed on"),
        pytest.param(moving_ground, "x = hash(y)", id="hash()"),
        pytest.param(moving_ground, "x = sorted(y, key=id)", id="id handed on"),
        pytest.param(kept_reprs, "x = repr(y)", id="repr()"),
        pytest.param(kept_reprs, "x = f'{y!r}'", id="repr in a text"),
        pytest.param(moving_ground, "x = y.isdigit()", id="isdigit"),
        pytest.param(moving_ground, "x = all(map(str.isalnum, y))", id="isalnum handed on"),
        pytest.param(moving_ground, "from datetime import UTC", id="datetime"),
        pytest.param(moving_ground, "import time as t", id="a clock by another name"),
        pytest.param(moving_ground, "def f():\n  open('x')", id="a file"),
        pytest.param(
            kept_exception_texts, "try: f()\nexcept E as e:\n  x = str(e)", id="words kept"
        ),
        pytest.param(
            kept_exception_texts, "try: f()\nexcept E as e:\n  x = f'no: {e}'", id="words in a text"
        ),
    ],
)
def test_a_breach_is_seen(check: Check, source: str) -> None:
    assert len(check(source)) == 1


@pytest.mark.parametrize(
    ("check", "source"),
    [
        pytest.param(long_modules, "x = 1\n" * MODULE_LINES_MAX, id="a module of full length"),
        pytest.param(
            long_functions,
            "def f():\n" + "  x = 1\n" * (FUNCTION_LINES_MAX - 1),
            id="a full function",
        ),
        pytest.param(broad_excepts, "try: f()\nexcept (OSError, E): pass", id="named errors"),
        pytest.param(floats, "x = a // b\nx //= 2", id="floor division"),
        pytest.param(floats, "def f(path: str = '1.0/2'): ...", id="digits in a text"),
        pytest.param(floats, "def f(round: int) -> int:\n  return g(round)", id="a vote's round"),
        pytest.param(kept_reprs, "raise E(f'odd: {y!r}')", id="a value complained with"),
        pytest.param(moving_ground, "x = {'id': y.id, 'hash': z}", id="words that are fields"),
        pytest.param(moving_ground, "x = y.isascii()", id="isascii: the same in every Unicode"),
        pytest.param(
            kept_exception_texts,
            "try: f()\nexcept E as e:\n  raise F(f'bad: {e}') from e",
            id="words raised on",
        ),
    ],
)
def test_good_code_passes(check: Check, source: str) -> None:
    assert check(source) == []
