"""The real servers that tests start are pinned to the byte, and no lock file names the registry they come from."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PDS = ROOT / "tests" / "real" / "pds"


def test_every_package_is_pinned_with_its_hash_and_without_a_host() -> None:
    asked = json.loads((PDS / "package.json").read_text())["dependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in asked.values())
    packages = json.loads((PDS / "package-lock.json").read_text())["packages"]
    assert packages.pop("")["dependencies"] == asked
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    assert not any("resolved" in package for package in packages.values())


def test_where_it_cannot_be_installed_it_says_why_and_stops_nothing(tmp_path: Path) -> None:
    """On a machine without Node."""
    tree, programs = tmp_path / "tree", tmp_path / "programs"
    (tree / "bin").mkdir(parents=True)
    programs.mkdir()
    shutil.copytree(PDS, tree / "tests" / "real" / "pds")
    shutil.copy(ROOT / "bin" / "install-pds", tree / "bin")
    for name in ("sh", "dirname", "cat", "cksum", "tr", "mkdir", "rm"):
        (programs / name).symlink_to(shutil.which(name) or name)
    said = subprocess.run(
        [tree / "bin" / "install-pds"],
        env=os.environ | {"PATH": str(programs)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "will be skipped: node is not installed." in said.stderr
    assert (tree / ".tools" / "pds" / "missing").read_text() == "node is not installed.\n"
