"""README and docs/ lead nowhere that does not exist, and name only commands that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from publisher.cli import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text())
    assert [target for target in targets if "://" not in target and not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_exist(page: Path) -> None:
    text = page.read_text()
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"\bmake ([a-z-]+)[`\s]", text)) <= set(targets)
    named = re.findall(r"(?:`opslag|\.venv/bin/opslag|`python -m publisher|run --rm web) ([a-z-]+)", text)
    assert set(named) - {"--help"} <= set(COMMANDS)
