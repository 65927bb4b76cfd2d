"""`bin/install` leaves an `opslag` command that works from any folder."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SAY = "import os, sys\nprint(__file__, os.getcwd(), *sys.argv[1:], sep='|')\n"


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A tree in which everything is installed, and whose `publisher` only says how it was called."""
    tree = tmp_path / "tree with a space"
    (tree / "bin").mkdir(parents=True)
    shutil.copy(ROOT / "bin" / "install", tree / "bin" / "install")
    (tree / "requirements.lock").write_text("")
    (tree / "publisher").mkdir()
    (tree / "publisher" / "__main__.py").write_text(SAY)
    python = tree / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    key = subprocess.run("cksum < requirements.lock | tr -d ' '", shell=True, cwd=tree, capture_output=True, text=True)
    (tree / ".venv" / "installed").write_text(f"requirements.lock {key.stdout}")
    subprocess.run(["bin/install", "run"], cwd=tree, check=True, timeout=60)
    return tree


def test_the_command_is_there_and_works_from_any_folder(installed: Path, tmp_path: Path) -> None:
    link = tmp_path / "opslag"
    link.symlink_to(installed / ".venv" / "bin" / "opslag")
    elsewhere = tmp_path / "elsewhere"
    # A folder that has a `publisher` of its own does not get in the way.
    (elsewhere / "publisher").mkdir(parents=True)
    (elsewhere / "publisher" / "__main__.py").write_text("print('the wrong one')")
    for command in (installed / ".venv" / "bin" / "opslag", link):
        said = subprocess.run(
            [command, "collect", "a b"], cwd=elsewhere, capture_output=True, text=True, check=True, timeout=60
        )
        assert said.stdout.strip() == f"{installed}/publisher/__main__.py|{elsewhere}|collect|a b"
