"""News sources: looked at before they are kept, read again on request, paused, their back catalogue taken into use."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest
import time_machine
from django.utils import timezone

from publisher.items.collect import collect_source, due_sources
from publisher.items.first_look import look_around
from publisher.models import AuditEntry, Item, Newsletter, Organisation, Rule, Sighting, Source, User
from publisher.vocabulary import ItemState, SourceStatus
from tests.items.website import FEED, HOST, Story, website
from tests.web.office import reader_in, signed_in, source_of, words

pytestmark = pytest.mark.database

ADD = "/settings/sources/add"


def test_one_sees_what_is_there_before_anything_is_saved(anna: User) -> None:
    stories = [Story(f"Nyhed {n}", f"{HOST}/{n}", lead="Kom & hør") for n in range(12)]
    with website(*stories, Story("<b>Sidste</b>", picture=f"{HOST}/a.jpg")):
        page = signed_in(anna).post(ADD, {"url": FEED})
    assert page.status_code == 200
    assert "13 news items." in words(page)
    assert "Kom & hør" in words(page)
    assert 'value="Nyheder"' in source_of(page), "the feed's own title is suggested as name"
    assert source_of(page).count('<span class="title">') == 8
    assert not Source.objects.exists() and not Item.objects.exists()


def test_what_a_feed_has_too_much_of_is_said_before_it_is_kept_and_on_its_page(anna: User) -> None:
    items = "".join(f"<item><guid>{n}</guid><title>Nyhed {n}</title></item>" for n in range(507))
    said = "it takes the 500 newest, 7 older items are left out"
    with website() as site:
        site.put(FEED, f'<rss version="2.0"><channel>{items}</channel></rss>'.encode(), "application/rss+xml")
        client = signed_in(anna)
        assert said in words(client.post(ADD, {"url": FEED}))
        client.post(ADD, {"url": FEED, "name": "Nyheder"})
        source = Source.objects.get()
        Source.objects.update(state=look_around("feed", {"url": FEED}).poll.state)
    page = client.get(f"/settings/sources/{source.pk}")
    assert said in words(page) and "Damaged" not in words(page)


CONCERT = """BEGIN:VCALENDAR
BEGIN:VEVENT
UID:jul@kirken
SUMMARY:Julekoncert
DTSTART;TZID=Europe/Copenhagen:20261205T190000
LOCATION:Sankt Nikolai & co
END:VEVENT
END:VCALENDAR""".replace("\n", "\r\n").encode()


def test_an_event_without_a_date_of_its_own_is_shown_by_its_day(anna: User, secretariat: Organisation) -> None:
    """Before the calendar is kept, and later in its back catalogue."""
    at = f"{HOST}/kalender.ics"
    with website() as site, time_machine.travel(datetime(2026, 11, 26, 8, tzinfo=UTC)):
        site.put(at, CONCERT, "text/calendar")
        client = signed_in(anna)
        page = words(client.post(f"{ADD}/ical", {"url": at}))
        assert "Begins: Sat 5 Dec 19:00 · Sankt Nikolai & co" in page and "without a date" not in page
        client.post(f"{ADD}/ical", {"url": at, "name": "Kirken"})
        source = Source.objects.get()
        collect_source(source.pk)
        page = words(client.get(f"/settings/sources/{source.pk}")).partition("Back catalogue")[2]
        Item.objects.update(event_starts_at=None)
        undated = words(client.get(f"/settings/sources/{source.pk}"))
    assert "Julekoncert Begins: Sat 5 Dec" in page and "Julekoncert without a date" in undated


def test_it_is_kept_under_a_name_and_read_by_the_workers(anna: User, secretariat: Organisation) -> None:
    with website(Story("Koncert", f"{HOST}/1")):
        client = signed_in(anna)
        page = client.post(ADD, {"url": FEED, "name": "Kulturnyheder"}, follow=True)
        source = Source.objects.get(organisation=secretariat)
        assert (source.name, source.config) == ("Kulturnyheder", {"url": FEED})
        assert "is added and is being read" in words(page)
        assert AuditEntry.objects.get(action="source_added").user == anna
        assert due_sources(timezone.now()) == [source.pk]
        collect_source(source.pk)
    assert Item.objects.get().state == ItemState.SEEN
    source.refresh_from_db()
    assert source.name == "Kulturnyheder"


def test_the_same_feed_again_is_the_source_that_is_there(anna: User, source: Source) -> None:
    with website(Story("Koncert", f"{HOST}/1")):
        page = signed_in(anna).post(ADD, {"url": f"{FEED}?utm_source=x#top", "name": "Igen"}, follow=True)
    assert "You have this source already: “Nyheder”." in words(page)
    assert Source.objects.get().name == "Nyheder"


def test_without_a_name_it_is_shown_once_more(anna: User) -> None:
    with website(Story("Koncert", f"{HOST}/1")):
        page = signed_in(anna).post(ADD, {"url": FEED, "name": " "})
    assert page.status_code == 422
    assert "Koncert" in words(page)
    assert not Source.objects.exists()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "This field is required"),
        (f"{HOST}/nowhere.xml", "There is no feed at this address"),
        ("file:///etc/passwd", "address"),
        ("http://127.0.0.1:1/feed", "address"),
        (f"{HOST}/picture", "neither RSS, Atom nor JSON Feed"),
    ],
)
def test_what_cannot_be_read_is_said_in_words(anna: User, url: str, says: str) -> None:
    with website() as site:
        site.put(f"{HOST}/picture", b"\xff\xd8\xff\xe0 not a feed")
        response = signed_in(anna).post(ADD, {"url": url})
    assert response.status_code == 422
    assert says in words(response)
    assert not Source.objects.exists()


def page_naming(*feeds: tuple[str, str]) -> httpx.Response:
    links = "".join(
        f'<link rel="alternate" type="application/rss+xml" href="{url}" title="{title}">' for url, title in feeds
    )
    return httpx.Response(200, html=f"<!doctype html><html><head>{links}</head></html>")


def test_the_one_feed_of_a_web_page_is_looked_at_at_once(anna: User, secretariat: Organisation) -> None:
    with website(Story("Koncert", f"{HOST}/1")) as site:
        site.pages[HOST + "/"] = page_naming((FEED, "Nyheder"))
        client = signed_in(anna)
        page = client.post(ADD, {"url": HOST + "/"})
        assert "Opslag found its feed: " + FEED in words(page) and "Koncert" in words(page)
        assert f'name="url" value="{FEED}"' in source_of(page)
        assert not Source.objects.exists()
        client.post(ADD, {"url": FEED, "name": "Nyheder"})
    assert Source.objects.get(organisation=secretariat).config == {"url": FEED}


def test_of_several_feeds_one_is_chosen_with_one_click(anna: User) -> None:
    with website(Story("Koncert", f"{HOST}/1")) as site:
        site.pages[HOST + "/"] = page_naming((FEED, "Nyheder &amp; mere"), (f"{HOST}/job.xml", "Ledige stillinger"))
        client = signed_in(anna)
        page = client.post(ADD, {"url": HOST + "/"})
        assert "Ledige stillinger" in words(page) and "Nyheder &amp; mere" in source_of(page)
        assert f'<input type="hidden" name="url" value="{FEED}">' in source_of(page)
        assert f'value="{HOST}/"' in source_of(page), "what was typed is still there"
        assert "Koncert" in words(client.post(ADD, {"url": FEED}))


def test_a_page_without_any_feed_says_so(anna: User) -> None:
    with website() as site:
        del site.pages[FEED]
        site.pages[HOST + "/"] = page_naming()
        page = signed_in(anna).post(ADD, {"url": HOST + "/"})
    assert page.status_code == 422
    assert "This address is a web page, not a feed." in words(page)


def test_a_name_without_https_will_do(anna: User) -> None:
    with website(Story("Koncert", f"{HOST}/1")) as site:
        site.pages[HOST] = site.pages[HOST + "/"] = page_naming((FEED, ""))
        page = signed_in(anna).post(ADD, {"url": "kultur.example.org"})
    assert "Koncert" in words(page) and FEED in words(page)


def test_where_a_source_has_moved_to_is_shown(anna: User, source: Source) -> None:
    moved = f"{HOST}/ny.xml"
    with website(Story("Koncert", f"{HOST}/1")) as site:
        site.pages[moved] = site.pages[FEED]
        site.pages[FEED] = httpx.Response(301, headers={"location": moved})
        for _ in range(3):
            collect_source(source.pk)
    client = signed_in(anna)
    for at in (f"/settings/sources/{source.pk}", f"/settings/sources/{source.pk}/health"):
        page = words(client.get(at))
        assert FEED in page and moved in page and "moved there for good" in page


def test_an_unknown_kind_has_no_page(anna: User) -> None:
    assert signed_in(anna).get(f"{ADD}/telepathy").status_code == 404
    assert signed_in(anna).get(f"{ADD}/feed").status_code == 200


@pytest.mark.parametrize(("language", "day"), [("en", "Tue"), ("da", "tir.")])
def test_the_list_says_how_each_source_is(anna: User, source: Source, language: str, day: str) -> None:
    Source.objects.filter(pk=source.pk).update(
        last_polled_at="2026-11-24T08:00:00+01:00",
        next_poll_at=timezone.now() + timedelta(hours=1),
        last_error={"msgid": "The website has a fault of its own (%(status)s).", "params": {"status": "502"}},
    )
    page = signed_in(anna, language).get("/settings/sources")
    assert f'<html lang="{language}">' in source_of(page)
    assert "502" in words(page) and FEED in words(page)
    assert day in words(page)


def test_one_that_was_read_but_is_damaged_says_so(anna: User, source: Source) -> None:
    why = {"msgid": "The feed is damaged or breaks off.", "params": {}}
    Source.objects.filter(pk=source.pk).update(last_error=why)
    page = words(signed_in(anna).get(f"/settings/sources/{source.pk}"))
    assert "Status Damaged" in page and "The feed is damaged or breaks off." in page
    assert "Asks us to wait" not in page and "Last look failed" not in page


def test_one_that_asks_us_to_wait_is_no_failure(anna: User, source: Source) -> None:
    why = {"msgid": "The website asks us to come back later (%(status)s).", "params": {"status": "503"}}
    Source.objects.filter(pk=source.pk).update(last_error=why, failures=1)
    for address in ("/settings/sources", f"/settings/sources/{source.pk}"):
        page = words(signed_in(anna).get(address))
        assert "Asks us to wait" in page and "come back later (503)" in page and "Last look failed" not in page
    assert "1 source, all is well." in words(signed_in(anna).get("/settings/sources"))
    Source.objects.filter(pk=source.pk).update(failing_since=timezone.now())
    page = words(signed_in(anna).get("/settings/sources"))
    assert "1 source could not be read." in page and "Last look failed" in page


def test_the_list_asks_the_database_as_often_for_many_sources(
    anna: User, secretariat: Organisation, django_assert_num_queries
) -> None:
    for number in range(6):
        Source.objects.create(organisation=secretariat, kind="feed", name=f"Kilde {number}")
    client = signed_in(anna)
    with django_assert_num_queries(8):
        client.get("/settings/sources")


@pytest.mark.parametrize(
    ("minutes", "language", "says"),
    [(1, "en", "About every minute"), (15, "en", "About every 15 minutes"), (120, "en", "About every 2 hours"),
     (60 * 24 * 2, "en", "About every 2 days")],
)  # fmt: skip
def test_a_source_says_how_often_it_is_looked_at_and_since_when_it_fails(
    anna: User, source: Source, minutes: int, language: str, says: str
) -> None:
    now = timezone.now()
    Source.objects.update(
        last_polled_at=now, next_poll_at=now + timedelta(minutes=minutes), failing_since=now - timedelta(hours=3)
    )
    page = words(signed_in(anna, language).get(f"/settings/sources/{source.pk}"))
    assert says in page and "Failing since" in page
    assert "failing since" in words(signed_in(anna, language).get("/settings/sources"))


def test_read_it_now_leaves_the_work_to_the_workers_and_the_page_waits_for_them(anna: User, source: Source) -> None:
    Source.objects.filter(pk=source.pk).update(next_poll_at=timezone.now() + timedelta(hours=1))
    assert due_sources(timezone.now()) == []
    client = signed_in(anna)
    at = f"/settings/sources/{source.pk}"
    assert "hx-trigger" not in source_of(client.get(at + "/health"))
    page = client.post(at + "/poll", follow=True)
    assert due_sources(timezone.now()) == [source.pk]
    assert 'hx-trigger="every 2s"' in source_of(page)
    with website(Story("Koncert", f"{HOST}/1")):
        collect_source(source.pk)
    part = client.get(at + "/health")
    assert "<html" not in source_of(part) and "hx-trigger" not in source_of(part)


def test_pausing_and_starting_again(anna: User, source: Source) -> None:
    client = signed_in(anna)
    at = f"/settings/sources/{source.pk}"
    assert "is paused" in words(client.post(at + "/pause", follow=True))
    source.refresh_from_db()
    assert source.status == SourceStatus.PAUSED
    assert due_sources(timezone.now()) == []
    assert client.post(at + "/poll").status_code == 404
    Source.objects.filter(pk=source.pk).update(status=SourceStatus.BROKEN, failures=20, strikes=3)
    assert "Start again" in words(client.get(at))
    client.post(at + "/resume")
    source.refresh_from_db()
    assert (source.status, source.failures, source.strikes) == (SourceStatus.ACTIVE, 0, 0)


def test_the_back_catalogue_is_taken_into_use_when_somebody_asks(anna: User, source: Source) -> None:
    with website(*[Story(f"Nyhed {n}", f"{HOST}/{n}") for n in range(9)]):
        collect_source(source.pk)
    other = Item.objects.create(organisation=source.organisation, title="Fra en anden kilde", state=ItemState.SEEN)
    client = signed_in(anna)
    page = client.get(f"/settings/sources/{source.pk}")
    assert "9 items lay there" in words(page) and "Take all 9 into use" in words(page)
    page = client.post(f"/settings/sources/{source.pk}/take", follow=True)
    assert "9 older items are in use now." in words(page)
    assert Item.objects.filter(state=ItemState.NEW).count() == 9
    other.refresh_from_db()
    assert other.state == ItemState.SEEN
    assert "Back catalogue" not in words(page)


def test_another_name(anna: User, source: Source) -> None:
    client = signed_in(anna)
    at = f"/settings/sources/{source.pk}/name"
    assert client.post(at, {"name": ""}).status_code == 422
    client.post(at, {"name": "Hjemmesiden"})
    source.refresh_from_db()
    assert source.name == "Hjemmesiden"


NEW = f"{HOST}/nyt.xml"


def test_another_address_is_looked_at_before_it_is_kept(anna: User, source: Source) -> None:
    client = signed_in(anna)
    at = f"/settings/sources/{source.pk}/address"
    assert f'value="{FEED}"' in source_of(client.get(at))
    with website(Story("Koncert", f"{HOST}/1")) as site:
        refused = client.post(at, {"url": NEW})
        assert refused.status_code == 422 and "There is no feed at this address" in words(refused)
        source.refresh_from_db()
        assert source.config == {"url": FEED}
        site.show(Story("Koncert", f"{HOST}/1"), url=NEW)
        Source.objects.filter(pk=source.pk).update(status=SourceStatus.PAUSED, last_error={"msgid": "gone"})
        assert "is read from its new address now" in words(client.post(at, {"url": NEW}, follow=True))
    source.refresh_from_db()
    assert (source.config, source.status, source.last_error) == ({"url": NEW}, SourceStatus.ACTIVE, {})
    assert due_sources(timezone.now()) == [source.pk]
    assert AuditEntry.objects.get(action="source_moved").user == anna


def test_an_address_that_another_source_has_is_refused(anna: User, source: Source) -> None:
    other = Source.objects.create(organisation=source.organisation, kind="feed", name="Anden", config={"url": NEW})
    with website(Story("Koncert", f"{HOST}/1")):
        page = signed_in(anna).post(f"/settings/sources/{other.pk}/address", {"url": FEED})
    assert page.status_code == 422
    assert "You have this source already: “Nyheder”." in words(page)
    assert not AuditEntry.objects.exists()


def test_a_source_is_removed_after_its_rules_were_shown(anna: User, source: Source, newsletter: Newsletter) -> None:
    with website(Story("Koncert", f"{HOST}/1"), Story("Kor", f"{HOST}/2")):
        collect_source(source.pk)
    rule = Rule.objects.create(organisation=source.organisation, name="Alt nyt", newsletter=newsletter)
    rule.sources.add(source)
    client = signed_in(anna)
    at = f"/settings/sources/{source.pk}"
    assert f'href="{at}/remove"' in source_of(client.get(at))
    page = words(client.get(at + "/remove"))
    assert "The 2 news items that came from it stay" in page
    assert "“Alt nyt” has no other source and is switched off" in page
    assert Source.objects.exists(), "asking changes nothing"
    page = words(client.post(at + "/remove", follow=True))
    assert "What came from it is still here." in page
    assert not Source.objects.exists()
    assert Item.objects.count() == 2
    rule.refresh_from_db()
    assert not rule.active
    assert sorted(AuditEntry.objects.values_list("action", "user__name")) == [
        ("rule_off", "Anna"),
        ("source_removed", "Anna"),
    ]
    assert "its only source “Nyheder” was removed" in words(client.get(f"/settings/rules/{rule.pk}"))


def test_who_may_do_what(sven: User, secretariat: Organisation, source: Source) -> None:
    Item.objects.create(organisation=secretariat, title="Gammel", state=ItemState.SEEN)
    Sighting.objects.create(source=source, item=Item.objects.get(), external_key="1")
    reader, stranger = signed_in(reader_in(secretariat)), signed_in(sven)
    at = f"/settings/sources/{source.pk}"
    assert reader.get(at).status_code == 200
    assert "<form" not in source_of(reader.get(at)).partition('id="main"')[2]
    assert reader.get(ADD).status_code == 403
    assert reader.post(ADD, {"url": FEED, "name": "x"}).status_code == 403
    assert "Nyheder" not in words(stranger.get("/settings/sources"))
    for path in ("", "/health", "/address", "/remove"):
        assert stranger.get(at + path).status_code == 404
    for path in ("/name", "/poll", "/pause", "/resume", "/take", "/address", "/remove"):
        assert reader.post(at + path, {"name": "x"}).status_code == 403
        assert stranger.post(at + path, {"name": "x"}).status_code == 404
    source.refresh_from_db()
    assert (source.name, source.status) == ("Nyheder", SourceStatus.ACTIVE)
    assert Item.objects.get().state == ItemState.SEEN
