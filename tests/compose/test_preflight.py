"""The checks before a send-out name what would go wrong, and only that."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.utils import timezone

from publisher.compose.compiled import compile_message
from publisher.compose.dates import written
from publisher.compose.drafts import create_campaign
from publisher.compose.preflight import checks
from publisher.errors import InputError
from publisher.models import (
    Account,
    Area,
    Block,
    Campaign,
    Cooperation,
    Item,
    Message,
    Newsletter,
    Organisation,
    Picture,
    PostPicture,
    Subscriber,
    Subscription,
    Suppression,
)
from publisher.vocabulary import BlockKind, Outlet
from tests.aimed import areas_of, story
from tests.audience_factory import residents

pytestmark = pytest.mark.database


@pytest.fixture(autouse=True)
def resident(newsletter: Newsletter) -> Subscriber:
    """One person who would receive it."""
    person = Subscriber.objects.create(
        organisation=newsletter.organisation, address="anna@example.org", address_key="k", domain="example.org"
    )
    Subscription.objects.create(newsletter=newsletter, subscriber=person, confirmed_at=timezone.now())
    return person


def findings(campaign: Campaign) -> list[tuple[str, str, str]]:
    """Level, outlet and English sentence of each finding."""
    return [
        (check.level, check.message.outlet if check.message else "", check.explanation.msgid)
        for check in checks(campaign)
    ]


def test_a_send_out_in_order_has_no_findings(campaign: Campaign) -> None:
    assert findings(campaign) == []


def set_block(**content: object) -> Callable[[Campaign], None]:
    """A change of the lead story's words."""

    def change(campaign: Campaign) -> None:
        block = Block.objects.get(message__campaign=campaign, kind=BlockKind.LEAD_STORY)
        block.content |= content
        block.save()

    return change


