"""The program's own sources, read for what they state beside their types: tags, codes, paths, words.

Nothing is imported to be looked at: a call with a literal is found where it stands, and the words
about it are the docstring around it.
"""

import ast
import pkgutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import tfchain

ROOT: Final = Path(tfchain.__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Call:
    """A call with where it stands: `place` is module and function, `what` the function's docstring."""

    place: str
    what: str
    node: ast.Call

    @property
    def called(self) -> str:
        """As it is written, like `merkle.root`."""
        return ast.unparse(self.node.func)

    def text(self, number: int) -> str | None:
        """The argument's literal text or bytes; None where it is no literal."""
        if number < len(self.node.args):
            argument = self.node.args[number]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str | bytes):
                value = argument.value
                return value if isinstance(value, str) else value.decode()
        return None


def modules_of(*packages: str) -> list[str]:
    """The names of all modules under these packages or of these modules, sorted."""
    found = []
    for package in packages:
        path = ROOT.joinpath(*package.split("."))
        if path.is_dir():
            inside = pkgutil.walk_packages([str(path)], f"tfchain.{package}.")
            found += [package, *[module.name.removeprefix("tfchain.") for module in inside]]
        else:
            found.append(package)
    return sorted(found)


@cache
def tree_of(module: str) -> ast.Module:
    """The syntax of a module, named without the program's name."""
    spec = find_spec(f"tfchain.{module}")
    assert spec is not None and spec.origin is not None, module
    return ast.parse(Path(spec.origin).read_text(encoding="utf-8"))


def calls_of(modules: Sequence[str]) -> Iterator[Call]:
    """Every call in these modules, in the order of the text."""
    for module in modules:
        tree = tree_of(module)
        yield from _calls(tree, module, words(ast.get_docstring(tree)))


def _calls(node: ast.AST, place: str, what: str) -> Iterator[Call]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            said = words(ast.get_docstring(child)) or what
            yield from _calls(child, f"{place}.{child.name}", said)
            continue
        if isinstance(child, ast.Call):
            yield Call(place, what, child)
        yield from _calls(child, place, what)


def words(docstring: str | None) -> str:
    """The first paragraph in one line, for people."""
    return " ".join((docstring or "").partition("\n\n")[0].split())


def page(module: str) -> str:
    """The whole docstring of a module, a line for each paragraph."""
    docstring = ast.get_docstring(tree_of(module)) or ""
    return "\n".join(" ".join(part.split()) for part in docstring.split("\n\n"))


def constants_of(module: str) -> Iterator[tuple[str, str]]:
    """Names in capitals that the module binds at its top, and the words under each."""
    body = tree_of(module).body
    for place, node in enumerate(body):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
            if name.isupper() and not name.startswith("_"):
                yield name, _words_under(body, place)


def field_words(module: str, cls: str) -> dict[str, str]:
    """What the class's docstrings under its fields say."""
    for node in tree_of(module).body:
        if isinstance(node, ast.ClassDef) and node.name == cls:
            return {
                field.target.id: said
                for place, field in enumerate(node.body)
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
                if (said := _words_under(node.body, place))
            }
    return {}


def _words_under(body: Sequence[ast.stmt], place: int) -> str:
    match body[place + 1 : place + 2]:
        case [ast.Expr(value=ast.Constant(value=str() as text))]:
            return words(text)
        case _:
            return ""


def template(node: ast.expr) -> str:
    """A text literal; what is put into it stands in braces. The same under every Python."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(template(part) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return "{" + _simple(node.value) + "}"
    return "{" + _simple(node) + "}"


def _simple(node: ast.expr) -> str:
    plain = all(isinstance(part, ast.Name | ast.Attribute | ast.Load) for part in ast.walk(node))
    return ast.unparse(node) if plain else "..."
