"""One word for how far a campaign has come."""

from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from publisher.models import Account, Campaign, Item, Message, Newsletter, Organisation, User
from publisher.models.counting import move_counts
from publisher.review import approval
from publisher.review.progress import Progress, progress
from tests.review.send_outs import send_out, soon

pytestmark = pytest.mark.database


def with_messages(organisation: Organisation, newsletter: Newsletter, account: Account, *ends: str) -> Campaign:
    """An approved campaign whose messages stand as named; "finished:sent" is finished with one delivery sent."""
    campaign = Campaign.objects.create(organisation=organisation, title="Nyt", status="approved")
    outlets: list[dict[str, object]] = [
        {"outlet": "email", "newsletter": newsletter}, {"outlet": "post", "account": account},
    ]  # fmt: skip
    for end, outlet in zip(ends, outlets, strict=False):
        status, _, reached = end.partition(":")
        message = Message.objects.create(campaign=campaign, status=status, **outlet)
        if reached:
            move_counts(message.pk, 1, {reached: 1})
    return campaign


@pytest.mark.parametrize(
    ("messages", "word"),
    [
        (("scheduled", "scheduled"), "scheduled"),
        (("sending", "scheduled"), "sending"),
        (("sending", "finished:sent"), "sending"),
        (("held", "sending"), "held"),
        (("paused", "scheduled"), "paused"),
        (("finished:sent", "scheduled"), "partly_published"),
        (("finished:failed", "scheduled"), "scheduled"),
        (("finished:sent", "finished:sent"), "finished"),
        (("finished:suppressed",), "finished"),
        (("finished",), "finished"),
        (("finished:sent", "finished:failed"), "partly_published"),
        (("finished:sent", "finished:uncertain"), "partly_published"),
        (("finished:sent", "cancelled"), "partly_published"),
        (("finished:failed", "finished:uncertain"), "uncertain"),
        (("finished:failed",), "failed"),
        (("cancelled", "cancelled"), "cancelled"),
    ],
)
def test_the_word_follows_from_the_messages(
    secretariat: Organisation, newsletter: Newsletter, practice_account: Account, messages: tuple[str, ...], word: str
) -> None:
    assert progress(with_messages(secretariat, newsletter, practice_account, *messages)) == word


def test_the_review_comes_first(item: Item, newsletter: Newsletter, bo: User) -> None:
    campaign = send_out(item, newsletter)
    assert progress(campaign) == "draft"
    approval.submit(campaign, bo)
    assert progress(campaign) == "in_review"
    approval.approve(campaign, bo, scheduled_at=soon())
    assert progress(campaign) == "scheduled"
    approval.cancel(campaign, bo)
    assert progress(campaign) == "cancelled"


def test_a_list_asks_the_database_nothing_more(
    secretariat: Organisation, newsletter: Newsletter, practice_account: Account,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:  # fmt: skip
    for _ in range(3):
        with_messages(secretariat, newsletter, practice_account, "finished:sent", "finished:failed")
    campaigns = list(Campaign.objects.prefetch_related("messages__counts"))
    with django_assert_num_queries(0):
        assert [progress(campaign) for campaign in campaigns] == [Progress.PARTLY_PUBLISHED] * 3
