"""Databases of websites, started once for all tests that read from them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation

from tests import databases
from tests.databases import Cms, fill, sqlite_cms


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    """Sentences as they stand in the code."""
    with translation.override("en"):
        yield


@pytest.fixture(scope="session")
def postgresql_cms() -> Iterator[Cms]:
    """A real PostgreSQL."""
    with databases.postgresql_cms() as cms:
        yield cms


@pytest.fixture(scope="session")
def mariadb_cms() -> Iterator[Cms]:
    """A real MariaDB."""
    with databases.mariadb_cms() as cms:
        yield cms


@pytest.fixture
def small(tmp_path: Path, settings: Any) -> Cms:
    """The CMS's table in an SQLite file that Opslag may read."""
    settings.OPSLAG_DATABASE_FILES = (tmp_path,)
    return sqlite_cms(tmp_path)


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def cms(request: pytest.FixtureRequest, settings: Any) -> Cms:
    """The same table in each kind of database, one after the other; the address guard lets it through."""
    if request.param == "sqlite":
        found: Cms = request.getfixturevalue("small")
        return found
    server: Cms = request.getfixturevalue(f"{request.param}_cms")
    settings.OPSLAG_ALLOWED_TARGETS = frozenset({server.url.rpartition("@")[2].partition("/")[0]})
    return fill(server)
