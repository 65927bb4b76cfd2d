"""News that has gone out already is sent there again only on a person's word: said where it is planned and checked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from publisher.compose.corrections import Told, create_correction
from publisher.compose.preflight import checks
from publisher.errors import InputError
from publisher.items.events import facts_of
from publisher.models import Account, AuditEntry, Campaign, Item, Message, Newsletter, User
from publisher.review import approval
from publisher.templatetags.dates import write_date
from publisher.vocabulary import CampaignStatus, DeliveryStatus, MessageStatus
from tests.review.send_outs import begin, finish, freeze, hand_over, mail_of, outcome, post_of, send_out, soon
from tests.web.desk import live, more_items, typed
from tests.web.office import reader_in, signed_in, source_of, words

pytestmark = pytest.mark.database

QUESTION = "Send it again?"


def go_out(campaign: Campaign, bo: User) -> Campaign:
    """Everything of it reaches its readers."""
    approval.approve(campaign, bo, scheduled_at=soon())
    for message in Message.objects.filter(campaign=campaign):
        if message.newsletter_id:
            freeze(message, 2)
        begin(message)
        hand_over(message, DeliveryStatus.SENT, 2 if message.newsletter_id else 1)
        finish(message)
    return campaign


@pytest.fixture
def earlier(item: Item, newsletter: Newsletter, practice_account: Account, bo: User) -> Campaign:
    """It has been in Kulturnyt and on Prøvekanal."""
    return go_out(send_out(item, newsletter, practice_account), bo)


def asked(campaign: Campaign) -> list[str]:
    """The findings that stop it, in words."""
    return [str(check.explanation) for check in checks(campaign) if check.level == "error"]


def test_the_page_where_it_is_planned_says_where_it_has_been(
    item: Item, earlier: Campaign, newsletter: Newsletter, annas: Client
) -> None:
    page = words(annas.get(f"/news/{item.pk}/plan"))
    at = write_date(mail_of(earlier).started_at, "long", "Europe/Copenhagen")
    assert f"Known already {item.title}" in page and f"Sent in Kulturnyt {at}." in page
    assert f"Posted on Prøvekanal (Practice channel) {at}." in page
    source = source_of(annas.get(f"/news/{item.pk}/plan"))
    assert source.count("checked") == 1 and 'value="none"' in source.split("checked")[0].rsplit("<input", 1)[1]


def test_among_several_only_what_is_known_is_named_and_the_newsletter_stays_chosen(
    item: Item, earlier: Campaign, newsletter: Newsletter, annas: Client
) -> None:
    (other,) = more_items(item.organisation, 1)
    page = annas.get("/news/plan", {"item": [other.pk, item.pk]})
    known = words(page).split("Known already")[1].split("you are asked once more")[0]
    assert item.title in known.replace("&amp;", "&") and other.title not in known
    assert source_of(page).count("checked") == 2


def test_each_outlet_is_asked_about_and_nothing_is_approved(
    item: Item, earlier: Campaign, newsletter: Newsletter, practice_account: Account, bo: User, bos: Client
) -> None:
    again = send_out(item, newsletter, practice_account)
    mailed, posted = asked(again)
    assert f"“{item.title}” was sent in Kulturnyt" in mailed and f"“{item.title}” was posted on Prøvekanal" in posted
    with pytest.raises(InputError, match="was sent in Kulturnyt"):
        approval.send_now(again, bo)
    page = bos.get(f"/sendouts/{again.pk}/edit")
    assert words(page).count(QUESTION) == 1 and 'href="#news-changed"' in source_of(page)
    assert f'href="/sendouts/{earlier.pk}"' in source_of(page)
    answer = live(bos, f"/sendouts/{again.pk}/edit", typed(again, do="approve"))
    assert answer.status_code == 422
    assert Campaign.objects.get(pk=again.pk).status == CampaignStatus.DRAFT


def test_in_review_the_question_stands_before_the_button(
    item: Item, earlier: Campaign, newsletter: Newsletter, anna: User, bos: Client
) -> None:
    again = send_out(item, newsletter)
    approval.submit(again, anna)
    page = bos.get(f"/sendouts/{again.pk}")
    assert QUESTION in words(page)
    assert "Cannot be sent yet:" in words(page) and 'href="#news-changed"' in source_of(page)


def test_a_persons_word_is_stored_and_told_and_then_it_goes(
    item: Item, earlier: Campaign, newsletter: Newsletter, anna: User, bo: User, annas: Client
) -> None:
    again = send_out(item, newsletter)
    page = words(annas.post(f"/sendouts/{again.pk}/news/{item.pk}", {"do": "again"}, follow=True))
    assert "Noted: it is sent again." in page and QUESTION not in page
    assert AuditEntry.objects.get(action="sent_again").user == anna
    assert asked(again) == []
    approval.send_now(again, bo)
    assert mail_of(again).status == MessageStatus.SCHEDULED
    answer = words(annas.post(f"/sendouts/{again.pk}/news/{item.pk}", {"do": "again"}, follow=True))
    assert "Noted: it is sent again." not in answer, "nothing is left to say"


def test_who_may_only_look_cannot_say_so(item: Item, earlier: Campaign, newsletter: Newsletter) -> None:
    again = send_out(item, newsletter)
    rita = signed_in(reader_in(item.organisation))
    assert rita.post(f"/sendouts/{again.pk}/news/{item.pk}", {"do": "again"}).status_code == 403
    assert asked(again)


def test_what_is_planned_for_the_same_place_counts_as_well(item: Item, newsletter: Newsletter, bo: User) -> None:
    approval.approve(send_out(item, newsletter), bo, scheduled_at=soon())
    (words_,) = asked(send_out(item, newsletter))
    assert f"“{item.title}” is to be sent in Kulturnyt" in words_


def test_what_is_approved_after_that_word_is_asked_about_anew(
    item: Item, earlier: Campaign, newsletter: Newsletter, annas: Client, bo: User
) -> None:
    third, second = send_out(item, newsletter), send_out(item, newsletter)
    for each in (third, second):
        annas.post(f"/sendouts/{each.pk}/news/{item.pk}", {"do": "again"})
    approval.approve(second, bo, scheduled_at=soon())
    assert len(asked(third)) == 1


def test_another_place_and_what_never_got_there_ask_nothing(
    item: Item, newsletter: Newsletter, practice_account: Account, bo: User
) -> None:
    first = send_out(item, None, practice_account)
    approval.approve(first, bo, scheduled_at=soon())
    post = post_of(first)
    assert asked(send_out(item, newsletter)) == []
    begin(post)
    outcome(post, DeliveryStatus.PENDING, DeliveryStatus.SENDING)
    outcome(post, DeliveryStatus.SENDING, DeliveryStatus.FAILED)
    finish(post)
    assert asked(send_out(item, None, practice_account)) == []
    cancelled = send_out(item, None, practice_account)
    approval.approve(cancelled, bo, scheduled_at=soon())
    approval.cancel(cancelled, bo)
    assert asked(send_out(item, None, practice_account)) == []


def test_what_is_unconfirmed_may_be_there_and_what_was_taken_away_is_not(
    item: Item, practice_account: Account, bo: User
) -> None:
    first = send_out(item, None, practice_account)
    approval.approve(first, bo, scheduled_at=soon())
    begin(post_of(first))
    hand_over(post_of(first), DeliveryStatus.UNCERTAIN)
    finish(post_of(first))
    assert len(asked(send_out(item, None, practice_account))) == 1
    Message.objects.filter(campaign=first).update(withdrawn_at=timezone.now())
    assert asked(send_out(item, None, practice_account)) == []


def test_a_story_that_was_left_out_of_its_mail_was_not_sent(
    item: Item, earlier: Campaign, newsletter: Newsletter
) -> None:
    mail_of(earlier).blocks.all().delete()
    assert asked(send_out(item, newsletter)) == []


def test_a_correction_asks_nothing(item: Item, earlier: Campaign) -> None:
    starts = timezone.now() + timedelta(days=3)
    Item.objects.filter(pk=item.pk).update(event_starts_at=starts, event_over_at=starts)
    item.refresh_from_db()
    correction = create_correction(item, [Told([mail_of(earlier)], facts_of(item))])
    assert not [words_ for words_ in asked(correction) if "again" in words_]
