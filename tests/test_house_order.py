"""No set lets its order out below the line: the law that no linter ships, and code that breaks it."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
PURE: Final = ("errors.py", "base", "ledger", "rules", "tx", "chain", "bft", "replica")

_SETS: Final = frozenset({"set", "frozenset"})
_SET_TYPES: Final = _SETS | {"AbstractSet", "Set", "MutableSet", "KeysView"}
_SET_METHODS: Final = frozenset(
    {"union", "intersection", "difference", "symmetric_difference"}
)  # of dict views too
_ORDER_FREE: Final = _SETS | {"sorted", "len", "min", "max", "sum", "any", "all"}
_ORDERING: Final = frozenset(
    {"list", "tuple", "dict", "enumerate", "iter", "zip", "map", "filter", "chain", "deque"}
)


def _is_set_type(annotation: ast.expr | None) -> bool:
    if isinstance(annotation, ast.Subscript):
        return _is_set_type(annotation.value)
    if isinstance(annotation, ast.BinOp):
        return _is_set_type(annotation.left) or _is_set_type(annotation.right)
    return isinstance(annotation, ast.Name) and annotation.id in _SET_TYPES


def _label(node: ast.AST) -> str:
    """A name, or an attribute by its last part: `x`, `.x`."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(attr=name):
            return "." + name
        case _:
            return ""


def _is_set(node: ast.expr, known: frozenset[str]) -> bool:
    match node:
        case ast.Set() | ast.SetComp():
            return True
        case ast.Call(func=ast.Name(id=name)) if name in _SETS:
            return True
        case ast.Call(func=ast.Attribute(attr=name)) if name in _SET_METHODS:
            return True
        case ast.BinOp(
            left=left, op=ast.BitOr() | ast.BitAnd() | ast.BitXor() | ast.Sub(), right=r
        ):
            return any(_is_set(side, known) or _is_keys(side) for side in (left, r))
        case ast.IfExp(body=body, orelse=other):
            return _is_set(body, known) or _is_set(other, known)
        case _:
            return _label(node) in known


def _is_keys(node: ast.expr) -> bool:
    """The views of a dict are ordered; what `-`, `&`, `|` make of them is not."""
    return isinstance(node, ast.Call) and _label(node.func) in {".keys", ".items"}


def _named_sets(scope: ast.AST) -> frozenset[str]:
    """Names and attributes that are declared or first assigned as sets anywhere in `scope`."""
    named: set[str] = set()
    for node in ast.walk(scope):
        match node:
            case ast.AnnAssign(target=target, annotation=kind) if _is_set_type(kind):
                named |= {_label(target), "." + _label(target).lstrip(".")}
            case ast.arg(arg=name, annotation=kind) if _is_set_type(kind):
                named.add(name)
            case ast.Assign(targets=[target], value=value) if _is_set(value, frozenset(named)):
                named.add(_label(target))
            case ast.AnnAssign(target=target, value=ast.expr() as value) if _is_set(
                value, frozenset(named)
            ):
                named.add(_label(target))
    return frozenset(named - {""})


def _ordered_uses(node: ast.AST) -> Iterator[ast.expr]:
    """The expressions that `node` runs through in the order they come."""
    match node:
        case ast.For(iter=source) | ast.AsyncFor(iter=source) | ast.YieldFrom(value=source):
            yield source
        case ast.ListComp() | ast.DictComp() | ast.GeneratorExp():
            yield from (part.iter for part in node.generators)
        case ast.Starred(value=value):
            yield value
        case ast.Call(func=ast.Name(id=name)) if name in _ORDERING:
            yield from node.args
        case ast.Call(func=ast.Attribute(attr="join" | "extend" | "fromkeys")):
            yield from node.args
        case ast.Call(func=ast.Attribute(attr="pop", value=popped), args=[]):
            yield popped
        case _:
            pass


