"""Signing up: once, with evidence, one at a time or many at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from publisher.audience.addresses import address_key
from publisher.audience.leave import suppress, unsubscribe
from publisher.audience.subscribe import BATCH, SubscriberRow, subscribe, subscribe_many
from publisher.errors import InputError
from publisher.models import Area, Consent, ConsentText, Cooperation, Newsletter, Subscriber, Subscription, Topic

pytestmark = pytest.mark.database


@pytest.fixture
def koege(cooperation: Cooperation) -> Area:
    """An area of the cooperation."""
    return Area.objects.create(cooperation=cooperation, name="Køge", slug="koege")


@pytest.fixture
def music(cooperation: Cooperation) -> Topic:
    """A topic of the cooperation."""
    return Topic.objects.create(cooperation=cooperation, name="Musik", slug="musik")


@pytest.fixture
def consent_text(newsletter: Newsletter) -> ConsentText:
    """What people agree to now; an older text and an English one are there too."""
    ConsentText.objects.create(newsletter=newsletter, language="da", text="Gammel tekst")
    text = ConsentText.objects.create(newsletter=newsletter, language="da", text="Ja tak til Kulturnyt")
    ConsentText.objects.create(newsletter=newsletter, language="en", text="Yes please")
    return text


def test_a_sign_up_is_kept_with_its_evidence(
    newsletter: Newsletter, koege: Area, music: Topic, consent_text: ConsentText
) -> None:
    now = timezone.now()
    subscription = subscribe(
        newsletter, "Anna@Example.ORG", name="Anna", areas=[koege], topics=[music], source="form", confirmed_at=now
    )
    person = subscription.subscriber
    assert (person.address, person.domain, person.name) == ("Anna@example.org", "example.org", "Anna")
    assert person.address_key == address_key("anna@example.org")
    assert (subscription.confirmed_at, subscription.unsubscribed_at) == (now, None)
    assert (list(subscription.areas.all()), list(subscription.topics.all())) == ([koege], [music])
    consent = Consent.objects.get()
    assert (consent.text, consent.source, consent.given) == (consent_text, "form", True)


def test_signing_up_again_changes_nothing(newsletter: Newsletter, koege: Area) -> None:
    now = timezone.now()
    first = subscribe(newsletter, "anna@example.org", name="Anna", areas=[koege], source="form", confirmed_at=now)
    later = now + timedelta(days=1)
    again = subscribe(newsletter, "ANNA@example.org", source="form", confirmed_at=later)
    assert again == first
    assert (again.confirmed_at, again.subscriber.name, list(again.areas.all())) == (now, "Anna", [koege])
    assert (Subscriber.objects.count(), Consent.objects.count()) == (1, 1)


def test_a_confirmation_is_evidence_of_its_own(newsletter: Newsletter) -> None:
    waiting = subscribe(newsletter, "anna@example.org", source="form")
    assert waiting.confirmed_at is None
    now = timezone.now()
    assert subscribe(newsletter, "anna@example.org", source="confirmation", confirmed_at=now).confirmed_at == now
    assert list(Consent.objects.order_by("pk").values_list("source", flat=True)) == ["form", "confirmation"]


def test_coming_back_is_a_new_consent(newsletter: Newsletter) -> None:
    first = subscribe(newsletter, "anna@example.org", source="form", confirmed_at=timezone.now())
    unsubscribe(first.token, source="link")
    again = subscribe(newsletter, "anna@example.org", source="form", confirmed_at=timezone.now())
    assert (again.pk, again.unsubscribed_at, again.token) == (first.pk, None, first.token)
    assert list(Consent.objects.order_by("pk").values_list("given", flat=True)) == [True, False, True]


def test_nobody_is_brought_back_by_others(newsletter: Newsletter) -> None:
    first = subscribe(newsletter, "anna@example.org", source="form", confirmed_at=timezone.now())
    unsubscribe(first.token, source="link")
    assert subscribe(newsletter, "anna@example.org", source="form").confirmed_at is None


def test_choices_are_replaced_when_new_ones_are_made(newsletter: Newsletter, koege: Area, music: Topic) -> None:
    subscribe(newsletter, "anna@example.org", areas=[koege], source="form")
    again = subscribe(newsletter, "anna@example.org", topics=[music], source="form")
    assert (list(again.areas.all()), list(again.topics.all())) == ([koege], [music])


def test_a_wrong_address_leaves_nothing(newsletter: Newsletter) -> None:
    with pytest.raises(InputError):
        subscribe(newsletter, "åse@example.org", source="form")
    assert not Subscriber.objects.exists()


def test_many_at_once(newsletter: Newsletter, koege: Area, music: Topic, consent_text: ConsentText) -> None:
    now = timezone.now()
    rows = [
        SubscriberRow(
            f"beboer{n}@Example.org",
            f"Beboer {n}",
            areas=(koege,) if n % 2 else (),
            topics=(music, music),
            confirmed_at=now,
        )
        for n in range(BATCH + 20)
    ]
    assert subscribe_many(newsletter, iter(rows)) == BATCH + 20
    assert subscribe_many(newsletter, rows) == 0
    assert Subscriber.objects.count() == Subscription.objects.count() == Consent.objects.count() == BATCH + 20
    assert set(Consent.objects.values_list("text", "source")) == {(consent_text.pk, "import")}
    odd = Subscription.objects.get(subscriber__address="beboer1@example.org")
    assert (list(odd.areas.all()), list(odd.topics.all()), odd.confirmed_at) == ([koege], [music], now)
    assert Subscription.objects.filter(areas=koege).count() == (BATCH + 20) // 2
    assert Subscription.objects.values("token").distinct().count() == BATCH + 20


def test_a_list_brings_nobody_back_and_counts_nobody_twice(newsletter: Newsletter) -> None:
    left = subscribe(newsletter, "anna@example.org", name="Anna", source="form", confirmed_at=timezone.now())
    unsubscribe(left.token, source="link")
    rows = [SubscriberRow(address, "x") for address in ("ANNA@example.org", "bo@example.org", "Bo@example.org")]
    assert subscribe_many(newsletter, rows) == 1
    left.refresh_from_db()
    assert left.unsubscribed_at is not None
    assert Subscriber.objects.get(address="anna@example.org").name == "Anna"


def test_a_second_newsletter_shares_the_person(newsletter: Newsletter) -> None:
    other = Newsletter.objects.create(
        organisation=newsletter.organisation, name="Børnenyt", slug="boernenyt", sender_name="x",
        sender_email="nyt@kultur.example.org", reply_to="nyt@kultur.example.org",
    )  # fmt: skip
    subscribe(newsletter, "anna@example.org", source="form")
    subscribe_many(other, [SubscriberRow("anna@example.org")])
    assert (Subscriber.objects.count(), Subscription.objects.count()) == (1, 2)


def test_a_blocked_address_stays_blocked(newsletter: Newsletter) -> None:
    suppress(newsletter.organisation, "anna@example.org", "complained")
    subscribe(newsletter, "anna@example.org", source="form", confirmed_at=timezone.now())
    assert newsletter.organisation.suppressions.count() == 1
