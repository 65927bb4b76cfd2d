"""“Aflyst” and “flyttet”: those who were told of an event, and only they, are offered a correction; never by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone, translation

from publisher.audience import rule
from publisher.audience.aims import Aim
from publisher.compose.drafts import aim_block, create_campaign
from publisher.compose.preflight import checks
from publisher.compose.renewing import take_new_words
from publisher.errors import Explanation, InputError
from publisher.models import (
    Account,
    Area,
    Campaign,
    Delivery,
    Item,
    Message,
    Newsletter,
    Notice,
    Organisation,
    Subscription,
    User,
)
from publisher.review import corrections
from publisher.review.approval import approve
from publisher.review.control import release
from publisher.review.corrections import prepare_corrections
from publisher.schedule import dispatch
from publisher.sources.contract import Event
from publisher.vocabulary import (
    CampaignStatus,
    DeliveryStatus,
    EventStatus,
    HoldReason,
    MessageStatus,
    NoticeKind,
    Outlet,
)
from tests.audience_factory import residents
from tests.events import concert, evening, say
from tests.items.by_hand import edit

pytestmark = pytest.mark.database

EVENT = Event(evening(5, 18), place="Kulturhuset", price="100 kr.", booking_url="https://billet.example.org/7")
OFF = replace(EVENT, status=EventStatus.CANCELLED)


@pytest.fixture(autouse=True)
def in_english(newsletter: Newsletter, practice_account: Account) -> Iterator[None]:
    """Staff, readers and followers read English here."""
    for rows in (Organisation.objects, Newsletter.objects, Account.objects):
        rows.update(language="en")
    with translation.override("en"):
        yield


@pytest.fixture
def julekoncert(secretariat: Organisation) -> Item:
    """A concert in five days."""
    return concert(secretariat, EVENT)


def send(campaign: Campaign, *outcomes: DeliveryStatus) -> None:
    """It goes out: each delivery of the mail, in the order of its subscriptions, gets its outcome; a post is there."""
    approve(campaign, None, scheduled_at=timezone.now())
    now = timezone.now() + timedelta(seconds=1)
    for message in campaign.messages.all():
        if message.outlet == Outlet.EMAIL:
            assert dispatch.prepare(message.pk, now)
        assert dispatch.start(message.pk, now)
        rows = list(Delivery.objects.filter(message=message).order_by("subscription_id"))
        for row, outcome in zip(rows, outcomes or [DeliveryStatus.SENT] * len(rows), strict=False):
            Delivery.objects.filter(pk=row.pk).update(status=outcome)
        Message.objects.filter(pk=message.pk).update(status=MessageStatus.FINISHED, finished_at=now)


def correct() -> Campaign | None:
    made = prepare_corrections(timezone.now())
    assert prepare_corrections(timezone.now()) == [], "once for each change"
    return Campaign.objects.get(pk=made[0]) if made else None


def mail_of(campaign: Campaign) -> Message:
    return Message.objects.get(campaign=campaign, outlet=Outlet.EMAIL)


def test_called_off_is_made_ready_for_those_who_got_it(
    newsletter: Newsletter, practice_account: Account, julekoncert: Item, bo: User
) -> None:
    people = residents(newsletter, 6)
    sent = create_campaign(julekoncert.organisation, [julekoncert], newsletter=newsletter, accounts=[practice_account])
    send(
        sent,
        *(DeliveryStatus.SENT, DeliveryStatus.UNCERTAIN, DeliveryStatus.FAILED, DeliveryStatus.SENT),
        *(DeliveryStatus.CANCELLED, DeliveryStatus.SENT),
    )
    Subscription.objects.filter(pk=people[3].pk).update(unsubscribed_at=timezone.now())
    residents(newsletter, 2, prefix="ny")
    say(julekoncert, OFF)
    campaign = correct()
    assert campaign is not None
    assert (campaign.status, campaign.title) == (CampaignStatus.IN_REVIEW, "Called off: Julekoncert")
    asked = [str(Explanation.from_json(row.explanation)) for row in Notice.objects.filter(kind=NoticeKind.REVIEW_READY)]
    assert asked == ["“Julekoncert” is called off: approve the correction?"]
    message = mail_of(campaign)
    assert [earlier.campaign for earlier in message.corrects.all()] == [sent]
    found = rule.forecast(message, timezone.now())
    assert found.recipients == 3, "sent to, or perhaps, and still subscribed"
    post = campaign.messages.get(outlet=Outlet.POST)
    assert post.account == practice_account and post.text.startswith("Called off: Julekoncert")
    assert [check for check in checks(campaign) if check.level == "error"] == []
    approve(campaign, bo, scheduled_at=timezone.now())
    now = timezone.now() + timedelta(seconds=1)
    assert dispatch.prepare(message.pk, now) and dispatch.start(message.pk, now)
    message.refresh_from_db()
    got = set(Delivery.objects.filter(message=message).values_list("subscription_id", flat=True))
    assert got == {people[0].pk, people[1].pk, people[5].pk}
    assert message.frozen_count == 3
    assert "Called off" in message.composed_text
    assert not any(words in message.composed_text for words in ("100 kr.", "billet.example.org", "to your calendar"))


def test_nothing_goes_out_by_itself(newsletter: Newsletter, julekoncert: Item) -> None:
    residents(newsletter, 2)
    send(create_campaign(julekoncert.organisation, [julekoncert], newsletter=newsletter))
    say(julekoncert, OFF)
    campaign = correct()
    assert campaign is not None
    assert {message.status for message in campaign.messages.all()} == {MessageStatus.DRAFT}
    assert not Delivery.objects.filter(message__campaign=campaign).exists()


def test_moved_says_from_when_to_when(newsletter: Newsletter, julekoncert: Item, bo: User) -> None:
    residents(newsletter, 1)
    send(create_campaign(julekoncert.organisation, [julekoncert], newsletter=newsletter))
    say(julekoncert, replace(EVENT, starts_at=evening(6, 18), place="Biblioteket"))
    campaign = correct()
    assert campaign is not None
    message = mail_of(campaign)
    lead = message.blocks.get().content["lead"]
    assert "Biblioteket" in lead and "Kulturhuset" in lead
    assert message.blocks.get().content["event"]["place"] == "Biblioteket"
    asked = Notice.objects.get(kind=NoticeKind.REVIEW_READY, user=bo)
    assert str(Explanation.from_json(asked.explanation)).startswith("“Julekoncert” has a new time or place")


def test_only_who_saw_the_story_is_told(
    newsletter: Newsletter, julekoncert: Item, item: Item, secretariat: Organisation
) -> None:
    people = residents(newsletter, 3)
    herlev, koge = (Area.objects.create(organisation=secretariat, name=name, slug=name) for name in ("Herlev", "Koge"))
    people[0].areas.add(herlev)
    people[1].areas.add(koge)
    sent = create_campaign(secretariat, [item, julekoncert], newsletter=newsletter)
    aim_block(mail_of(sent).blocks.get(item=julekoncert), Aim(frozenset({herlev.pk})))
    sent.refresh_from_db()
    send(sent)
    say(julekoncert, OFF)
    campaign = correct()
    assert campaign is not None
    message = mail_of(campaign)
    assert rule.forecast(message, timezone.now()).recipients == 2, "Herlev, and who chose nothing"


def test_two_mails_about_it_and_each_person_once(newsletter: Newsletter, julekoncert: Item, item: Item) -> None:
    residents(newsletter, 2)
    for items in ([julekoncert], [item, julekoncert]):
        send(create_campaign(julekoncert.organisation, items, newsletter=newsletter))
    say(julekoncert, OFF)
    campaign = correct()
    assert campaign is not None
    assert campaign.messages.count() == 1
    assert rule.forecast(mail_of(campaign), timezone.now()).recipients == 2


@pytest.mark.parametrize("told", [False, True])
def test_without_anybody_told_there_is_nothing_to_correct(
    newsletter: Newsletter, julekoncert: Item, told: bool
) -> None:
    campaign = create_campaign(julekoncert.organisation, [julekoncert], newsletter=newsletter)
    if told:
        approve(campaign, None, scheduled_at=timezone.now() + timedelta(hours=2))
    say(julekoncert, OFF)
    assert correct() is None
    julekoncert.refresh_from_db()
    assert julekoncert.event_changed_at is None


def test_what_is_over_is_not_corrected(newsletter: Newsletter, secretariat: Organisation) -> None:
    residents(newsletter, 1)
    weekly = concert(secretariat, Event(evening(-1)))
    send(create_campaign(secretariat, [weekly], newsletter=newsletter))
    say(weekly, Event(evening(6)))
    assert correct() is None, "a series went on to its next date"


def test_a_second_change_replaces_the_correction_that_waits(newsletter: Newsletter, julekoncert: Item) -> None:
    residents(newsletter, 1)
    send(create_campaign(julekoncert.organisation, [julekoncert], newsletter=newsletter))
    say(julekoncert, replace(EVENT, place="Biblioteket"))
    first = correct()
    say(julekoncert, OFF)
    second = correct()
    assert first is not None and second is not None
    first.refresh_from_db()
    assert first.status == CampaignStatus.CANCELLED
    assert second.title == "Called off: Julekoncert"
    say(julekoncert, EVENT)
    assert correct() is None, "it is again as everybody was told"
    second.refresh_from_db()
    assert second.status == CampaignStatus.CANCELLED


def test_after_the_correction_it_takes_place_after_all(newsletter: Newsletter, julekoncert: Item) -> None:
    residents(newsletter, 2)
    send(create_campaign(julekoncert.organisation, [julekoncert], newsletter=newsletter))
    say(julekoncert, OFF)
    off = correct()
    assert off is not None
    send(off)
    say(julekoncert, EVENT)
    again = correct()
    assert again is not None
    assert again.title == "Takes place after all: Julekoncert"
    assert rule.forecast(mail_of(again), timezone.now()).recipients == 2


def test_while_the_earlier_mail_is_on_its_way_the_correction_waits(newsletter: Newsletter, julekoncert: Item) -> None:
    residents(newsletter, 2)
    sent = create_campaign(julekoncert.organisation, [julekoncert], newsletter=newsletter)
    send(sent)
    sent.messages.update(status=MessageStatus.SENDING)
    say(julekoncert, OFF)
    campaign = correct()
    assert campaign is not None
    assert any("still on its way" in str(check.explanation) for check in checks(campaign) if check.level == "error")


def test_an_event_that_cannot_be_corrected_stops_no_other(
    newsletter: Newsletter, julekoncert: Item, bo: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    residents(newsletter, 1)
    other = concert(julekoncert.organisation, EVENT, title="Foredrag")
    for each in (julekoncert, other):
        send(create_campaign(each.organisation, [each], newsletter=newsletter))
        say(each, OFF)
    make = corrections.create_correction

    def fails(item: Item, told: object) -> Campaign:
        if item.pk == julekoncert.pk:
            raise RuntimeError
        return make(item, told)  # type: ignore[arg-type]

    monkeypatch.setattr(corrections, "create_correction", fails)
    (made,) = prepare_corrections(timezone.now())
    assert Campaign.objects.get(pk=made).title == "Called off: Foredrag"
    assert Notice.objects.filter(kind=NoticeKind.ALERT, user=bo, explanation__params__title="Julekoncert").exists()
    assert prepare_corrections(timezone.now()) == []


def test_a_mail_that_did_not_tell_of_it_gives_nobody(newsletter: Newsletter, julekoncert: Item, item: Item) -> None:
    residents(newsletter, 2)
    sent = create_campaign(item.organisation, [item], newsletter=newsletter)
    send(sent)
    message = mail_of(create_campaign(julekoncert.organisation, [julekoncert], newsletter=newsletter))
    message.corrects.set(sent.messages.all())
    assert rule.forecast(message, timezone.now()).matched == 0


# --- What waits while the event changes ---------------------------------------------------------------------------


@pytest.fixture
def waiting(newsletter: Newsletter, practice_account: Account, julekoncert: Item) -> Campaign:
    """A mail and a post about the concert, approved for in two hours."""
    residents(newsletter, 2)
    made = create_campaign(julekoncert.organisation, [julekoncert], newsletter=newsletter, accounts=[practice_account])
    approve(made, None, scheduled_at=timezone.now() + timedelta(hours=2))
    return made


def goes_out(campaign: Campaign) -> bool:
    """Its instant has come."""
    now = timezone.now()
    campaign.messages.update(scheduled_at=now)
    began = []
    for message in campaign.messages.all():
        assert message.outlet == Outlet.POST or dispatch.prepare(message.pk, now)
        began.append(dispatch.start(message.pk, now))
    assert len(set(began)) == 1
    return began[0]


@pytest.mark.parametrize("status", [EventStatus.CANCELLED, EventStatus.POSTPONED])
def test_called_off_what_waits_is_held_until_a_person_says_so(
    waiting: Campaign, julekoncert: Item, bo: User, status: EventStatus
) -> None:
    say(julekoncert, replace(EVENT, status=status))
    assert correct() is None, "nobody was told yet"
    assert dispatch.hold_withdrawn(timezone.now()) == 2
    for message in waiting.messages.all():
        assert (message.status, message.hold_reason) == (MessageStatus.HELD, HoldReason.EVENT_OFF)
        assert message.last_error["params"]["title"] == "Julekoncert"
        release(message, bo)
    assert dispatch.hold_withdrawn(timezone.now()) == 0
    assert goes_out(waiting)


def test_called_off_at_its_instant_it_does_not_go_out(waiting: Campaign, julekoncert: Item) -> None:
    say(julekoncert, OFF)
    assert not goes_out(waiting)
    assert set(waiting.messages.values_list("hold_reason", flat=True)) == {HoldReason.EVENT_OFF}


def test_called_off_before_approval_it_is_not_approved_with_the_old_words(
    newsletter: Newsletter, julekoncert: Item, bo: User
) -> None:
    draft = create_campaign(julekoncert.organisation, [julekoncert], newsletter=newsletter)
    say(julekoncert, OFF)
    with pytest.raises(InputError):
        approve(draft, bo, scheduled_at=timezone.now())
    assert [check.level for check in checks(draft) if check.message is None] == ["error"], "said once"
    take_new_words(draft.chosen.get())
    approve(draft, bo, scheduled_at=timezone.now())
    assert dispatch.hold_withdrawn(timezone.now()) == 0


def test_moved_what_waits_goes_out_and_is_corrected(waiting: Campaign, julekoncert: Item) -> None:
    say(julekoncert, replace(EVENT, starts_at=evening(6, 18)))
    assert correct() is None
    assert dispatch.hold_withdrawn(timezone.now()) == 0
    assert goes_out(waiting)
    campaign = correct()
    assert campaign is not None
    assert campaign.title == "Moved: Julekoncert"
    assert {message.outlet for message in campaign.messages.all()} == {Outlet.EMAIL, Outlet.POST}


def test_what_says_the_same_of_the_event_is_not_corrected(waiting: Campaign, julekoncert: Item) -> None:
    edit(julekoncert, lead="Koret synger igen.")
    assert goes_out(waiting)
    julekoncert.refresh_from_db()
    assert julekoncert.event_changed_at is None


def test_a_post_about_other_news_told_nobody(practice_account: Account, julekoncert: Item, item: Item) -> None:
    send(create_campaign(item.organisation, [item, julekoncert], accounts=[practice_account]))
    say(julekoncert, OFF)
    assert correct() is None
