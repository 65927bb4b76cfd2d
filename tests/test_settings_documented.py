"""docs/settings.md lists every setting, and says of each what settings.py says."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
READERS = {
    "str",
    "int",
    "bool",
    "list",
    "_secret",
    "_target_list",
    "_folder_list",
    "_addresses",
    "_bounce_address",
    "_imap_url",
    "_read",
}


def called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name) and node.func.value.id == "env":
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def settings_in_code() -> dict[str, str]:
    """Name in the environment → the comment above, of every setting that settings.py reads at its top level."""
    source = (ROOT / "publisher" / "settings.py").read_text()
    lines = source.splitlines()
    found = {}
    for statement in ast.parse(source).body:
        if not isinstance(statement, ast.Assign):
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and called(node) in READERS and node.args:
                name = node.args[0]
                if isinstance(name, ast.Constant) and isinstance(name.value, str) and name.value.isupper():
                    found[name.value] = comment_above(lines, statement.lineno)
    return found


def comment_above(lines: list[str], line: int) -> str:
    comment: list[str] = []
    for above in reversed(lines[: line - 1]):
        if not above.startswith("# ") or above.startswith("# ---"):
            break
        comment.insert(0, above.removeprefix("# "))
    return " ".join(comment)


def settings_in_docs() -> dict[str, str]:
    """Name → what for, from the tables of docs/settings.md."""
    rows = re.findall(
        r"^\| `([A-Z_]+)` \|[^|]*\| ([^|]*) \|$", (ROOT / "docs" / "settings.md").read_text(), re.MULTILINE
    )
    return dict(rows)


def test_every_setting_is_documented_and_nothing_else_is() -> None:
    assert settings_in_docs().keys() == settings_in_code().keys()


def test_the_documentation_says_what_the_code_says() -> None:
    assert settings_in_docs() == settings_in_code()


def test_every_setting_says_what_it_is_for() -> None:
    assert [name for name, words in settings_in_code().items() if len(words) < 20] == []
