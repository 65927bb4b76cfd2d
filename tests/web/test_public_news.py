"""Our page of news written by hand: public once it is sent out, as it was approved, gone once it is withdrawn."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from publisher.compose.links import item_url, news_url
from publisher.compose.newsletter import stories
from publisher.items.events import put_facts
from publisher.items.pictures import store_picture
from publisher.items.withdrawing import withdraw
from publisher.items.writing import Words, correct, write
from publisher.models import Account, Campaign, Item, Message, Newsletter, Organisation, User
from publisher.review.afterwards import Wish, carry_through
from publisher.vocabulary import EventStatus, MessageStatus, Withdrawal
from tests.compose.conftest import ALT, picture_of
from tests.review.send_outs import mail_of, post_of, send_out
from tests.web.office import signed_in, source_of, words

pytestmark = pytest.mark.database

BODY = "Koret øver hver tirsdag.\n\nAlle kan være med."
Send = Callable[..., Campaign]


@pytest.fixture
def written(secretariat: Organisation, anna: User) -> Item:
    """What Anna wrote here: it has no address anywhere else."""
    picture = store_picture(secretariat, picture_of(), alt=ALT, caption="På scenen", credit="Åse")
    return write(secretariat, Words("Nyt kor <søger> sangere", "Kom & syng med.", BODY, "Anna", picture=picture), anna)


@pytest.fixture
def page(written: Item) -> str:
    return news_url(written.pk).removeprefix("https://opslag.test")


@pytest.fixture
def send(written: Item, newsletter: Newsletter, practice_account: Account) -> Send:
    """A send-out about it that has begun, by mail, post or both."""

    def begun(*, mail: bool = False, post: bool = True) -> Campaign:
        made = send_out(
            Item.objects.get(pk=written.pk), newsletter if mail else None, *([practice_account] if post else [])
        )
        Message.objects.filter(campaign=made).update(status=MessageStatus.FINISHED, started_at=timezone.now())
        return made

    return begun


def test_posts_and_stories_of_it_lead_to_our_page(
    written: Item, item: Item, newsletter: Newsletter, send: Send
) -> None:
    made = send(mail=True)
    assert post_of(made).link == news_url(written.pk) == item_url(written)
    assert item_url(item) == item.link, "what has an address of its own keeps it"
    mail = mail_of(made)
    assert stories(mail, newsletter)[0].link == "", "the whole story stands in the mail already"
    short = mail.blocks.get()
    short.kind = "story"
    short.save()
    assert stories(mail, newsletter)[0].link == news_url(written.pk)


@pytest.mark.parametrize("outlets", [{"mail": True, "post": False}, {"mail": False, "post": True}])
def test_it_is_public_once_it_is_sent_out(client: Client, page: str, send: Send, outlets: dict[str, bool]) -> None:
    before = client.get(page)
    assert before.status_code == 404
    assert "Siden er ikke offentlig endnu" in words(before) or "This page is not public yet" in words(before)
    assert "Kulturfællesskabet" in words(before)
    assert "Nyt kor" not in words(before)
    assert (before["Cache-Control"], before["X-Robots-Tag"]) == ("private, no-store", "noindex")
    send(**outlets)
    after = client.get(page)
    assert after.status_code == 200
    assert "X-Robots-Tag" not in after
    assert after["Cache-Control"] == "public, max-age=300"
    assert not after.cookies
    assert client.get(page, headers={"If-None-Match": after["ETag"]}).status_code == 304


def test_what_it_says(client: Client, page: str, written: Item, send: Send) -> None:
    put_facts(
        written, starts_at=datetime(2027, 2, 4, 18, 0, tzinfo=UTC), ends_at=None, all_day=False, place="Kulturhuset",
        price="0", booking_url="https://billet.example.org/kor", status=EventStatus.SCHEDULED, zone="Europe/Copenhagen",
    )  # fmt: skip
    written.save()
    written.revisions.all().delete()
    send()
    html, text = source_of(client.get(page)), words(client.get(page))
    for said in ("Nyt kor <søger> sangere", "Kom & syng med.", "Koret øver hver tirsdag.", "På scenen", "Kulturhuset"):
        assert said in text
    assert f'alt="{ALT}"' in html
    assert 'lang="da"' in html
    assert "4. februar 2027 kl. 19.00" in text, "in Danish, on the organisation's clocks"
    assert "https://billet.example.org/kor" in html and "/events/" in html
    assert "Rådhusvej 1, 2620 Albertslund" in text
    assert not re.search(r"<script|style=|<form", html)


def test_networks_find_what_a_links_card_needs(client: Client, page: str, written: Item, send: Send) -> None:
    send()
    html = source_of(client.get(page))
    found = dict(re.findall(r'<meta (?:property|name)="((?:og|twitter|article):[\w:]+)" content="([^"]*)">', html))
    assert found["og:title"] == found["twitter:title"] == "Nyt kor &lt;søger&gt; sangere"
    assert found["og:description"] == "Kom &amp; syng med."
    assert found["og:url"] == news_url(written.pk)
    assert found["og:type"] == "article" and found["og:locale"] == "da_DK"
    assert found["og:image"].startswith("https://opslag.test/media/")
    assert found["og:image:alt"] == ALT
    assert found["twitter:card"] == "summary_large_image"
    assert datetime.fromisoformat(found["article:published_time"]).utcoffset() is not None
    assert f'<link rel="canonical" href="{news_url(written.pk)}">' in html


def test_staff_see_it_before_and_strangers_do_not(annas: Client, sven: User, page: str) -> None:
    preview = annas.get(page)
    assert preview.status_code == 200
    assert "Nyt kor" in words(preview)
    assert (preview["Cache-Control"], preview["X-Robots-Tag"]) == ("private, no-store", "noindex")
    assert signed_in(sven).get(page).status_code == 404


@pytest.mark.parametrize("change", ["1-", "2-", ""])
def test_nobody_guesses_an_address(client: Client, page: str, send: Send, change: str) -> None:
    send()
    wrong = f"/n/{change}{page.rpartition('-')[2]}" if change else page.replace("/n/", "/n/f")
    if wrong == page:
        wrong = page[:-1] + ("0" if page[-1] != "0" else "1")
    assert client.get(wrong).status_code == 404
    assert client.get(page.replace("/n/", "/events/") + ".ics").status_code == 404, "its file has another signature"


def test_an_edit_waits_until_somebody_who_may_send_says_so(
    client: Client, page: str, written: Item, send: Send, anna: User, bo: User
) -> None:
    made = send()
    correct(written, Words("Nyt kor søger dirigent", "", BODY), anna, revision=written.revision)
    assert "sangere" in words(client.get(page)), "what was approved"
    carry_through(made, Wish("Vi skrev forkert."), bo)
    shown = client.get(page)
    assert "dirigent" in words(shown)
    assert "Vi skrev forkert." in words(shown) and 'role="note"' in source_of(shown)
    correct(Item.objects.get(), Words("Og en gang til", "", BODY), anna, revision=2)
    assert "dirigent" in words(client.get(page))
    send()
    assert "Og en gang til" in words(client.get(page)), "another send-out was approved with it"


def test_a_note_about_one_story_of_several_stands_on_no_others_page(
    client: Client, page: str, written: Item, item: Item, send: Send, bo: User
) -> None:
    made = send()
    made.chosen.create(item=item, position=1)
    carry_through(made, Wish("Den anden begynder kl. 19."), bo)
    assert "kl. 19" not in words(client.get(page))


def test_withdrawn_everywhere_it_is_gone_in_words(client: Client, page: str, send: Send, bo: User) -> None:
    first = send()
    carry_through(first, Wish("Det passede ikke.", withdraw=True), bo)
    away = client.get(page)
    assert away.status_code == 410
    assert "Det passede ikke." in words(away)
    assert "Nyt kor" not in source_of(away)
    assert (away["Cache-Control"], away["X-Robots-Tag"]) == ("private, no-store", "noindex")
    send()
    assert client.get(page).status_code == 200, "another send-out stands"


def test_an_item_that_is_withdrawn_is_gone_too(
    client: Client, annas: Client, page: str, written: Item, send: Send
) -> None:
    send()
    withdraw(written, Withdrawal.BY_HAND)
    assert client.get(page).status_code == annas.get(page).status_code == 410


def test_a_picture_is_shown_only_while_those_in_it_agree(client: Client, page: str, written: Item, send: Send) -> None:
    send()
    assert "/media/" in source_of(client.get(page))
    picture = written.picture
    assert picture is not None
    picture.consent_until = timezone.localdate() - timedelta(days=1)
    picture.save()
    assert "/media/" not in source_of(client.get(page))
    picture.consent_until, picture.withdrawn_at = None, timezone.now()
    picture.save()
    assert "/media/" not in source_of(client.get(page))


def test_staff_find_the_page_and_are_told_what_becomes_of_it(
    annas: Client, bos: Client, page: str, written: Item, send: Send
) -> None:
    assert f'href="https://opslag.test{page}"' in source_of(annas.get(f"/news/{written.pk}"))
    made = send()
    assert "Our page that it links to says what was wrong" in words(bos.get(f"/sendouts/{made.pk}/correct"))
    assert "Our page that it links to is taken down, and says what was wrong." in words(
        bos.get(f"/sendouts/{made.pk}/withdraw")
    )