SHOTS = PostPicture.objects.all()
MAIL, POST = Message.objects.filter(outlet=Outlet.EMAIL), Message.objects.filter(outlet=Outlet.POST)
WRONG: dict[str, tuple[Callable[[Campaign], object], str, str, str]] = {
    "no subject": (lambda _c: MAIL.update(subject=" "), "error", "email", "no subject"),
    "long subject": (lambda _c: MAIL.update(subject="x" * 121), "warning", "email", "subject has"),
    "no blocks": (lambda _c: Block.objects.all().delete(), "error", "email", "newsletter is empty"),
    "no postal line": (lambda _c: Organisation.objects.update(postal_line=""), "error", "email", "no postal address"),
    "no reply address": (lambda _c: Newsletter.objects.update(reply_to=""), "error", "email", "no address for replies"),
    "no-reply": (lambda _c: Newsletter.objects.update(reply_to="no-reply@x.dk"), "error", "email", "nobody reads"),
    "ikke-svar": (lambda _c: Newsletter.objects.update(reply_to="ikkesvar@x.dk"), "error", "email", "nobody reads"),
    "wrong sender": (lambda _c: Newsletter.objects.update(sender_email="å@x.dk"), "error", "email", "can be used"),
    "no alt": (set_block(alt=" "), "error", "email", "no description"),
    "broken link": (set_block(link="ftp://x"), "error", "email", "not a web address"),
    "no headline": (set_block(title=""), "error", "email", "no headline"),
    "too deep": (set_block(html="<div>" * 100), "error", "email", "nested too deeply"),
    "too large": (set_block(html="<p>å</p>" * 15_000), "warning", "email", "large"),
    "wrong template": (lambda _c: Newsletter.objects.update(template="x"), "error", "email", "template is faulty"),
    "nobody": (lambda _c: Subscription.objects.update(confirmed_at=None), "warning", "email", "Nobody"),
    "consent": (lambda _c: Picture.objects.update(consent_until=date(2020, 1, 1)), "error", "email post", "consent"),
    "reconnect": (lambda _c: Account.objects.update(status="needs_reconnect"), "error", "post", "connected again"),
    "long text": (lambda _c: POST.update(text="x" * 501), "error", "post", "characters long"),
    "empty post": (lambda _c: (POST.update(text=""), SHOTS.delete()), "error", "post", "neither text nor picture"),
    "post link": (lambda _c: POST.update(link="mailto:x@y.dk"), "error", "post", "not a web address"),
    "post alt": (lambda _c: SHOTS.update(alt=""), "error", "post", "no description"),
    "long alt": (lambda _c: SHOTS.update(alt="x" * 1501), "error", "post", "description is"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_each_fault_is_named_with_its_level_where_it_is(campaign: Campaign, wrong: str) -> None:
    change, level, outlets, words = WRONG[wrong]
    change(campaign)
    found = findings(campaign)
    assert [(at, outlet) for at, outlet, _words in found] == [(level, outlet) for outlet in outlets.split()]
    assert all(words in sentence for _at, _outlet, sentence in found)


def test_a_send_out_without_messages_has_nothing_to_send(campaign: Campaign) -> None:
    Block.objects.all().delete()
    Message.objects.all().delete()
    assert [words for _level, _outlet, words in findings(campaign)] == [
        "There is nothing to send: choose a newsletter or a channel."
    ]


def test_errors_come_before_warnings(campaign: Campaign) -> None:
    Subscription.objects.all().delete()
    Account.objects.update(status="needs_reconnect")
    assert [level for level, _outlet, _words in findings(campaign)] == ["error", "warning"]


def test_blocked_addresses_are_nobody(campaign: Campaign, secretariat: Organisation) -> None:
    Suppression.objects.create(organisation=secretariat, address_key="k", reason="bounced")
    assert [level for level, _outlet, _words in findings(campaign)] == ["warning"]


def test_residents_who_chose_other_areas_are_nobody(
    campaign: Campaign, cooperation: Cooperation, item: Item, resident: Subscriber
) -> None:
    elsewhere = Area.objects.create(cooperation=cooperation, name="Dragør", slug="dragoer")
    here = Area.objects.create(cooperation=cooperation, name="Greve", slug="greve")
    for block in Block.objects.all():
        block.areas.add(here)
    resident.subscriptions.get().areas.add(elsewhere)
    assert [words[:7] for _level, _outlet, words in findings(campaign)] == ["Nobody "]


def test_an_aim_that_nobody_chose_and_those_without_any_story_are_said(
    campaign: Campaign, newsletter: Newsletter, resident: Subscriber, item: Item
) -> None:
    here, there, nowhere = areas_of(newsletter, ["Her", "Der", "Intetsteds"])
    lead, second = Block.objects.order_by("position")
    lead.areas.add(here)
    second.areas.add(nowhere)
    resident.subscriptions.get().areas.add(here)
    for person in residents(newsletter, 2):
        person.areas.add(there)
    found = checks(campaign)
    assert [check.level for check in found] == ["warning", "warning"]
    assert [check.explanation.params for check in found] == [{"title": item.title}, {"number": "2"}]
    assert not [check for check in found if check.explanation.msgid.startswith("Nobody would receive")]


def test_more_aims_than_a_delivery_can_tell_apart_are_refused(campaign: Campaign, newsletter: Newsletter) -> None:
    message = Message.objects.get(campaign=campaign, outlet=Outlet.EMAIL)
    areas = areas_of(newsletter, [f"Sted {n}" for n in range(61)])
    for area in areas[:60]:
        story(message, area.name, [area])
    assert "error" not in [check.level for check in checks(campaign)]
    story(message, "En til", areas[60:])
    error = checks(campaign)[0]
    assert (error.level, error.explanation.params) == ("error", {"number": "61", "limit": "60"})
    with pytest.raises(InputError):
        compile_message(message)


def test_consent_counts_on_the_day_it_goes_out(campaign: Campaign) -> None:
    today = timezone.localdate()
    Picture.objects.update(consent_until=today)
    assert findings(campaign) == []
    MAIL.update(scheduled_at=timezone.now() + timedelta(days=2))
    assert [outlet for _level, outlet, _words in findings(campaign)] == ["email"]


def test_consent_must_last_until_the_planned_day(campaign: Campaign) -> None:
    tomorrow = timezone.localdate() + timedelta(days=1)
    Picture.objects.update(consent_until=tomorrow, consent_by="Åse og Bo")
    assert findings(campaign) == []
    Campaign.objects.update(scheduled_at=timezone.now() + timedelta(days=2))
    campaign.refresh_from_db()
    found = findings(campaign)
    assert [(level, outlet) for level, outlet, _words in found] == [("error", "email"), ("error", "post")]
    assert "Choose another picture, or renew" in found[0][2]
    said = checks(campaign)[0].explanation.params
    assert (said["who"], said["day"]) == ("Åse og Bo", written(tomorrow, "day_long", timezone.localdate().year))
    assert [check for check in checks(campaign, timezone.now() + timedelta(hours=1)) if check.level == "error"] == []


def test_a_withdrawn_consent_stops_it(campaign: Campaign) -> None:
    Picture.objects.update(withdrawn_at=timezone.now())
    assert [(level, outlet) for level, outlet, _words in findings(campaign)] == [("error", "email"), ("error", "post")]
    assert all("was withdrawn" in words for _level, _outlet, words in findings(campaign))


def test_findings_are_sentences_with_their_values(campaign: Campaign) -> None:
    POST.update(text="x" * 777)
    (found,) = checks(campaign)
    assert "777" in str(found.explanation) and "500" in str(found.explanation)


def test_a_post_alone_needs_no_newsletter(secretariat: Organisation, practice_account: Account, item: Item) -> None:
    assert checks(create_campaign(secretariat, [item], accounts=[practice_account])) == []
