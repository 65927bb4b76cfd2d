"""The sample cooperation is an example: none of its names stands in code that works for everybody."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# What fills a trial installation, and the page that shows all components with words from it.
EXAMPLES = ("publisher/samples", "publisher/operate/sample", "publisher/web/design.py", "publisher/locale")
EXAMPLE_TEMPLATES = ("templates/samples", "templates/web/design")


def names() -> list[str]:
    written = json.loads((ROOT / "publisher/samples/cooperation.json").read_text())
    found = [*written["municipalities"], *written["topics"], written["secretariat"]["name"], "ni kommuner"]
    return [*found, "nine municipalities"]


def said(path: Path) -> Iterator[str]:
    """The strings of a Python file except what its docstrings explain; any other file as it is."""
    if path.suffix != ".py":
        yield path.read_text()
        return
    tree = ast.parse(path.read_text())
    explained = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in explained:
            yield node.value


def test_no_name_of_the_samples_is_written_into_the_product() -> None:
    pattern = re.compile(rf"\b({'|'.join(map(re.escape, names()))})\b", re.IGNORECASE)
    files = [*ROOT.glob("publisher/**/*.py"), *ROOT.glob("tasks/*.py"), *ROOT.glob("templates/**/*.*")]
    found = []
    for path in files:
        place = str(path.relative_to(ROOT))
        if not place.startswith((*EXAMPLES, *EXAMPLE_TEMPLATES)):
            found += [f"{place}: {hit.group()}" for text in said(path) for hit in [pattern.search(text)] if hit]
    assert found == []
