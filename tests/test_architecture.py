"""The tree is the layer order: every import in `publisher/` and `tasks/` is read and checked against it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS: dict[str, int] = {
    **dict.fromkeys(
        ["publisher", "publisher.http", "publisher.address_guard", "publisher.vocabulary", "publisher.life_cycles",
         "publisher.errors", "publisher.paces", "publisher.settings", "publisher.apps"], 0),
    **dict.fromkeys(["publisher.sources", "publisher.platforms", "publisher.transports"], 1),
    "publisher.models": 2,
    "publisher.migrations": 2,
    **dict.fromkeys(["publisher.items", "publisher.accounts", "publisher.audience", "publisher.access"], 3),
    "publisher.compose": 4,
    **dict.fromkeys(["publisher.schedule", "publisher.review"], 5),
    **dict.fromkeys(["publisher.rules", "publisher.deliver"], 6),
    **dict.fromkeys(["publisher.track", "publisher.operate"], 7),
    **dict.fromkeys(
        ["publisher.web", "publisher.api", "publisher.cli", "publisher.urls", "publisher.wsgi", "publisher.__main__",
         "publisher.templatetags"], 8),
    "tasks": 9,
}  # fmt: skip
# Packages that stay apart although they share a layer; the single modules of layers 0 and 8 may see each other.
FREE_AMONG_THEMSELVES = {0, 8}


def package_of(module: str) -> str:
    parts = module.split(".")
    return "tasks" if parts[0] == "tasks" else ".".join(parts[:2])


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def our_files() -> list[Path]:
    return sorted([*ROOT.glob("publisher/**/*.py"), *ROOT.glob("tasks/**/*.py")])


def imports_of(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, "absolute imports only"
            yield node.lineno, node.module
            yield from (
                (node.lineno, f"{node.module}.{alias.name}") for alias in node.names if node.module == "publisher"
            )


def offences(path: Path, source: str) -> list[str]:
    here = package_of(module_name(path))
    found = []
    for line, imported in imports_of(ast.parse(source)):
        if imported.split(".")[0] not in {"publisher", "tasks"} or imported == "publisher.__version__":
            continue
        there = package_of(imported)
        assert there in LAYERS, f"{path}:{line}: {there} has no layer; add it to LAYERS"
        # A migration names the models' own fields and functions.
        if here == "publisher.migrations":
            continue
        same = here == there or (LAYERS[here] == LAYERS[there] and LAYERS[here] in FREE_AMONG_THEMSELVES)
        if not same and LAYERS[there] >= LAYERS[here]:
            found.append(
                f"{path.relative_to(ROOT)}:{line}: {here} (L{LAYERS[here]}) imports {there} (L{LAYERS[there]})"
            )
    return found


def test_every_import_points_downwards() -> None:
    assert [offence for path in our_files() for offence in offences(path, path.read_text())] == []


def test_an_import_upwards_would_be_seen() -> None:
    path = ROOT / "publisher" / "items" / "invented.py"
    assert offences(path, "def f():\n    from publisher.web import frame\n")
    assert offences(path, "import publisher.audience.leave\n")
    assert not offences(path, "from publisher.models import Item\n")


def test_nothing_is_imported_inside_a_function() -> None:
    found = []
    for path in our_files():
        if "migrations" in path.parts:
            continue
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                found += [
                    f"{path.relative_to(ROOT)}:{node.lineno}"
                    for node in ast.walk(function)
                    if isinstance(node, ast.Import | ast.ImportFrom)
                ]
    assert found == []


def test_pages_api_and_commands_read_only_through_scoped_managers() -> None:
    found = []
    for folder in ("web", "api", "cli"):
        for path in ROOT.glob(f"publisher/{folder}/**/*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                outer = node if isinstance(node, ast.Attribute) else None
                inner = outer.value if outer and isinstance(outer.value, ast.Attribute) else None
                if outer and inner and inner.attr == "objects" and outer.attr != "for_organisation":
                    found.append(f"{path.relative_to(ROOT)}:{outer.lineno}: .objects.{outer.attr}")
    assert found == []


@pytest.mark.parametrize("folder", ["publisher", "tasks", "tests"])
def test_no_file_is_too_long(folder: str) -> None:
    long = {str(path): n for path in ROOT.glob(f"{folder}/**/*.py")
            if "migrations" not in path.parts and (n := len(path.read_text().splitlines())) > 400}  # fmt: skip
    assert long == {}
