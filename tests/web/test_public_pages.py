"""The practice channel's timeline, and the pages that residents are owed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from publisher.compose.links import news_url
from publisher.models import Item, Organisation, PracticeChannel, PracticePicture, PracticePost

pytestmark = pytest.mark.database
PATH = "/practice/proeve/"


@pytest.fixture
def channel(secretariat: Organisation) -> PracticeChannel:
    return PracticeChannel.objects.create(organisation=secretariat, slug="proeve", name="Prøvekanal")


def a_post(channel: PracticeChannel, text: str, *, minutes: int = 0, **more: object) -> PracticePost:
    planned = datetime(2026, 11, 26, 7, 0, tzinfo=UTC) + timedelta(minutes=minutes)
    return PracticePost.objects.create(channel=channel, key=text, text=text, planned_at=planned, language="da", **more)


def test_an_empty_channel_says_what_will_come(channel: PracticeChannel, client: Client) -> None:
    response = client.get(PATH)
    assert response.status_code == 200
    assert '<div class="empty">' in response.content.decode()
    assert client.get("/practice/no-such/").status_code == 404


def test_posts_stand_in_the_order_of_their_planned_instants(channel: PracticeChannel, client: Client) -> None:
    for minutes, text in ((10, "den anden"), (20, "den tredje"), (0, "den første")):
        a_post(channel, text, minutes=minutes)
    page = client.get(PATH).content.decode()
    places = [page.index(text) for text in ("den tredje", "den anden", "den første")]
    assert places == sorted(places)
    assert '<time datetime="2026-11-26T07:20:00+00:00">' in page
    assert "08.20</time>" in page


def test_a_post_is_drawn_with_all_it_has(channel: PracticeChannel, client: Client, item: Item) -> None:
    post = a_post(channel, "Kom & hør <b>her</b> #musik @koret https://kultur.example.org/a", link=item.link)
    page = client.get(PATH).content.decode()
    assert "Kom &amp; hør &lt;b&gt;her&lt;/b&gt;" in page
    assert "<span>#musik</span>" in page
    assert '<a href="https://kultur.example.org/a"' in page
    assert '<p class="post-text" lang="da">' in page
    assert f'href="/practice/proeve/posts/{post.pk}"' in page
    assert f'<a class="card" href="{item.link}"' in page
    assert "Åben øvelse på Ærø: kom &amp; hør" in page


def test_a_card_of_news_written_by_hand(channel: PracticeChannel, client: Client, item: Item) -> None:
    Item.objects.filter(pk=item.pk).update(link="", link_key="")
    a_post(channel, "Se her", link=news_url(item.pk))
    page = client.get(PATH).content.decode()
    assert f'<a class="card" href="{news_url(item.pk)}"' in page
    assert "Åben øvelse på Ærø: kom &amp; hør" in page


def test_a_card_without_a_known_story_shows_the_address(
    channel: PracticeChannel, client: Client, elsewhere: Organisation
) -> None:
    link = "https://museet.example.org/nyt"
    Item.objects.create(organisation=elsewhere, title="Museets egen", link=link, link_key="museet.example.org/nyt")
    a_post(channel, "Se her", link=link)
    page = client.get(PATH).content.decode()
    assert "<b>museet.example.org/nyt</b>" in page
    assert "Museets egen" not in page


def test_a_picture_has_its_description_for_all_to_see(channel: PracticeChannel, client: Client) -> None:
    post = a_post(channel, "Se billedet")
    shot = PracticePicture.objects.create(
        channel=channel, post=post, content=b"\x89PNG", media_type="image/png", alt='Børn på "pladsen"'
    )
    page = client.get(PATH).content.decode()
    assert f'src="/practice/proeve/pictures/{shot.pk}" alt="Børn på &quot;pladsen&quot;"' in page
    assert '<p class="alt meta" aria-hidden="true"><b>ALT</b> Børn på' in page


def test_a_thread_stands_together_where_its_first_post_is(channel: PracticeChannel, client: Client) -> None:
    first = a_post(channel, "del et", minutes=0)
    a_post(channel, "noget andet", minutes=5)
    second = a_post(channel, "del to", minutes=10, reply_to=first, thread=first)
    third = a_post(channel, "del tre", minutes=10, reply_to=second, thread=first)
    page = client.get(PATH).content.decode()
    places = [page.index(text) for text in ("noget andet", "del et", "del to", "del tre")]
    assert places == sorted(places)
    assert page.count('<section class="thread stack"') == 1
    for post in (first, second, third):
        alone = client.get(f"{PATH}posts/{post.pk}").content.decode()
        assert all(text in alone for text in ("del et", "del to", "del tre"))
        assert "noget andet" not in alone


def test_a_deleted_post_is_not_shown_and_what_answered_it_stands_alone(
    channel: PracticeChannel, client: Client
) -> None:
    first = a_post(channel, "", deleted_at=timezone.now())
    second = a_post(channel, "del to", minutes=1, reply_to=first, thread=first)
    page = client.get(PATH).content.decode()
    assert page.count("<article") == 1
    assert "del to" in page
    assert '<section class="thread stack"' not in page
    assert client.get(f"{PATH}posts/{first.pk}").status_code == 404
    assert "del to" in client.get(f"{PATH}posts/{second.pk}").content.decode()


def test_a_corrected_post_says_so(channel: PracticeChannel, client: Client) -> None:
    a_post(channel, "Rettet tekst", edited_at=datetime(2026, 11, 26, 9, 0, tzinfo=UTC))
    a_post(channel, "Som den var")
    page = client.get(PATH, headers={"accept-language": "da"}).content.decode()
    assert page.count('<time datetime="2026-11-26T09:00:00+00:00">') == 1


def test_a_timeline_asks_the_database_as_often_for_many_threads_as_for_one(
    channel: PracticeChannel, client: Client, django_assert_max_num_queries
) -> None:
    for number in range(6):
        first = a_post(channel, f"tråd {number}", minutes=number)
        for part in range(3):
            a_post(channel, f"tråd {number} del {part}", minutes=number, reply_to=first, thread=first)
    with django_assert_max_num_queries(10):
        client.get(PATH)


def test_long_timelines_have_pages(channel: PracticeChannel, client: Client) -> None:
    for number in range(25):
        a_post(channel, f"nummer {number}.", minutes=number)
    assert client.get(PATH).content.decode().count("<article") == 20
    second = client.get(PATH, {"page": "2"}).content.decode()
    assert second.count("<article") == 5
    assert "nummer 0." in second


def test_the_timeline_costs_few_queries(
    channel: PracticeChannel, client: Client, django_assert_max_num_queries
) -> None:
    for number in range(10):
        a_post(channel, f"nummer {number}.", minutes=number, link="https://kultur.example.org/a")
    with django_assert_max_num_queries(6):
        client.get(PATH)


def test_a_single_post_belongs_to_its_channel(
    channel: PracticeChannel, client: Client, elsewhere: Organisation
) -> None:
    other = PracticeChannel.objects.create(organisation=elsewhere, slug="museet", name="Museet")
    theirs = a_post(other, "deres")
    assert client.get(f"/practice/museet/posts/{theirs.pk}").status_code == 200
    assert client.get(f"/practice/proeve/posts/{theirs.pk}").status_code == 404
    assert client.get(f"/practice/proeve/posts/{10**30}").status_code == 404


def test_the_token_is_on_no_page(channel: PracticeChannel, client: Client) -> None:
    a_post(channel, "Hej")
    assert channel.token not in client.get(PATH).content.decode()


def test_who_to_write_to_stands_on_the_privacy_page(
    client: Client, secretariat: Organisation, elsewhere: Organisation
) -> None:
    page = client.get("/privacy/kulturfaellesskabet").content.decode()
    assert 'href="mailto:kontor@kultur.example.org"' in page
    assert "https://www.datatilsynet.dk/" in page
    assert "Rådhusvej 1" in page
    assert 'href="/accessibility/kulturfaellesskabet"' in page
    assert "mailto:" not in client.get("/privacy/museet").content.decode()
    assert client.get("/privacy/no-such").status_code == 404


def test_accessibility_with_and_without_an_organisation(client: Client, secretariat: Organisation) -> None:
    assert "mailto:" not in client.get("/accessibility").content.decode()
    assert "mailto:kontor@" in client.get("/accessibility/kulturfaellesskabet").content.decode()
    assert client.get("/accessibility/no-such").status_code == 404


def test_public_pages_set_no_cookie_but_the_forms_own(client: Client, channel: PracticeChannel) -> None:
    a_post(channel, "Hej")
    assert not client.get(PATH).cookies
    assert set(client.get("/privacy/kulturfaellesskabet").cookies) == {"opslag-csrf"}
    assert timezone.get_current_timezone_name() == "Europe/Copenhagen"
