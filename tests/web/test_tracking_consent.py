"""The consent to being counted: asked for only where the newsletter does it, off until given, taken back as easily."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from publisher.audience.leave import unsubscribe
from publisher.audience.subscribe import subscribe
from publisher.audience.tracking import allow_tracking, tracking_words
from publisher.models import Consent, ConsentText, Delivery, Newsletter, Subscription, User
from publisher.vocabulary import ConsentPurpose, LinkCounting
from tests.audience_factory import mail
from tests.web.office import signed_in, words

pytestmark = pytest.mark.database


@pytest.fixture
def one_by_one(newsletter: Newsletter) -> Newsletter:
    newsletter.link_counting = LinkCounting.ONE_BY_ONE
    newsletter.save()
    return newsletter


@pytest.fixture
def subscription(newsletter: Newsletter) -> Subscription:
    return subscribe(newsletter, "anne@example.org", source="form", confirmed_at=timezone.now())


def since(subscription: Subscription) -> object:
    subscription.refresh_from_db()
    return subscription.tracking_consent_at


def press(url: str, choice: str) -> str:
    person = Client(enforce_csrf_checks=True)
    token = str(person.get(url).context["csrf_token"])
    response = person.post(url, {"csrfmiddlewaretoken": token, "choice": choice})
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize("counting", [LinkCounting.NONE, LinkCounting.TOGETHER])
def test_nobody_is_asked_where_nobody_is_told_apart(
    counting: LinkCounting, newsletter: Newsletter, subscription: Subscription
) -> None:
    Newsletter.objects.update(link_counting=counting)
    url = f"/u/{subscription.token}"
    assert b'value="count"' not in Client().get(url).content
    press(url, "count")
    assert since(subscription) is None and subscription.unsubscribed_at is None
    assert not Consent.objects.filter(source="tracking").exists()


def test_yes_and_no_are_one_press_each_with_their_evidence(one_by_one: Newsletter, subscription: Subscription) -> None:
    url = f"/u/{subscription.token}"
    page = Client().get(url).content.decode()
    asked = tracking_words(one_by_one, "da")
    assert asked in page and 'value="count"' in page and "checked" not in page
    assert since(subscription) is None, "looking is not saying yes"
    page = press(url, "count")
    assert 'value="no-count"' in page and 'role="status"' in page
    assert since(subscription) is not None and subscription.unsubscribed_at is None
    given = Consent.objects.get(source="tracking")
    assert given.given and given.text is not None
    assert (given.text.text, given.text.purpose) == (asked, ConsentPurpose.TRACKING)
    press(url, "count")
    assert Consent.objects.filter(source="tracking").count() == 1, "yes again is the same yes"
    delivery = Delivery.objects.create(
        message=mail(one_by_one),
        subscriber=subscription.subscriber,
        subscription=subscription,
        due_at=timezone.now(),
        clicked_at=timezone.now(),
    )
    page = press(url, "no-count")
    assert 'value="count"' in page
    assert since(subscription) is None and subscription.unsubscribed_at is None
    delivery.refresh_from_db()
    assert delivery.clicked_at is None, "what was noted is deleted"
    no = Consent.objects.get(source="tracking", given=False)
    assert no.text == given.text
    assert ConsentText.objects.filter(purpose=ConsentPurpose.TRACKING).count() == 1


def test_it_needs_the_pages_own_form(one_by_one: Newsletter, subscription: Subscription) -> None:
    response = Client(enforce_csrf_checks=True).post(f"/u/{subscription.token}", {"choice": "count"})
    assert response.status_code == 403
    assert since(subscription) is None


def test_it_is_asked_in_the_readers_language(one_by_one: Newsletter, subscription: Subscription) -> None:
    subscription.subscriber.language = "en"
    subscription.subscriber.save()
    page = Client().get(f"/u/{subscription.token}").content.decode()
    assert "May we note that you click?" in page
    press(f"/u/{subscription.token}", "count")
    assert Consent.objects.get(source="tracking").text.language == "en"


def test_leaving_ends_it_and_coming_back_does_not_bring_it(one_by_one: Newsletter, subscription: Subscription) -> None:
    ConsentText.objects.create(newsletter=one_by_one, language="da", text="Ja tak til Kulturnyt.")
    assert allow_tracking(subscription, "da")
    unsubscribe(subscription.token, source="link")
    assert since(subscription) is None
    assert not allow_tracking(subscription, "da"), "who has left cannot say yes"
    page = press(f"/u/{subscription.token}", "again")
    assert "Kulturnyt" in page
    assert since(subscription) is None and subscription.unsubscribed_at is None
    newest = Consent.objects.order_by("-pk")[0]
    assert newest.text is not None and newest.text.text == "Ja tak til Kulturnyt.", "not the words of the other consent"


def test_who_leaves_takes_the_yes_back_and_what_was_noted_goes(
    one_by_one: Newsletter, subscription: Subscription
) -> None:
    ben = subscribe(one_by_one, "ben@example.org", source="form", confirmed_at=timezone.now())
    message, clicked = mail(one_by_one), timezone.now()
    for each in (subscription, ben):
        assert allow_tracking(each, "da")
        Delivery.objects.create(
            message=message, subscriber=each.subscriber, subscription=each, due_at=clicked, clicked_at=clicked
        )
    left = unsubscribe(subscription.token, source="one-click")
    assert left is not None and left.tracking_consent_at is None and left.unsubscribed_at is not None
    assert since(subscription) is None and since(ben) is not None
    noted = Delivery.objects.filter(clicked_at__isnull=False)
    assert [each.subscriber for each in noted] == [ben.subscriber]
    said = Consent.objects.filter(subscription=subscription, given=False).order_by("source")
    assert [each.source for each in said] == ["one-click", "tracking"]
    words = said[1].text
    assert words is not None and words.purpose == ConsentPurpose.TRACKING
    unsubscribe(subscription.token, source="link")
    assert said.all().count() == 2


def test_who_never_said_yes_leaves_no_second_trace(one_by_one: Newsletter, subscription: Subscription) -> None:
    unsubscribe(subscription.token, source="link")
    assert list(Consent.objects.filter(given=False).values_list("source", flat=True)) == ["link"]


def test_staff_see_the_evidence(one_by_one: Newsletter, subscription: Subscription, anna: User) -> None:
    allow_tracking(subscription, "da")
    page = words(signed_in(anna).get(f"/subscribers/{one_by_one.pk}/{subscription.pk}"))
    assert "Said yes to being counted" in page
