"""Receipts: every frozen recipient is in them exactly once, by status and reason, in words that people read."""

from __future__ import annotations

import pytest
from django.utils import timezone, translation
from pytest_django import DjangoAssertNumQueries

from publisher.models import Account, Campaign, Delivery, Item, Message, Newsletter
from publisher.track.receipts import Line, Receipt, as_text_table, campaign_receipt, in_groups, receipt
from publisher.vocabulary import DeliveryStatus, Reason
from tests.review.send_outs import freeze, hand_over, mail_of, outcome, post_of, send_out

pytestmark = pytest.mark.database


@pytest.fixture
def campaign(item: Item, newsletter: Newsletter, practice_account: Account) -> Campaign:
    """A mail and a post."""
    return send_out(item, newsletter, practice_account)


@pytest.fixture
def mail(campaign: Campaign) -> Message:
    """A mail to ten: four sent, of whom one came back, two refused, one unclear, two skipped, one waiting."""
    mail = mail_of(campaign)
    freeze(mail, waiting=8, skipped=2)
    suppressed = Delivery.objects.filter(status="suppressed").values_list("pk", flat=True)
    Delivery.objects.filter(pk__in=suppressed[:1]).update(reason=Reason.UNSUBSCRIBED)
    Delivery.objects.filter(status="suppressed", reason="").update(reason=Reason.BOUNCED)
    hand_over(mail, DeliveryStatus.SENT, 4)
    outcome(mail, DeliveryStatus.PENDING, DeliveryStatus.SENDING, 2)
    outcome(mail, DeliveryStatus.SENDING, DeliveryStatus.FAILED, 2, reason="mailbox_full")
    hand_over(mail, DeliveryStatus.UNCERTAIN)
    sent = Delivery.objects.filter(status="sent").values_list("pk", flat=True)
    Delivery.objects.filter(pk__in=sent[:1]).update(bounced_at=timezone.now(), delivered_at=timezone.now())
    mail.refresh_from_db()
    return mail


def test_everybody_is_in_it_once_by_status_and_reason(mail: Message) -> None:
    found = receipt(mail)
    assert found.rows == [
        Line("pending", "", 1),
        Line("sent", "", 4),
        Line("failed", "mailbox_full", 2),
        Line("uncertain", "", 1),
        Line("suppressed", "bounced", 1),
        Line("suppressed", "unsubscribed", 1),
    ]
    assert (found.total, found.frozen_count, found.adds_up) == (10, 10, True)
    assert (found.came_back, found.delivered, found.complained, found.unsubscribed) == (1, 1, 0, 0)
    status, reason, number = found.rows[2]
    assert (status, reason, number) == ("failed", "mailbox_full", 2)


def test_one_too_few_or_too_many_does_not_add_up(mail: Message) -> None:
    Delivery.objects.filter(pk=Delivery.objects.filter(status="sent")[0].pk).delete()
    assert not receipt(mail).adds_up
    Delivery.objects.create(message=mail, due_at=timezone.now())
    assert receipt(mail).adds_up
    Delivery.objects.create(message=mail, due_at=timezone.now())
    assert not receipt(mail).adds_up


def test_the_count_is_read_with_the_rows_and_not_from_a_page_loaded_earlier(mail: Message) -> None:
    page = Message.objects.get(pk=mail.pk)
    Delivery.objects.create(message=mail, due_at=timezone.now())
    Message.objects.filter(pk=mail.pk).update(frozen_count=11)
    assert receipt(page).adds_up


def test_nobody_and_nothing_frozen_adds_up(campaign: Campaign) -> None:
    found = receipt(post_of(campaign))
    assert (found.rows, found.total, found.frozen_count, found.adds_up) == ([], 0, None, True)


def test_an_audience_of_nobody_adds_up(campaign: Campaign) -> None:
    freeze(mail_of(campaign), waiting=0)
    found = receipt(mail_of(campaign))
    assert (found.total, found.frozen_count, found.adds_up) == (0, 0, True)


def test_a_receipt_that_lost_everybody_does_not_add_up(mail: Message) -> None:
    Delivery.objects.all().delete()
    found = receipt(mail)
    assert (found.frozen_count, found.adds_up) == (10, False)


def test_erasing_a_person_leaves_it_equal(mail: Message) -> None:
    before = receipt(mail)
    Delivery.objects.update(subscriber=None, subscription=None)
    assert receipt(mail) == before


def test_a_campaigns_receipt_has_each_message_and_the_sums(campaign: Campaign, mail: Message) -> None:
    freeze(post_of(campaign), waiting=1)
    hand_over(post_of(campaign), DeliveryStatus.SENT)
    found = campaign_receipt(campaign)
    assert [one.message for one in found.messages] == [mail, post_of(campaign)]
    assert found.together.of("sent") == 5
    assert (found.together.total, found.together.frozen_count, found.together.came_back) == (11, 11, 1)
    assert found.adds_up and found.together.adds_up


def test_two_wrongs_do_not_make_a_campaign_add_up(campaign: Campaign, mail: Message) -> None:
    """One message has one too many, the other one too few."""
    freeze(post_of(campaign), waiting=1)
    Message.objects.filter(pk=mail.pk).update(frozen_count=9)
    Message.objects.filter(pk=post_of(campaign).pk).update(frozen_count=2)
    found = campaign_receipt(campaign)
    assert found.together.adds_up and not found.adds_up


def test_it_takes_one_statement_for_all_messages(
    campaign: Campaign, mail: Message, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    freeze(post_of(campaign), waiting=1)
    with django_assert_num_queries(2):
        campaign_receipt(campaign)


def test_the_sentence_says_what_came_back() -> None:
    sent = [Line("sent", "", 4180), Line("failed", "refused", 3)]
    with translation.override("en"):
        assert Receipt(sent, 4183).sentence() == "Sent 4\N{NO-BREAK SPACE}180"
        twenty = Receipt(sent, 4183, came_back=20).sentence()
        assert twenty == "Sent 4\N{NO-BREAK SPACE}180, of which 20 came back"
        assert Receipt(sent, 4183, came_back=1).sentence().endswith("of which 1 came back")


def test_numbers_are_grouped() -> None:
    assert [in_groups(n).replace("\N{NO-BREAK SPACE}", " ") for n in (0, 999, 4180, 1234567)] == [
        "0", "999", "4 180", "1 234 567",
    ]  # fmt: skip


def test_the_table_is_made_of_words(mail: Message) -> None:
    with translation.override("en"):
        rows = as_text_table(receipt(mail))
    assert rows[1] == ("Sent", "", "4")
    assert rows[2] == ("Failed", "mailbox_full", "2"), "a plug-in's own word is shown as it is"
    assert rows[5] == ("Skipped", "has unsubscribed", "1")
    assert [row[2] for row in rows[-2:]] == ["10", "10"]


def test_the_table_of_what_is_not_frozen_says_so(campaign: Campaign) -> None:
    assert as_text_table(receipt(mail_of(campaign)))[-1][2] == "–"
