"""New comments: counted until somebody has looked at them, and told of by mail once a day where that is wanted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from publisher.deliver.notice import compose
from publisher.models import Account, Delivery, Notice, Organisation, PostFigures, Role, User
from publisher.track import comments
from publisher.track.comments import mark_seen, new_comments, tell_daily, tell_of_comments
from publisher.vocabulary import RoleKind
from tests.contract.mastodon import MastodonServer
from tests.track.social import asked, on_server, published, told

pytestmark = pytest.mark.database

# 7.59, 8.00 and the day after in Denmark.
BEFORE, EIGHT = datetime(2026, 11, 27, 6, 59, tzinfo=UTC), datetime(2026, 11, 27, 7, 0, tzinfo=UTC)
NEXT_DAY = EIGHT + timedelta(days=1)


@pytest.fixture
def commented(account: Account, server: MastodonServer) -> Delivery:
    """A thread of two with three comments, one of them on the second post."""
    delivery = published(account, "Dørene åbner klokken 19.")
    on_server(server, delivery).replies += 2
    on_server(server, delivery, 1).replies += 1
    asked(account)
    return delivery


@pytest.fixture
def wanted(account: Account) -> Account:
    """Mails about its comments are wanted, since the day before."""
    tell_daily(account, True, BEFORE - timedelta(days=1))
    return account


def more(delivery: Delivery, server: MastodonServer, number: int = 1) -> None:
    account = delivery.account
    assert account is not None
    on_server(server, delivery).replies += number
    asked(account)


def numbers(organisation: Organisation) -> list[int]:
    return [post.number for post in new_comments(organisation)]


def test_they_are_new_until_somebody_has_looked(
    commented: Delivery, account: Account, server: MastodonServer, elsewhere: Organisation
) -> None:
    (post,) = new_comments(account.organisation)
    assert post.number == 3 and post.address == commented.parts.get(position=0).permalink != ""
    assert new_comments(elsewhere) == [] and len(new_comments(account.organisation, account)) == 1
    more(commented, server)
    assert mark_seen(elsewhere, post.seen) == 0
    assert mark_seen(account.organisation, post.seen) == 2
    assert numbers(account.organisation) == [1], "what came after the page was made"
    assert mark_seen(account.organisation, {told(commented).pk: 999}) == 1
    assert numbers(account.organisation) == [] and told(commented).replies_seen == 3
    assert mark_seen(account.organisation, {told(commented).pk: 1}) == 0, "nothing is forgotten again"


def test_those_of_a_post_that_is_gone_are_not_shown(
    commented: Delivery, account: Account, server: MastodonServer
) -> None:
    for position in (0, 1):
        on_server(server, commented, position).deleted = True
    asked(account)
    assert new_comments(account.organisation) == []


def test_one_mail_a_day_in_the_reader_s_language(
    commented: Delivery, wanted: Account, server: MastodonServer, anna: User, bo: User, sven: User
) -> None:
    reader = User.objects.create(email="rita@example.org", name="Rita")
    Role.objects.create(user=reader, organisation=wanted.organisation, kind=RoleKind.READER)
    assert tell_of_comments(BEFORE) == 0 and not Notice.objects.exists()
    assert tell_of_comments(EIGHT) == 1
    assert set(Notice.objects.values_list("user", flat=True)) == {anna.pk, bo.pk}
    for user, subject in ((anna, "3 new comments on your posts"),):
        User.objects.filter(pk=user.pk).update(language="en")
        mail = compose(Notice.objects.select_related("user", "organisation").get(user=user))
        assert mail["Subject"] == subject
        text = mail.get_content()
        assert f"“Åben øvelse” on {wanted}: 3 new comments" in text
        assert commented.parts.get(position=0).permalink in text
    for later in (EIGHT + timedelta(minutes=10), EIGHT + timedelta(hours=12)):
        more(commented, server)
        assert tell_of_comments(later) == 0
    assert tell_of_comments(NEXT_DAY) == 1
    latest = Notice.objects.filter(user=anna).latest("pk")
    assert latest.explanation["params"]["number"] == 2, "what was mailed is not mailed again"
    assert tell_of_comments(NEXT_DAY + timedelta(days=1)) == 0
    assert numbers(wanted.organisation) == [5], "a mail is not a look"


def test_what_was_looked_at_is_not_mailed(
    commented: Delivery, wanted: Account, server: MastodonServer, anna: User
) -> None:
    (post,) = new_comments(wanted.organisation)
    mark_seen(wanted.organisation, post.seen)
    assert tell_of_comments(EIGHT) == 0
    more(commented, server)
    assert tell_of_comments(NEXT_DAY) == 1
    assert Notice.objects.get().explanation["params"]["number"] == 1


def test_no_mail_where_none_is_wanted(commented: Delivery, account: Account, anna: User) -> None:
    assert tell_of_comments(EIGHT) == 0
    tell_daily(account, True, EIGHT)
    assert tell_of_comments(EIGHT) == 0, "from the next morning"
    tell_daily(account, True, NEXT_DAY)
    assert tell_of_comments(NEXT_DAY) == 1, "said again it changes nothing"
    tell_daily(account, False, NEXT_DAY)
    assert tell_of_comments(NEXT_DAY + timedelta(days=1)) == 0


def test_the_mail_names_some_posts_and_counts_all(
    account: Account, wanted: Account, server: MastodonServer, anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comments, "NAMED", 1)
    for title in ("Nyhed 1", "Nyhed 2", "Nyhed 3"):
        on_server(server, published(account, title=title)).replies = 1
    asked(account)
    assert tell_of_comments(EIGHT) == 1
    text = compose(Notice.objects.select_related("user", "organisation").get()).get_content()
    told_of = Notice.objects.get().explanation["params"]
    assert (told_of["number"], len(told_of["posts"]), told_of["more"]) == (3, 1, 2)
    assert text.count("/@") == 1
    assert PostFigures.objects.filter(replies_mailed=1).count() == 3
