"""One news item: what it says, where it was published, withdrawing it, and what its source suggests."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from publisher.items.writing import Words, correct
from publisher.models import Account, AuditEntry, Item, Message, Newsletter, PostPart, User
from publisher.review import approval
from publisher.vocabulary import DeliveryStatus, Withdrawal
from tests.review.send_outs import begin, finish, freeze, hand_over, mail_of, post_of, send_out, soon
from tests.web.desk import UNTIDY, questions
from tests.web.office import reader_in, signed_in, words
from tests.web.test_news import rich  # noqa: F401 -- a fixture

pytestmark = pytest.mark.database


def test_all_we_know(rich: Item, annas: Client, newsletter: Newsletter) -> None:  # noqa: F811
    campaign = send_out(rich, newsletter)
    Item.objects.update(revision=3, tags=["kor"])
    response = annas.get(f"/news/{rich.pk}")
    page, source = words(response), response.content.decode()
    areas = "Furesø, Halsnæs, Ishøj, Køge and Roskilde"
    for said in (rich.lead, "Åse Sørensen", areas, rich.picture.alt, "Used in 1 send-out.", "Changed 2 times", "kor"):
        assert said in page, said
    assert f'href="{rich.link}"' in source
    assert f'href="/sendouts/{campaign.pk}"' in source
    assert f'href="/news/{rich.pk}/plan"' in source
    assert f'href="/settings/sources/{rich.sightings.get().source_id}"' in source


def test_where_it_was_published_with_its_address_and_what_waits(
    item: Item, annas: Client, bo: User, newsletter: Newsletter, practice_account: Account
) -> None:
    campaign = send_out(item, newsletter, practice_account)
    assert "Kulturnyt Draft" in words(annas.get(f"/news/{item.pk}"))
    approval.approve(campaign, bo, scheduled_at=soon())
    post, mail = post_of(campaign), mail_of(campaign)
    begin(post)
    hand_over(post, DeliveryStatus.SENT)
    finish(post)
    permalink = {"permalink": "https://social.example.org/@k/1", "published_at": timezone.now()}
    PostPart.objects.filter(delivery__message=post).update(**permalink)
    response = annas.get(f"/news/{item.pk}")
    assert "Prøvekanal (Practice channel) Published" in words(response) and "Kulturnyt Scheduled" in words(response)
    assert 'href="https://social.example.org/@k/1"' in response.content.decode()
    freeze(mail, 1)
    begin(mail)
    hand_over(mail, DeliveryStatus.FAILED)
    finish(mail)
    Message.objects.filter(pk=mail.pk).update(composed_html="<p>Hej</p>")
    response = annas.get(f"/news/{item.pk}")
    assert "Kulturnyt Failed" in words(response)
    assert f"/m/{mail.public_id.hex}" in response.content.decode()


def test_why_it_has_no_picture_is_said_to_be_about_the_picture(item: Item, annas: Client) -> None:
    Item.objects.filter(pk=item.pk).update(
        picture=None, picture_error={"msgid": "There is no such file.", "params": {}}
    )
    assert "It has no picture There is no such file." in words(annas.get(f"/news/{item.pk}"))


def test_a_photo_consent_that_has_ended_is_said_with_a_way_to_it(rich: Item, annas: Client) -> None:  # noqa: F811
    picture = rich.picture
    assert picture
    page = f"/news/{rich.pk}"
    assert "photo consent ended" not in words(annas.get(page))
    picture.consent_until = timezone.localdate() - timedelta(days=1)
    picture.save()
    response = annas.get(page)
    assert "The picture’s photo consent ended on" in words(response) and "See the consent" in words(response)
    assert f'class="button" href="{reverse("picture", args=[picture.pk])}"' in response.content.decode()


def test_a_lead_that_the_body_begins_with_stands_once(item: Item, annas: Client) -> None:
    Item.objects.update(
        lead="Kom og hør.", body_text="Kom og hør. Der er kaffe.", body_html="<p>Kom og hør. Der er kaffe.</p>"
    )
    assert words(annas.get(f"/news/{item.pk}")).count("Kom og hør.") == 1


def test_an_items_markup_is_cleaned_once_more(item: Item, annas: Client) -> None:
    evil = '<p onclick="x()">Hej<script>x()</script><img src="https://elsewhere.example.org/1.gif"></p>'
    said = {"title": item.title, "lead": item.lead, "body_html": evil, "body_text": item.body_text, "author": ""}
    Item.objects.update(body_html=evil, suggestion=said)
    page = annas.get(f"/news/{item.pk}").content.decode()
    assert page.count("Hej") == 2
    assert UNTIDY.findall(page) == []
    assert "elsewhere.example.org" not in page


def test_it_is_withdrawn_and_brought_back_by_name(item: Item, annas: Client, anna: User) -> None:
    page = words(annas.post(f"/news/{item.pk}/withdraw", follow=True))
    assert "This news item is withdrawn. Withdrawn by a colleague, " in page and "Anna withdrew the news item" in page
    assert "Plan a send-out" not in page and "Withdraw the news item" not in page
    assert Item.objects.get().withdrawn_why == Withdrawal.BY_HAND
    assert item.title in words(annas.get("/news?show=withdrawn"))
    page = words(annas.post(f"/news/{item.pk}/restore", follow=True))
    assert "is news again" in page and "Plan a send-out" in page and "This news item is withdrawn" not in page
    assert [(entry.action, entry.user) for entry in AuditEntry.objects.order_by("pk")] == [
        ("item_withdrawn", anna),
        ("item_restored", anna),
    ]
    annas.post(f"/news/{item.pk}/restore")
    assert AuditEntry.objects.count() == 2, "what changed nothing is not noted"


@pytest.mark.parametrize(
    ("do", "title", "says"), [("take", "Kildens", "follows it"), ("leave", "Vores", "stay as they")]
)
def test_what_the_source_suggests_is_taken_or_left(
    item: Item, annas: Client, anna: User, do: str, title: str, says: str
) -> None:
    correct(item, Words("Vores", link=item.link), anna, revision=1)
    said = {"title": "Kildens", "lead": "Ny", "body_html": "<p>Ny tekst.</p>", "body_text": "Ny tekst.", "author": ""}
    Item.objects.update(suggestion=said)
    page = words(annas.get(f"/news/{item.pk}"))
    assert "Its source has changed it since you did" in page
    shown = page.partition("See what the source says now")[2].partition("Keep our words")[0]
    assert "Headline removed: Vores , added: Kildens ," in shown and "Text added: Ny tekst. ," in shown
    assert says in words(annas.post(f"/news/{item.pk}/suggestion", {"do": do}, follow=True))
    item.refresh_from_db()
    assert (item.title, item.suggestion) == (title, {})


def test_a_reader_changes_nothing_and_a_stranger_finds_nothing(item: Item, sven: User) -> None:
    reader = signed_in(reader_in(item.organisation))
    page = reader.get(f"/news/{item.pk}").content.decode()
    assert item.title in page.replace("&amp;", "&") and "withdraw" not in page and "/edit" not in page
    for end in ("withdraw", "restore", "suggestion", "edit"):
        assert reader.post(f"/news/{item.pk}/{end}").status_code == 403
        assert signed_in(sven).post(f"/news/{item.pk}/{end}").status_code == 404
    assert signed_in(sven).get(f"/news/{item.pk}").status_code == 404
    assert signed_in(sven).get(f"/news/{item.pk}/edit").status_code == 404
    assert Item.objects.get().withdrawn_at is None


def test_more_send_outs_ask_no_more_questions(
    rich: Item,  # noqa: F811
    annas: Client,
    newsletter: Newsletter,
    practice_account: Account,
) -> None:
    send_out(rich, newsletter, practice_account)
    before = questions(annas, f"/news/{rich.pk}")
    for _each in range(4):
        send_out(rich, newsletter, practice_account)
    assert questions(annas, f"/news/{rich.pk}") == before <= 27
