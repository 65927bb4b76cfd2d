"""What the tests of pages share: a draft with a mail and a post, its addresses, Anna and Bo at their browsers."""

from __future__ import annotations

import pytest
from django.test import Client

from publisher.models import Account, Campaign, Item, Newsletter, User
from tests.review.send_outs import send_out
from tests.web.office import signed_in


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
