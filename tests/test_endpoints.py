"""The README's tables say truly which endpoints of each API davstore uses, and where.

`stores/endpoints/<store>.txt` holds every endpoint of a service's documents. What the code calls is
read from its source: each text that begins with a slash, in whatever a store's modules call.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
README = (TESTS.parent / "README.md").read_text("utf-8")
STORES = TESTS.parent / "davstore" / "stores"
LISTS = {path.stem: path for path in sorted((TESTS / "stores" / "endpoints").glob("*.txt"))}
NAMES = {
    "realdebrid": "Real-Debrid",
    "alldebrid": "AllDebrid",
    "stremthru": "StremThru",
    "plank": "Plank",
}
VERBS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD")
Endpoint = tuple[str, str]


def listed(store: str) -> list[Endpoint]:
    """What the documents have, parameters being {}."""
    lines = LISTS[store].read_text("utf-8").splitlines()
    return [_endpoint(line) for line in lines if line and not line.startswith("#")]


def told(store: str) -> list[tuple[Endpoint, str]]:
    """The rows of the README's table: the endpoint, and what is said of it."""
    _, _, after = README.partition(f"### {NAMES[store]}'s endpoints\n")
    table = re.split(r"^#", after, maxsplit=1, flags=re.MULTILINE)[0]
    rows = re.findall(r"^\| `([A-Z]+ /[^`]*)` \| (.+) \|$", table, re.MULTILINE)
    return [(_endpoint(endpoint), said) for endpoint, said in rows]


def _endpoint(text: str) -> Endpoint:
    verb, _, path = text.partition(" ")
    return verb, re.sub(r"\{\w*\}", "{}", path)


def called(store: str) -> set[Endpoint]:
    """Verb ("" where the call does not tell) and path of everything that the source calls."""
    found: set[Endpoint] = set()
    for module in _modules(store):
        tree = ast.parse(module.read_text("utf-8"))
        inside = {id(arg) for call in _calls(tree) for arg in call.args}
        for call in _calls(tree):
            found.update((_verb(call), path) for arg in call.args if (path := _path(arg)))
        found.update(
            ("", path)
            for node in ast.walk(tree)
            if id(node) not in inside and (path := _path(node)) and not _is_part(tree, node)
        )
    return found


def _modules(store: str) -> Iterator[Path]:
    yield from STORES.glob(f"{store}.py")
    yield from STORES.glob(f"{store}_*.py")
    yield from STORES.glob(f"{store}/**/*.py")


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _verb(call: ast.Call) -> str:
    for arg in call.args:
        if isinstance(arg, ast.Constant) and arg.value in VERBS:
            return str(arg.value)
    name = call.func.attr.upper() if isinstance(call.func, ast.Attribute) else ""
    return name if name in VERBS else ""


def _path(node: ast.AST) -> str:
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    text = "".join(
        str(part.value) if isinstance(part, ast.Constant) else "{}"
        for part in parts
        if isinstance(part, ast.Constant | ast.FormattedValue)
    )
    is_text = isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    return text if is_text and re.fullmatch(r"/(?:[\w.{}-]+/)*[\w.{}-]*[\w}]", text) else ""


def _is_part(tree: ast.AST, node: ast.AST) -> bool:
    """Whether it is a piece of a longer text."""
    joined = (n for n in ast.walk(tree) if isinstance(n, ast.JoinedStr))
    return any(node in each.values for each in joined)


def _is_called(endpoint: Endpoint, calls: set[Endpoint]) -> bool:
    verb, path = endpoint
    return (verb, path) in calls or ("", path) in calls


@pytest.mark.parametrize("store", LISTS)
def test_every_endpoint_stands_in_the_table_once(store: str) -> None:
    assert sorted(endpoint for endpoint, _ in told(store)) == sorted(listed(store))


@pytest.mark.parametrize("store", LISTS)
def test_what_is_said_to_be_used_is_called_and_nothing_else(store: str) -> None:
    calls = called(store)
    used = {endpoint for endpoint, said in told(store) if not said.startswith("not used: ")}
    for endpoint, _ in told(store):
        if endpoint in used:
            assert _is_called(endpoint, calls), f"{' '.join(endpoint)} is not called"
        else:
            assert endpoint not in calls, f"{' '.join(endpoint)} is called"
            path = endpoint[1]
            others = any(path == each for _, each in used)
            assert others or ("", path) not in calls, f"{path} is called"


@pytest.mark.parametrize("store", LISTS)
def test_everything_that_is_called_stands_in_the_table(store: str) -> None:
    known = listed(store)
    for verb, path in called(store):
        assert any(path == p and verb in ("", v) for v, p in known), f"{verb} {path}"
