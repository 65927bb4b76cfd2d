"""Subscribers: figures that add up, found by address, seen by the owner alone; adding, ending, erasing."""

from __future__ import annotations

import pytest
from django.utils import timezone

from publisher.audience.leave import suppress, unsubscribe
from publisher.audience.standing import figures
from publisher.audience.subscribe import SubscriberRow, subscribe, subscribe_many
from publisher.models import (
    Area,
    AuditEntry,
    Consent,
    Cooperation,
    Membership,
    Newsletter,
    Organisation,
    Subscriber,
    Subscription,
    Suppression,
    Topic,
    User,
)
from publisher.vocabulary import SuppressionReason
from tests.web.office import reader_in, signed_in, source_of, words

pytestmark = pytest.mark.database


@pytest.fixture
def readers(newsletter: Newsletter) -> Newsletter:
    """Ten people: six active, one unconfirmed, two blocked, one who left."""
    now = timezone.now()
    subscribe_many(newsletter, [SubscriberRow(f"laeser{n}@example.org", confirmed_at=now) for n in range(9)])
    subscribe_many(newsletter, [SubscriberRow("venter@example.org")])
    for n in (0, 1):
        suppress(newsletter.organisation, f"laeser{n}@example.org", SuppressionReason.BOUNCED)
    for n in (1, 2):
        # Blocked and gone: gone counts.
        unsubscribe(Subscription.objects.get(subscriber__address=f"laeser{n}@example.org").token, source="link")
    suppress(newsletter.organisation, "laeser3@example.org", SuppressionReason.COMPLAINED)
    return newsletter


def of(newsletter: Newsletter, path: str = "") -> str:
    return f"/subscribers/{newsletter.pk}{path}"


def test_everyone_stands_in_exactly_one_group(readers: Newsletter) -> None:
    counted = figures([readers])[readers.pk]
    assert (counted.active, counted.unconfirmed, counted.blocked, counted.unsubscribed) == (5, 1, 2, 2)
    assert counted.total == Subscription.objects.filter(newsletter=readers).count() == 10


@pytest.mark.parametrize(("language", "since"), [("en", "Mon"), ("da", "man")])
def test_the_list_shows_people_with_choices_and_since_when(
    anna: User, newsletter: Newsletter, language: str, since: str
) -> None:
    area = Area.objects.create(organisation=newsletter.organisation, name="Køge", slug="koege")
    topic = Topic.objects.create(organisation=newsletter.organisation, name="Musik", slug="musik")
    person = subscribe(newsletter, "ida@example.org", areas=[area], topics=[topic], source="link")
    Subscription.objects.filter(pk=person.pk).update(created_at="2025-11-24T11:00:00+01:00")
    page = signed_in(anna, language).get(of(newsletter))
    assert f'<html lang="{language}">' in source_of(page)
    assert "ida@example.org Køge · Musik" in words(page)
    assert since in words(page)


def test_each_group_has_its_tab(anna: User, readers: Newsletter) -> None:
    client = signed_in(anna)
    for group, number in (("active", 5), ("unconfirmed", 1), ("blocked", 2), ("unsubscribed", 2), ("nonsense", 10)):
        page = client.get(of(readers), {"standing": group})
        assert page.context["page"].paginator.count == number, group


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("laeser4", 1),
        ("LAESER", 9),
        ("laeser4@EXAMPLE.org ", 1),
        ("aeser", 0),
        ("%", 0),
        ("_aeser", 0),
        ("", 10),
    ],
)
def test_people_are_found_by_their_address_or_how_it_begins(
    anna: User, readers: Newsletter, text: str, found: int
) -> None:
    page = signed_in(anna).get(of(readers), {"q": text})
    assert page.context["page"].paginator.count == found


def test_an_address_is_found_however_its_domain_is_written(anna: User, newsletter: Newsletter) -> None:
    subscribe(newsletter, "ida@xn--kge-0na.example.org", source="link")
    page = signed_in(anna).get(of(newsletter), {"q": "ida@Køge.example.org"})
    assert page.context["page"].paginator.count == 1


def test_a_part_of_the_page_is_sent_while_one_types(anna: User, readers: Newsletter) -> None:
    part = signed_in(anna).get(of(readers), {"q": "venter"}, headers={"HX-Request": "true", "HX-Target": "people"})
    assert "venter@example.org" in words(part)
    assert "<html" not in source_of(part)


