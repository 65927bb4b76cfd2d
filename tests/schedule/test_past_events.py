"""Events that are over when a send-out leaves: left out of a round-up and told of, or the message is held."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import time_machine
from django.utils import timezone, translation

from publisher.access.audit import timeline
from publisher.compose.drafts import add_block, create_campaign
from publisher.compose.editions import page_as
from publisher.compose.past_events import left_out_titles
from publisher.compose.preflight import checks
from publisher.errors import Explanation, InputError
from publisher.models import Account, Campaign, CompiledMail, Delivery, Item, Message, Newsletter, Notice, User
from publisher.review.approval import approve, to_draft
from publisher.review.control import release
from publisher.schedule import dispatch
from publisher.sources.contract import Event
from publisher.vocabulary import BlockKind, HoldReason, MessageStatus, Outlet
from tests.audience_factory import residents
from tests.events import concert, evening

pytestmark = pytest.mark.database


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    """Sentences are compared in English."""
    with translation.override("en"):
        yield


TOLD = "“%(title)s” was left out of the mail: the event is over when it is sent."


def approved(items: list[Item], at: datetime, newsletter: Newsletter | None = None, *accounts: Account) -> Campaign:
    """A send-out that was approved for `at` although an event in it ends before: it moved, or waited."""
    campaign = create_campaign(items[0].organisation, items, newsletter=newsletter, accounts=accounts)
    approve(campaign, None, scheduled_at=timezone.now() + timedelta(minutes=30))
    campaign.messages.update(scheduled_at=at)
    return campaign


def mail_of(campaign: Campaign) -> Message:
    return Message.objects.get(campaign=campaign, outlet=Outlet.EMAIL)


def prepared(campaign: Campaign, at: datetime) -> Message:
    with time_machine.travel(at, tick=False):
        dispatch.prepare(mail_of(campaign).pk, timezone.now())
    return mail_of(campaign)


def test_a_round_up_goes_without_what_is_over(newsletter: Newsletter, item: Item, bo: User) -> None:
    residents(newsletter, 3)
    over = concert(newsletter.organisation, Event(evening(1), place="Kulturhuset"), title="Foredrag")
    later = concert(newsletter.organisation, Event(evening(9)), title="Julekoncert")
    at = evening(3)
    campaign = approved([item, over, later], at, newsletter)
    message = prepared(campaign, at)
    assert message.frozen_count == 3 and message.status == MessageStatus.SCHEDULED
    for words in (message.composed_html, message.composed_text, page_as(message, [], [])):
        assert "Foredrag" not in words and "Julekoncert" in words and "Åben øvelse" in words
    assert left_out_titles(campaign) == {message.pk: ["Foredrag"]}
    told = [str(Explanation.from_json(entry.explanation)) for entry in timeline(campaign)]
    assert [words for words in told if "Foredrag" in words] == [
        "“Foredrag” was left out of the mail: the event is over when it is sent."
    ]
    assert Notice.objects.filter(user=bo, explanation__msgid=TOLD).count() == 1
    with time_machine.travel(at, tick=False):
        assert dispatch.start(message.pk, timezone.now())


def test_preparing_it_again_tells_nobody_again(newsletter: Newsletter, item: Item, bo: User) -> None:
    over = concert(newsletter.organisation, Event(evening(1)), title="Foredrag")
    at = evening(3)
    campaign = approved([item, over], at, newsletter)
    first = prepared(campaign, at).composed_html
    Message.objects.filter(campaign=campaign).update(frozen_at=None, frozen_count=None)
    assert prepared(campaign, at).composed_html == first
    assert Notice.objects.filter(explanation__msgid=TOLD).count() == 1


def test_the_next_story_leads_and_an_empty_heading_goes(newsletter: Newsletter, item: Item) -> None:
    over = concert(newsletter.organisation, Event(evening(1)), title="Foredrag")
    campaign = create_campaign(newsletter.organisation, [over, item], newsletter=newsletter)
    message = mail_of(campaign)
    Message.objects.filter(pk=message.pk).update(subject="Nyt fra os")
    add_block(message, BlockKind.HEADING, position=0, title="Det sker")
    campaign.refresh_from_db()
    approve(campaign, None, scheduled_at=timezone.now() + timedelta(minutes=30))
    Message.objects.filter(pk=message.pk).update(scheduled_at=evening(3))
    html = prepared(campaign, evening(3)).composed_html
    assert "Foredrag" not in html
    assert "Det sker" in html, "another story is still under it"
    assert 'class="ink lead"' in html or "font-size: 26px" in html


@pytest.mark.parametrize("others", [False, True])
def test_a_mail_about_nothing_else_is_held(newsletter: Newsletter, item: Item, bo: User, others: bool) -> None:
    residents(newsletter, 2)
    over = concert(newsletter.organisation, Event(evening(1)))
    campaign = approved([over, item] if others else [over], evening(3), newsletter)
    message = prepared(campaign, evening(3))
    assert (message.status, message.hold_reason) == (MessageStatus.HELD, HoldReason.EVENT_OVER)
    assert "is over, and the mail is about it" in str(Explanation.from_json(message.last_error))
    assert not Delivery.objects.filter(message=message).exists()
    assert Notice.objects.filter(user=bo, explanation__params__why=message.last_error).exists()
    with time_machine.travel(evening(3) + timedelta(hours=1), tick=False):
        release(message, bo)
        assert dispatch.prepare(message.pk, timezone.now())
        assert dispatch.start(message.pk, timezone.now())
    assert "Julekoncert" in mail_of(campaign).composed_html


def test_a_post_about_it_is_held_at_its_instant(practice_account: Account, newsletter: Newsletter, bo: User) -> None:
    over = concert(newsletter.organisation, Event(evening(1)))
    campaign = approved([over], evening(3), None, practice_account)
    message = Message.objects.get(campaign=campaign)
    with time_machine.travel(evening(3), tick=False):
        assert not dispatch.start(message.pk, timezone.now())
        message.refresh_from_db()
        assert (message.status, message.hold_reason) == (MessageStatus.HELD, HoldReason.EVENT_OVER)
        release(message, bo)
        assert dispatch.start(message.pk, timezone.now())


def test_what_was_over_when_it_was_approved_was_meant_so(newsletter: Newsletter, practice_account: Account) -> None:
    residents(newsletter, 1)
    past = concert(newsletter.organisation, Event(evening(-3)))
    campaign = create_campaign(past.organisation, [past], newsletter=newsletter, accounts=[practice_account])
    found = [str(check.explanation) for check in checks(campaign) if check.level == "warning"]
    assert found.count("“Julekoncert” is over already.") == 2
    approve(campaign, None, scheduled_at=timezone.now())
    dispatch.prepare(mail_of(campaign).pk, timezone.now())
    for message in campaign.messages.all():
        assert dispatch.start(message.pk, timezone.now())


def test_the_checks_say_it_before(newsletter: Newsletter, item: Item, practice_account: Account) -> None:
    over = concert(newsletter.organisation, Event(evening(1)))
    about = create_campaign(over.organisation, [over], newsletter=newsletter, accounts=[practice_account])
    errors = [str(check.explanation) for check in checks(about, evening(3)) if check.level == "error"]
    assert any("is over when the mail is sent, and the mail is about it" in words for words in errors)
    assert any("is over when the post goes out" in words for words in errors)
    with pytest.raises(InputError, match="is over when"):
        approve(about, None, scheduled_at=evening(3))
    round_up = create_campaign(over.organisation, [item, over], newsletter=newsletter)
    found = {str(check.explanation): check.level for check in checks(round_up, evening(3))}
    assert found["“Julekoncert” is over when the mail is sent, and is left out."] == "warning"
    assert not any("Julekoncert" in str(check.explanation) for check in checks(round_up, timezone.now()))


def test_taken_back_it_is_whole_again(newsletter: Newsletter, item: Item, bo: User) -> None:
    over = concert(newsletter.organisation, Event(evening(1)), title="Foredrag")
    campaign = approved([item, over], evening(3), newsletter)
    prepared(campaign, evening(3))
    Campaign.objects.filter(pk=campaign.pk).update(scheduled_at=evening(3))
    campaign.refresh_from_db()
    to_draft(campaign, bo)
    assert not CompiledMail.objects.filter(message__campaign=campaign).exists()
    campaign.refresh_from_db()
    approve(campaign, bo, scheduled_at=timezone.now() + timedelta(minutes=20))
    assert "Foredrag" in prepared(campaign, timezone.now() + timedelta(minutes=20)).composed_html