def set_orders(source: str) -> list[str]:
    """A set's order differs from process to process; only `sorted` may let it out."""
    tree = ast.parse(source)
    scopes = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    fields = frozenset(name for name in _named_sets(tree) if name.startswith("."))
    free = {
        id(argument)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and _label(call.func) in _ORDER_FREE
        for argument in call.args
        if isinstance(argument, ast.GeneratorExp | ast.ListComp | ast.Starred)
    }
    outer = _named_sets(
        ast.Module([n for n in tree.body if isinstance(n, ast.AnnAssign | ast.Assign)], [])
    )
    found: set[tuple[int, str]] = set()
    for scope in [tree, *scopes]:
        known = fields | outer | (_named_sets(scope) if scope is not tree else frozenset())
        for node in ast.walk(scope):
            if id(node) not in free and any(_is_set(u, known) for u in _ordered_uses(node)):
                found.add((getattr(node, "lineno", 0), "the order of a set"))
    return [f"{line}: {word}" for line, word in sorted(found)]


def test_below_the_line_no_set_lets_its_order_out() -> None:
    faults = []
    for path in sorted((ROOT / "tfchain").rglob("*.py")):
        if path.relative_to(ROOT / "tfchain").parts[0] in PURE:
            shown = path.relative_to(ROOT)
            faults += [f"{shown}:{fault}" for fault in set_orders(path.read_text(encoding="utf-8"))]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("for x in {1, 2}: f(x)", id="a loop over a set"),
        pytest.param("y = [x for x in {k for k in z}]", id="a list made from a set"),
        pytest.param("y = {x: 1 for x in set(z)}", id="a dict made from a set"),
        pytest.param("y = tuple(frozenset(z))", id="a tuple of a frozenset"),
        pytest.param("y = b''.join({b'a', b'b'})", id="joined bytes of a set"),
        pytest.param("y = dict.fromkeys({1, 2})", id="keys from a set"),
        pytest.param("f(*{1, 2})", id="arguments from a set"),
        pytest.param("y = [*a, *set(b)]", id="a set unpacked"),
        pytest.param("for i, x in enumerate(set(z)): f(x)", id="enumerate over a set"),
        pytest.param("for x in a.keys() - b: f(x)", id="a loop over a difference of keys"),
        pytest.param("for x in a.union(b): f(x)", id="a loop over a union"),
        pytest.param("for x in (set() if a else b): f(x)", id="perhaps a set"),
        pytest.param("def f():\n  s = set()\n  return list(s)", id="a name that is a set"),
        pytest.param("def f(s: set[int]):\n  for x in s: g(x)", id="an argument that is a set"),
        pytest.param("def f(s: frozenset[int] | None):\n  return s.pop()", id="any one of a set"),
        pytest.param("KINDS: Final = {1, 2}\ndef f():\n  return list(KINDS)", id="a constant"),
        pytest.param(
            "class A:\n  s: frozenset[int]\ndef f(a: A):\n  return list(a.s)", id="a record's field"
        ),
        pytest.param(
            "class A:\n  def g(self):\n    self.s = set()\n  def f(self):\n    yield from self.s",
            id="an attribute",
        ),
    ],
)
def test_a_set_that_lets_its_order_out_is_seen(source: str) -> None:
    assert len(set_orders(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("for x in sorted({1, 2}): f(x)", id="sorted"),
        pytest.param("y = sorted(f(x) for x in set(z))", id="sorted afterwards"),
        pytest.param("y = any(f(x) for x in set(z))", id="a question to all of them"),
        pytest.param("y = {f(x) for x in set(z)}", id="a set of a set"),
        pytest.param(
            "def f(s: set[int]):\n  return len(s), 3 in s, s | {4}", id="size, member, union"
        ),
        pytest.param("for x in a.keys(): f(x)", id="a dict keeps its order"),
        pytest.param("def f(s: list[int]):\n  return tuple(s), s.pop()", id="a list"),
        pytest.param(
            "def f():\n  s = set()\ndef g(s: list[int]):\n  return list(s)", id="a name elsewhere"
        ),
    ],
)
def test_a_set_that_keeps_its_order_to_itself_passes(source: str) -> None:
    assert set_orders(source) == []