def test_the_list_asks_the_database_as_often_for_a_full_page_as_for_one_person(
    anna: User, newsletter: Newsletter, django_assert_num_queries
) -> None:
    area = Area.objects.create(organisation=newsletter.organisation, name="Køge", slug="koege")
    rows = [SubscriberRow(f"l{n}@example.org", areas=(area,), confirmed_at=timezone.now()) for n in range(60)]
    subscribe_many(newsletter, rows)
    client = signed_in(anna)
    with django_assert_num_queries(13):
        page = client.get(of(newsletter))
    assert len(page.context["page"].object_list) == 50
    assert len(client.get(of(newsletter), {"page": 2}).context["page"].object_list) == 10


def test_several_newsletters_are_listed_and_a_single_one_is_opened(anna: User, readers: Newsletter) -> None:
    client = signed_in(anna)
    assert client.get("/subscribers")["Location"] == of(readers)
    Newsletter.objects.create(organisation=readers.organisation, name="Ung", slug="ung")
    page = words(client.get("/subscribers"))
    assert "Kulturnyt 5 1 2 2" in page and "Ung 0 0 0 0" in page


def test_without_a_newsletter_the_page_says_what_to_do(olga: User, anna: User) -> None:
    assert "Make a newsletter" in words(signed_in(olga).get("/subscribers"))
    assert "Make a newsletter" not in words(signed_in(anna).get("/subscribers"))


def test_a_contributing_member_sees_numbers_only(
    sven: User, elsewhere: Organisation, cooperation: Cooperation, readers: Newsletter
) -> None:
    Membership.objects.create(cooperation=cooperation, organisation=elsewhere)
    client = signed_in(sven)
    page = words(client.get("/subscribers"))
    assert "Kulturnyt Only Kulturfællesskabet sees the addresses." in page
    assert "who chose" not in page, "it has no area of its own"
    assert client.get(of(readers)).status_code == 404
    mine = Area.objects.create(cooperation=cooperation, name="Svendborg", slug=elsewhere.slug)
    assert "fewer than 20 active who chose Svendborg" in words(client.get("/subscribers"))
    now = timezone.now()
    rows = [SubscriberRow(f"flere{n}@example.org", confirmed_at=now, areas=(mine,)) for n in range(30)]
    rows += [SubscriberRow(f"andre{n}@example.org", confirmed_at=now) for n in range(30)]
    rows += [SubscriberRow("ikke-endnu@example.org", areas=(mine,))]
    subscribe_many(readers, rows)
    page = words(client.get("/subscribers"))
    assert "30 active who chose Svendborg" in page and "example.org" not in page


def test_a_stranger_finds_no_page(sven: User, readers: Newsletter) -> None:
    client = signed_in(sven)
    person = Subscription.objects.filter(newsletter=readers).first()
    assert "Kulturnyt" not in words(client.get("/subscribers"))
    for path in ("", "/add", f"/{person.pk}", f"/{person.pk}/erase"):
        assert client.get(of(readers, path)).status_code == 404
    for path in ("/add", f"/{person.pk}/unsubscribe", f"/{person.pk}/erase"):
        assert client.post(of(readers, path)).status_code == 404
    assert Subscription.objects.get(pk=person.pk).unsubscribed_at == person.unsubscribed_at


def test_a_person_belongs_to_the_newsletter_in_the_address(anna: User, readers: Newsletter) -> None:
    other = Newsletter.objects.create(organisation=readers.organisation, name="Ung", slug="ung")
    person = Subscription.objects.filter(newsletter=readers).first()
    assert signed_in(anna).get(of(other, f"/{person.pk}")).status_code == 404


def test_a_reader_looks_and_changes_nothing(secretariat: Organisation, readers: Newsletter) -> None:
    client = signed_in(reader_in(secretariat))
    person = Subscription.objects.filter(newsletter=readers, unsubscribed_at=None).first()
    assert "Add a subscriber" not in words(client.get(of(readers)))
    page = client.get(of(readers, f"/{person.pk}"))
    assert "Evidence of consent" in words(page)
    assert "<form" not in source_of(page).partition('id="main"')[2]
    for path in ("/add", f"/{person.pk}/unsubscribe", f"/{person.pk}/erase"):
        assert client.post(of(readers, path)).status_code == 403


