"""Fixtures for all tests: the cast (who is who), a real broker, a home folder of each test's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.utils import translation

from publisher.platforms import PLATFORMS
from publisher.platforms.mastodon import MastodonPlatform
from tests.migrated import lay_sqlite, postgresql_template
from tests.servers import broker

pytest_plugins = ["tests.browser", "tests.cast", "tests.no_names"]


@pytest.fixture(scope="session")
def broker_url() -> Iterator[str]:
    """A real Redis-protocol server for this test process."""
    with broker() as url:
        yield url


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """A database of this test process's own; on SQLite a file, since threads and WAL behave otherwise in memory."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
    default = django_settings.DATABASES["default"]
    if default["ENGINE"].endswith("postgresql"):
        copied = {"NAME": f"test_opslag_{worker}", "TEMPLATE": postgresql_template(os.environ["DATABASE_URL"])}
    else:
        path = Path(os.environ["OPSLAG_TEST_HOME"], f"test-{worker}.sqlite3")
        lay_sqlite(path)
        copied = {"NAME": str(path)}
    default.setdefault("TEST", {}).update(copied)


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """On SQLite use the file that was laid; it goes with the run's folder."""
    return not django_settings.DATABASES["default"]["ENGINE"].endswith("postgresql")


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, settings: pytest.FixtureRequest) -> None:
    """Each test writes pictures, journals and captured mail into a folder of its own."""
    settings.OPSLAG_HOME = tmp_path
    settings.OPSLAG_MEDIA_DIR = tmp_path / "media"
    settings.OPSLAG_JOURNAL_DIR = tmp_path / "journals"


@pytest.fixture(autouse=True)
def no_language_of_before() -> Iterator[None]:
    """The language in which a test's last page was written is none of the next one's business."""
    yield
    translation.deactivate()


@pytest.fixture(autouse=True)
def pictures_get_ready_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Platforms are asked as often as otherwise whether a picture is ready, without a pause."""
    monkeypatch.setitem(PLATFORMS, "mastodon", MastodonPlatform(poll_waits_s=(0,) * 8))


def pytest_configure(config: pytest.Config) -> None:
    """Use Playwright's synchronous interface together with the database."""
    os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL run only what is marked `database`: the rest does not meet a database."""
    if os.environ.get("OPSLAG_TEST_DATABASE") == "postgresql":
        wanted = [item for item in items if item.get_closest_marker("database")]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(wanted)])
        items[:] = wanted
