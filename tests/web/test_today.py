"""The first page: what needs a person, what goes out next, what went out; no question per row."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from publisher.deliver.transport_health import answered, failed
from publisher.errors import TransientError
from publisher.items.withdrawing import withdraw
from publisher.models import Account, Campaign, Event, Item, Message, Newsletter, Operation, PostPart, Source, User
from publisher.review import approval
from publisher.templatetags.dates import write_date
from publisher.vocabulary import AccountStatus, DeliveryStatus, ItemState, MessageStatus, SourceStatus, Withdrawal
from tests.items.by_hand import edit
from tests.review.send_outs import begin, finish, freeze, hand_over, mail_of, meant_again, post_of, send_out, soon
from tests.web.desk import more_items, questions
from tests.web.office import signed_in, words

pytestmark = pytest.mark.database


def approved(item: Item, bo: User, newsletter: Newsletter | None, *accounts: Account) -> Campaign:
    campaign = meant_again(send_out(item, newsletter, *accounts))
    approval.approve(campaign, bo, scheduled_at=soon())
    return campaign


def test_an_empty_desk_says_what_to_do_next(anna: User) -> None:
    page = words(signed_in(anna).get("/"))
    assert "Nothing needs you now." in page
    assert "Choose a news item and make a mail, posts or both of it." in page


def test_there_is_one_primary_button(item: Item, newsletter: Newsletter, bo: User) -> None:
    client = signed_in(bo)
    for address in ("/", "/sendouts"):
        assert client.get(address).content.decode().count("button primary") == 1, address
    approved(item, bo, newsletter)
    for address in ("/", "/sendouts"):
        assert client.get(address).content.decode().count("button primary") == 1, address


def test_it_speaks_danish_too(anna: User) -> None:
    response = signed_in(anna, "da").get("/")
    assert '<html lang="da">' in response.content.decode()
    assert "I dag" in words(response)


def test_a_draft_handed_in_waits_for_whoever_may_approve(
    item: Item, newsletter: Newsletter, anna: User, bo: User
) -> None:
    campaign = send_out(item, newsletter)
    approval.submit(campaign, anna)
    assert "1 thing needs a person." in words(signed_in(bo).get("/"))
    assert "See and approve" in words(signed_in(bo).get("/"))
    assert "See and approve" not in words(signed_in(anna).get("/"))
    assert f'href="/sendouts/{campaign.pk}"' in signed_in(bo).get("/").content.decode()


def test_held_unconfirmed_and_failed_say_why(
    item: Item, newsletter: Newsletter, practice_account: Account, bo: User
) -> None:
    campaign = approved(item, bo, newsletter, practice_account)
    Message.objects.filter(pk=mail_of(campaign).pk).update(status=MessageStatus.HELD, hold_reason="missed")
    begin(post_of(campaign))
    hand_over(post_of(campaign), DeliveryStatus.UNCERTAIN)
    finish(post_of(campaign))
    other = approved(item, bo, None, practice_account)
    begin(post_of(other))
    hand_over(post_of(other), DeliveryStatus.FAILED)
    finish(post_of(other))
    Message.objects.filter(campaign=other).update(finished_at=timezone.now())
    page = words(signed_in(bo).get("/"))
    assert "Kulturnyt: The planned time passed while Opslag was not running." in page
    assert "Prøvekanal (Practice channel): The answer was lost; look whether the post is there." in page
    assert "Prøvekanal (Practice channel): The post was not published." in page
    Message.objects.filter(campaign=other).update(finished_at=timezone.now() - timedelta(days=20))
    assert "The post was not published." not in words(signed_in(bo).get("/"))


def test_broken_channels_and_sources_stand_there_with_their_reason(
    practice_account: Account, source: Source, bo: User
) -> None:
    why = {"msgid": "The feed's server answers with status %(status)s.", "params": {"status": "503"}}
    Account.objects.update(status=AccountStatus.NEEDS_RECONNECT)
    Source.objects.update(status=SourceStatus.BROKEN, last_error=why)
    page = words(signed_in(bo).get("/"))
    assert "Must be connected again Prøvekanal (Practice channel) The channel refuses us." in page
    assert "The feed's server answers with status 503." in page


def test_a_source_that_failed_for_a_day_stands_there_unless_somebody_paused_it(source: Source, bo: User) -> None:
    why = {"msgid": "The feed's server answers with status %(status)s.", "params": {"status": "503"}}
    began = timezone.now() - timedelta(hours=23)
    Source.objects.update(last_error=why, failing_since=began)
    assert "Nothing needs you now." in words(signed_in(bo).get("/")), "not before a day"
    Source.objects.update(told_at=timezone.now())
    response = signed_in(bo).get("/")
    assert "1 thing needs a person." in words(response)
    assert f"Last look failed {source.name} The feed's server answers with status 503." in words(response)
    assert f'href="/settings/sources/{source.pk}"' in response.content.decode()
    Source.objects.update(status=SourceStatus.PAUSED)
    assert "Nothing needs you now." in words(signed_in(bo).get("/"))


def test_news_that_is_held_back_stands_there_in_one_row(item: Item, bo: User) -> None:
    why = {"msgid": "%(number)s came at once, all older than the newest that was known.", "params": {"number": "2"}}
    for each in (item, *more_items(item.organisation, 1)):
        Item.objects.filter(pk=each.pk).update(state=ItemState.HELD, held_why=why)
    response = signed_in(bo).get("/")
    assert "1 thing needs a person." in words(response)
    assert "Held back 2 news items are held back 2 came at once, all older" in words(response)
    assert 'href="/news/held"' in response.content.decode()


def test_a_planned_send_out_whose_news_changed_stands_there(item: Item, newsletter: Newsletter, bo: User) -> None:
    campaign = approved(item, bo, newsletter)
    edit(item, title="Øvelsen er flyttet")
    response = signed_in(bo).get("/")
    assert "1 thing needs a person." in words(response)
    assert "The news is changed Åben øvelse" in words(response)
    assert f'href="/sendouts/{campaign.pk}#news-changed"' in response.content.decode()
    Message.objects.update(status=MessageStatus.FINISHED)
    assert "The news is changed" not in words(signed_in(bo).get("/")), "it has gone out"


@pytest.mark.parametrize("change", ["changed", "withdrawn"])
def test_in_review_it_says_that_the_news_is_not_as_it_was(
    item: Item, newsletter: Newsletter, anna: User, bo: User, change: str
) -> None:
    approval.submit(send_out(item, newsletter), anna)
    assert f"The news is {change}" not in words(signed_in(bo).get("/"))
    if change == "changed":
        edit(item, title="Øvelsen er flyttet")
    else:
        withdraw(item, Withdrawal.GONE)
    page = words(signed_in(bo).get("/"))
    assert "1 thing needs a person." in page and f"The news is {change} · Kulturnyt" in page


def test_a_mail_server_that_does_not_answer_stands_there_since_when(bo: User) -> None:
    began = timezone.now().replace(hour=9, minute=5) - timedelta(days=1)
    for minutes in (0, 1, 2):
        failed("smtp", TransientError("The mail server refuses the connection."), began + timedelta(minutes=minutes))
    page = words(signed_in(bo).get("/"))
    assert "1 thing needs a person." in page
    assert "Does not answer The mail server The mail server refuses the connection. Since" in page
    assert write_date(began, "short", "Europe/Copenhagen") in page
    answered("smtp")
    assert "Nothing needs you now." in words(signed_in(bo).get("/"))
    failed("smtp", TransientError("The mail server refuses the connection."), began + timedelta(hours=5))
    assert write_date(began + timedelta(hours=5), "short", "Europe/Copenhagen") in words(signed_in(bo).get("/"))


def test_a_report_that_cannot_be_applied_stands_there(item: Item, newsletter: Newsletter, bo: User, sven: User) -> None:
    campaign = send_out(item, newsletter)
    freeze(mail_of(campaign), 1)
    delivery = mail_of(campaign).deliveries.first()
    report = Event.objects.create(source="esp", event_id="1", kind="complained", at=timezone.now(), delivery=delivery)
    assert "report could not be applied" not in words(signed_in(bo).get("/"))
    Event.objects.filter(pk=report.pk).update(attempts=4)
    assert "1 report could not be applied." in words(signed_in(bo).get("/"))
    assert "report could not be applied" not in words(signed_in(sven).get("/"))


def test_what_comes_and_what_went_with_its_receipt_in_one_line(item: Item, newsletter: Newsletter, bo: User) -> None:
    coming = approved(item, bo, newsletter)
    gone = approved(item, bo, newsletter)
    mail = mail_of(gone)
    freeze(mail, 4, skipped=2)
    begin(mail)
    hand_over(mail, DeliveryStatus.SENT, 3)
    hand_over(mail, DeliveryStatus.FAILED, 1)
    finish(mail)
    page = words(signed_in(bo).get("/"))
    assert page.index("Goes out next") < page.index("Went out lately")
    assert "3 mails sent · 2 skipped · 1 failed" in page
    assert f"/sendouts/{coming.pk}" in signed_in(bo).get("/").content.decode()


def test_unused_news_can_be_planned_and_used_news_is_gone(item: Item, newsletter: Newsletter, anna: User) -> None:
    client = signed_in(anna)
    assert f'href="/news/{item.pk}/plan"' in client.get("/").content.decode()
    send_out(item, newsletter)
    assert f'href="/news/{item.pk}/plan"' not in client.get("/").content.decode()


def test_nothing_of_another_organisation_is_there(item: Item, newsletter: Newsletter, anna: User, sven: User) -> None:
    approval.submit(send_out(item, newsletter), anna)
    page = words(signed_in(sven).get("/"))
    assert item.title not in page
    assert "Nothing needs you now." in page


def test_more_rows_ask_no_more_questions(
    item: Item, newsletter: Newsletter, practice_account: Account, anna: User, bo: User
) -> None:
    for each in (item, *more_items(item.organisation, 2)):
        approval.submit(send_out(each, newsletter, practice_account), anna)
        approved(each, bo, newsletter, practice_account)
        finish_all(approved(each, bo, newsletter, practice_account))
    client = signed_in(bo)
    before = questions(client, "/")
    for each in more_items(item.organisation, 0) or Item.objects.all():
        approval.submit(send_out(each, newsletter, practice_account), anna)
        approved(each, bo, newsletter, practice_account)
        finish_all(approved(each, bo, newsletter, practice_account))
    assert questions(client, "/") == before <= 48


def finish_all(campaign: Campaign) -> None:
    for message in campaign.messages.all():
        begin(message)
        hand_over(message, DeliveryStatus.SENT)
        finish(message)


def test_a_post_that_could_not_be_taken_down_waits_for_a_person(
    item: Item, practice_account: Account, bo: User
) -> None:
    campaign = approved(item, bo, None, practice_account)
    message = post_of(campaign)
    begin(message)
    hand_over(message, DeliveryStatus.SENT)
    finish(message)
    Message.objects.filter(pk=message.pk).update(withdrawn_at=timezone.now())
    part = PostPart.objects.get(delivery__message=message)
    Operation.objects.create(part=part, kind="delete", status="failed", due_at=timezone.now())
    page = words(signed_in(bo).get("/"))
    assert "Prøvekanal (Practice channel): The post could not be taken down, or nobody knows whether it is." in page
    assert "1 thing needs a person." in page
    Operation.objects.update(status="done")
    assert "could not be taken down" not in words(signed_in(bo).get("/"))


@pytest.mark.parametrize("status", [AccountStatus.DISCONNECTED, AccountStatus.NEEDS_RECONNECT])
@pytest.mark.parametrize("marks", ["withdrawn_at", "corrected_at"])
def test_a_change_that_waits_for_its_channel_says_what_to_do(
    item: Item, practice_account: Account, bo: User, status: AccountStatus, marks: str
) -> None:
    campaign = approved(item, bo, None, practice_account)
    message, client = post_of(campaign), signed_in(bo)
    begin(message)
    hand_over(message, DeliveryStatus.SENT)
    finish(message)
    Message.objects.filter(pk=message.pk).update(**{marks: timezone.now()})
    PostPart.objects.filter(delivery__message=message).update(step="committed", remote_id="7")
    part = PostPart.objects.get(delivery__message=message)
    kind = "delete" if marks == "withdrawn_at" else "edit"
    operation = Operation.objects.create(part=part, kind=kind, status="pending", due_at=timezone.now())
    assert "Waits for its channel" not in words(client.get("/")), "a worker does it in a moment"
    settle = f"/sendouts/{campaign.pk}/changes/{operation.pk}"
    client.post(settle, {"do": "done"})
    assert Operation.objects.get().status == "pending"
    Account.objects.filter(pk=practice_account.pk).update(status=status)
    page = words(client.get("/"))
    what = "take the post down" if marks == "withdrawn_at" else "correct the post"
    assert "Waits for its channel" in page and f"Connect it, or {what} there yourself." in page
    shown = client.get(f"/sendouts/{campaign.pk}")
    assert f'href="/channels/{practice_account.pk}"' in shown.content.decode() and "It is done" in words(shown)
    client.post(settle, {"do": "done"})
    assert Operation.objects.get().status == "done" and "Waits for its channel" not in words(client.get("/"))