def test_adding_a_person_keeps_the_evidence(anna: User, newsletter: Newsletter) -> None:
    area = Area.objects.create(organisation=newsletter.organisation, name="Køge", slug="koege")
    given = {"address": " Ida@Example.ORG", "name": "Ida", "areas": [area.pk], "consent": "staff: paper"}
    client = signed_in(anna)
    refused = client.post(of(newsletter, "/add"), given)
    assert refused.status_code == 422
    assert "Without the person’s own yes" in words(refused)
    assert not Subscriber.objects.exists()
    page = words(client.post(of(newsletter, "/add"), given | {"declared": "on"}, follow=True))
    person = Subscription.objects.get()
    assert person.subscriber.address == "Ida@example.org"
    assert person.confirmed_at is not None
    assert list(person.areas.all()) == [area]
    assert Consent.objects.get().source == "staff: paper"
    assert "Said yes: on paper" in page
    entry = AuditEntry.objects.get(action="subscribed")
    assert entry.user == anna and "ida" not in str(entry.explanation).lower()


@pytest.mark.parametrize("address", ["ida", "ida@", "<ida@example.org>", "ida@example.org, bo@example.org", ""])
def test_what_is_no_address_is_refused_on_its_field(anna: User, newsletter: Newsletter, address: str) -> None:
    given = {"address": address, "consent": "staff: paper", "declared": "on"}
    response = signed_in(anna).post(of(newsletter, "/add"), given)
    assert response.status_code == 422
    assert list(response.context["form"].errors) == ["address"]


def test_a_neighbours_area_cannot_be_chosen(anna: User, newsletter: Newsletter, elsewhere: Organisation) -> None:
    Area.objects.create(organisation=newsletter.organisation, name="Køge", slug="koege")
    theirs = Area.objects.create(organisation=elsewhere, name="Svendborg", slug="svendborg")
    given = {"address": "ida@example.org", "areas": [theirs.pk], "consent": "staff: paper", "declared": "on"}
    response = signed_in(anna).post(of(newsletter, "/add"), given)
    assert response.status_code == 422
    assert "Svendborg" not in words(response)


def test_who_is_blocked_is_said_to_get_nothing(anna: User, readers: Newsletter) -> None:
    person = Subscription.objects.get(subscriber__address="laeser0@example.org")
    page = words(signed_in(anna).get(of(readers, f"/{person.pk}")))
    assert "Blocked since" in page and "Mail to this address came back." in page


def test_a_blocked_address_is_opened_again_by_a_named_colleague(anna: User, readers: Newsletter) -> None:
    person = Subscription.objects.get(subscriber__address="laeser0@example.org")
    rita = signed_in(reader_in(readers.organisation))
    assert "Re-enable address" not in words(rita.get(of(readers, f"/{person.pk}")))
    assert rita.post(of(readers, f"/{person.pk}/reopen")).status_code == 403
    page = words(signed_in(anna).post(of(readers, f"/{person.pk}/reopen"), follow=True))
    assert "The address gets mail again." in page and "Blocked since" not in page
    entry = AuditEntry.objects.get(action="reopened")
    assert (entry.user, entry.subject_id) == (anna, person.pk)


def test_ending_a_subscription_for_somebody(anna: User, readers: Newsletter) -> None:
    person = Subscription.objects.get(subscriber__address="laeser5@example.org")
    client = signed_in(anna)
    assert client.get(of(readers, f"/{person.pk}/unsubscribe")).status_code == 405
    page = words(client.post(of(readers, f"/{person.pk}/unsubscribe"), follow=True))
    person.refresh_from_db()
    assert person.unsubscribed_at is not None
    assert "Left: asked us to" in page


def test_erasing_asks_first_and_is_for_administrators(anna: User, olga: User, readers: Newsletter) -> None:
    person = Subscription.objects.get(subscriber__address="laeser3@example.org")
    address = of(readers, f"/{person.pk}/erase")
    assert signed_in(anna).post(address).status_code == 403
    client = signed_in(olga)
    assert "cannot be undone" in words(client.get(address))
    assert Subscriber.objects.filter(pk=person.subscriber_id).exists()
    page = words(client.post(address, follow=True))
    assert "The person is erased" in page and "laeser3" not in page
    assert not Subscriber.objects.filter(pk=person.subscriber_id).exists()
    assert Suppression.objects.count() == 3
    assert client.get(of(readers, f"/{person.pk}")).status_code == 404
