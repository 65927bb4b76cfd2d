"""What the tests of pages share: a draft with a mail and a post, its addresses, Anna and Bo at their browsers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from django.utils import translation

from publisher.models import Account, Campaign, Item, Newsletter, User
from tests.deliver.conftest import account, server
from tests.review.send_outs import send_out
from tests.web.office import signed_in

__all__ = ["account", "server"]

HERE = Path(__file__).parent
# Pages whose lists and searches ask the database questions of their own; the others show what stages have asked.
ON_BOTH_DATABASES = {
    "test_calendar.py", "test_figures.py", "test_news.py", "test_news_item.py", "test_pictures.py", "test_plan.py",
    "test_replies.py", "test_rules_pages.py", "test_sendouts.py", "test_sendouts_waiting.py", "test_sources.py",
    "test_subscribers.py", "test_today.py",
}  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the rest of the pages run on SQLite only."""
    for item in items:
        if item.path.is_relative_to(HERE) and item.path.name not in ON_BOTH_DATABASES:
            item.add_marker(pytest.mark.one_database)


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    """What is said outside of a page is said in the language of those who work in these tests."""
    with translation.override("en"):
        yield


@pytest.fixture
def campaign(item: Item, newsletter: Newsletter, practice_account: Account) -> Campaign:
    """A draft with a mail and a post."""
    return send_out(item, newsletter, practice_account)


@pytest.fixture
def path(campaign: Campaign) -> str:
    """Its page."""
    return f"/sendouts/{campaign.pk}"


@pytest.fixture
def edit(path: str) -> str:
    """Where it is written."""
    return f"{path}/edit"


@pytest.fixture
def annas(anna: User) -> Client:
    """Anna's browser: she writes."""
    return signed_in(anna)


@pytest.fixture
def bos(bo: User) -> Client:
    """Bo's browser: he approves."""
    return signed_in(bo)
