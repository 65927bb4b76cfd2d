"""Every text that a person reads is in the Danish catalogue, translated, with the same places to fill."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parent.parent
CATALOGUE = Path("publisher/locale/da/LC_MESSAGES/django.po")


def catalogue(path: Path) -> Catalog:
    with path.open("rb") as opened:
        return read_po(opened, locale="da")


def texts(read: Catalog) -> set[tuple[str, str]]:
    """Context and English text of every entry."""
    return {(each.context or "", each.id if isinstance(each.id, str) else each.id[0]) for each in read if each.id}


def is_whole(entry: Message) -> bool:
    strings = entry.string if isinstance(entry.string, tuple | list) else [entry.string]
    return all(strings) and not entry.fuzzy


def test_everything_is_translated() -> None:
    assert [entry.id for entry in catalogue(ROOT / CATALOGUE) if entry.id and not is_whole(entry)] == []


def test_translations_fill_the_same_places() -> None:
    faults = [(entry.id, str(error)) for entry, errors in catalogue(ROOT / CATALOGUE).check() for error in errors]
    assert faults == []


@pytest.mark.skipif(
    not shutil.which("xgettext") and not os.environ.get("CI"), reason="xgettext is missing (Debian: gettext)"
)
def test_the_catalogue_holds_what_the_code_says(tmp_path: Path) -> None:
    """As `make messages` would find it; run that after writing or changing a text."""
    for folder in ("publisher", "templates"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "*.mo"))
    command = next(
        line for line in (ROOT / "Makefile").read_text().replace("\\\n", "").splitlines() if "makemessages" in line
    )
    arguments = command.partition("django makemessages")[2].split()
    subprocess.run(
        [sys.executable, "-m", "django", "makemessages", *arguments],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        check=True,
        timeout=120,
        capture_output=True,
    )
    assert texts(catalogue(tmp_path / CATALOGUE)) == texts(catalogue(ROOT / CATALOGUE))
