"""Two workers in the same moment, each on a connection of their own: one question, one mail."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from publisher.models import Account, Notice, PostFigures, User
from publisher.track import figures
from publisher.track.comments import tell_daily, tell_of_comments
from tests.contract.mastodon import MastodonServer
from tests.elsewhere import Elsewhere
from tests.track.social import asked, on_server, published

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

MORNING = datetime(2026, 11, 27, 7, 0, tzinfo=UTC)


def test_one_asks(account: Account, server: MastodonServer) -> None:
    published(account)
    now = timezone.now()
    figures.begin(now)
    PostFigures.objects.update(next_at=now)
    before = len(server.calls)
    with transaction.atomic():
        assert figures.ask(account.pk) == 1
        other = Elsewhere(lambda: figures.ask(account.pk))
        other.is_over(0.5)
    assert other.answer() == 0 and len(server.calls) == before + 1


def test_one_writes_the_mail(account: Account, server: MastodonServer, anna: User) -> None:
    on_server(server, published(account)).replies = 2
    asked(account)
    tell_daily(account, True, MORNING - timedelta(days=1))
    with transaction.atomic():
        assert tell_of_comments(MORNING) == 1
        other = Elsewhere(lambda: tell_of_comments(MORNING))
        other.is_over(0.5)
    assert other.answer() == 0 and Notice.objects.count() == 1
