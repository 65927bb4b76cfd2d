"""A send-out's page from approval to receipt: numbers that add up, reasons in words, a button for what is undecided."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from publisher.compose.compiled import compile_message
from publisher.models import Account, Campaign, Delivery, Item, Message, Newsletter, PostPart, Rule, User
from publisher.models.agreement import check_counts
from publisher.review import approval
from publisher.review.drafting import suggest_time
from publisher.vocabulary import AccountStatus, CampaignStatus, DeliveryStatus, HoldReason, MessageStatus, PartStep
from tests.review.send_outs import begin, finish, freeze, hand_over, mail_of, outcome, post_of, send_out, soon
from tests.web.desk import UNTIDY, more_items, questions
from tests.web.office import reader_in, signed_in, words

pytestmark = pytest.mark.database


@pytest.fixture
def sending(campaign: Campaign, bo: User) -> Campaign:
    """Approved, frozen for ten (three of them skipped), and begun."""
    approval.send_now(campaign, bo)
    mail = mail_of(campaign)
    freeze(mail, 7, skipped=3)
    Delivery.objects.filter(message=mail, status=DeliveryStatus.SUPPRESSED).update(reason="unsubscribed")
    begin(mail)
    begin(post_of(campaign))
    return Campaign.objects.get(pk=campaign.pk)


def read(campaign: Campaign) -> Campaign:
    return Campaign.objects.get(pk=campaign.pk)


def act(client: Client, message: Message, do: str, status: str = "") -> str:
    """Press a button of one message; answers what the page then says."""
    address = f"/sendouts/{message.campaign_id}/messages/{message.pk}"
    return words(client.post(address, {"do": do, "status": status}, follow=True))


def approving(campaign: Campaign, promised: str) -> dict[str, str]:
    return {"do": "approve", "revision": str(campaign.revision), "promised": promised}


def test_a_draft_opens_where_it_is_written(path: str, annas: Client) -> None:
    assert annas.get(path)["Location"] == f"{path}/edit"


def test_strangers_find_nothing_anywhere(campaign: Campaign, path: str, sven: User) -> None:
    svens, mail = signed_in(sven), mail_of(campaign)
    for address in (path, f"{path}/live", f"{path}/cancel", f"{path}/messages/{mail.pk}/cancel"):
        assert svens.get(address).status_code == 404, address
    for address in (f"{path}/act", f"{path}/cancel", f"{path}/messages/{mail.pk}", f"{path}/messages/{mail.pk}/cancel"):
        assert svens.post(address, {"do": "approve"}).status_code == 404, address
    assert campaign.title not in words(svens.get("/sendouts"))


def test_in_review_the_colleague_sees_all_and_approves_the_time_that_was_meant(
    campaign: Campaign, path: str, anna: User, annas: Client, bos: Client
) -> None:
    at = datetime(2027, 3, 27, 7, tzinfo=UTC)
    suggest_time(campaign, at, datetime(2027, 3, 27, 8))
    approval.submit(campaign, anna)
    page = words(bos.get(path))
    assert "Written by" not in page or "Anna" in page
    assert "Is sent Saturday 27 March 2027 at 08:00 to 0 recipients and 1 channel" in page
    assert "Checks" in page
    assert "if a colleague approves it" in words(annas.get(path))
    assert annas.post(f"{path}/act", approving(campaign, at.isoformat())).status_code == 403
    bos.post(f"{path}/act", approving(campaign, at.isoformat()))
    stored = read(campaign)
    assert (stored.status, stored.scheduled_at) == (CampaignStatus.APPROVED, at)
    assert stored.scheduled_wall == datetime(2027, 3, 27, 8, tzinfo=UTC)


def test_approving_twice_is_harmless(campaign: Campaign, path: str, anna: User, bos: Client) -> None:
    approval.submit(campaign, anna)
    data = approving(campaign, "now")
    for _ in range(2):
        assert bos.post(f"{path}/act", data)["Location"] == path
    assert campaign.messages.filter(status=MessageStatus.SCHEDULED).count() == 2
    assert "changed by someone else" not in words(bos.get(path))


def test_what_was_changed_after_one_looked_is_not_approved(
    campaign: Campaign, path: str, anna: User, bos: Client
) -> None:
    approval.submit(campaign, anna)
    Campaign.objects.update(revision=5)
    page = words(bos.post(f"{path}/act", approving(campaign, "now"), follow=True))
    assert "This was changed by someone else meanwhile; load the page again." in page
    assert read(campaign).status == CampaignStatus.IN_REVIEW


def test_a_time_that_passed_meanwhile_is_said_before_anything_is_sent(
    campaign: Campaign, path: str, anna: User, bos: Client
) -> None:
    at = soon()
    suggest_time(campaign, at)
    approval.submit(campaign, anna)
    with time_machine.travel(at + timedelta(hours=1), tick=False):
        client = bos
        client.force_login(User.objects.get(name="Bo"))
        page = words(client.post(f"{path}/act", approving(campaign, at.isoformat()), follow=True))
        assert "The planned time has passed meanwhile." in page
        assert "Approved now, it is sent now" in page
        assert read(campaign).status == CampaignStatus.IN_REVIEW


def test_taken_back_it_is_a_draft_again(campaign: Campaign, path: str, anna: User, annas: Client) -> None:
    approval.submit(campaign, anna)
    assert "It is a draft again" in words(annas.post(f"{path}/act", {"do": "back"}, follow=True))
    assert read(campaign).status == CampaignStatus.DRAFT


def test_the_minute_of_undo(campaign: Campaign, path: str, bo: User, bos: Client, annas: Client) -> None:
    approval.send_now(campaign, bo)
    response = bos.get(path)
    assert "You can still undo it." in words(response)
    assert "Undo" in words(response)
    assert "every 1s" in response.content.decode()
    assert "Undo" not in words(annas.get(path))
    seconds = int(words(bos.get(f"{path}/live?stage=countdown")).split("Is sent in ")[1].split()[0])
    assert 50 <= seconds <= 60
    assert annas.post(f"{path}/act", {"do": "undo"}).status_code == 403
    page = words(bos.post(f"{path}/act", {"do": "undo"}, follow=True))
    assert "Undone: nothing was sent. It is a draft again." in page
    assert not Delivery.objects.exists()


def test_undo_too_late_says_so(sending: Campaign, path: str, bos: Client) -> None:
    assert "It is already being sent; stop it instead." in words(bos.post(f"{path}/act", {"do": "undo"}, follow=True))


def test_a_page_is_loaded_anew_when_it_is_about_something_else(sending: Campaign, path: str, bos: Client) -> None:
    assert bos.get(f"{path}/live?stage=countdown")["HX-Refresh"] == "true"


def test_the_receipt_lives_while_it_is_sent_and_is_quiet_when_nothing_changed(
    sending: Campaign, path: str, bos: Client
) -> None:
    # It says to the minute when the last one will have gone, and that moves by itself.
    with time_machine.travel(timezone.now(), tick=False):
        source = bos.get(path).content.decode()
        assert 'hx-trigger="every 2s"' in source
        seen = source.split("seen=")[1].split('"')[0]
        assert bos.get(f"{path}/live?stage=sending&seen={seen}").status_code == 204
    hand_over(mail_of(sending), DeliveryStatus.SENT, 2)
    page = words(bos.get(f"{path}/live?stage=sending&seen={seen}"))
    assert "Sent 2" in page
    assert "Waiting 5" in page
    assert "Skipped 3" in page
    assert "Together 10" in page


def test_a_finished_receipt_adds_up_and_stands_still(sending: Campaign, path: str, bos: Client) -> None:
    mail, post = mail_of(sending), post_of(sending)
    hand_over(mail, DeliveryStatus.SENT, 6)
    outcome(mail, DeliveryStatus.PENDING, DeliveryStatus.FAILED, 1, "refused")
    Delivery.objects.filter(pk=Delivery.objects.filter(message=mail, status="sent")[0].pk).update(
        bounced_at=timezone.now()
    )
    compile_message(Message.objects.get(pk=mail.pk))
    hand_over(post, DeliveryStatus.SENT)
    PostPart.objects.update(step=PartStep.CONFIRMED, permalink="https://social.example.org/@k/1")
    finish(mail)
    finish(post)
    response = bos.get(path)
    page, source = words(response), response.content.decode()
    for said in (
        "Sent 6",
        "Failed 1",
        "Skipped 3",
        "Together 10",
        "3 skipped: has unsubscribed",
        "1 failed: the receiving server refused the address",
        "Sent 6, of which 1 came back",
        "It adds up: 10 recipients were counted before sending, and each has exactly one line here.",
        "Try the 1 that failed again",
    ):
        assert said in page, said
    assert f'href="https://opslag.test/m/{mail.public_id.hex}"' in source
    assert 'href="https://social.example.org/@k/1"' in source
    assert "hx-get" not in source.split('id="live"')[1].split(">")[0]


def test_a_receipt_that_does_not_add_up_says_so(sending: Campaign, path: str, bos: Client) -> None:
    hand_over(mail_of(sending), DeliveryStatus.SENT, 7)
    finish(mail_of(sending))
    Message.objects.filter(pk=mail_of(sending).pk).update(frozen_count=11)
    assert "It does not add up: 11 recipients were counted before sending." in words(bos.get(path))


def test_a_post_waits_a_little_for_its_address(sending: Campaign, path: str, bos: Client) -> None:
    hand_over(mail_of(sending), DeliveryStatus.SENT, 7)
    hand_over(post_of(sending), DeliveryStatus.SENT)
    finish(mail_of(sending))
    finish(post_of(sending))
    assert 'hx-trigger="every 5s"' in bos.get(path).content.decode()
    Message.objects.update(finished_at=timezone.now() - timedelta(hours=1))
    assert 'hx-trigger="every 5s"' not in bos.get(path).content.decode()


def test_pause_and_resume(sending: Campaign, path: str, bos: Client, annas: Client) -> None:
    mail = mail_of(sending)
    assert annas.post(f"{path}/messages/{mail.pk}", {"do": "pause"}).status_code == 403
    assert "Kulturnyt: paused." in act(bos, mail, "pause")
    assert mail_of(sending).status == MessageStatus.PAUSED
    assert "changed by someone else" in act(bos, mail, "pause")
    assert "Kulturnyt: resumed." in act(bos, mail, "resume")
    assert mail_of(sending).status == MessageStatus.SENDING


def test_held_says_why_and_goes_after_all(campaign: Campaign, path: str, bo: User, bos: Client, annas: Client) -> None:
    approval.approve(campaign, bo, scheduled_at=soon())
    Message.objects.filter(pk=mail_of(campaign).pk).update(status=MessageStatus.HELD, hold_reason=HoldReason.RESTORED)
    page = words(bos.get(path))
    assert "The installation was restored from a backup; it may already have been sent." in page
    assert "Send it all the same" in page
    assert "Somebody who approves send-outs must decide this." in words(annas.get(path))
    assert "goes out now, or at its planned time" in act(bos, mail_of(campaign), "release")
    assert mail_of(campaign).status == MessageStatus.SCHEDULED


def test_a_broken_channel_leads_to_where_it_is_connected(
    campaign: Campaign, practice_account: Account, path: str, bo: User, bos: Client
) -> None:
    approval.approve(campaign, bo, scheduled_at=soon())
    Account.objects.update(status=AccountStatus.NEEDS_RECONNECT)
    response = bos.get(path)
    assert "The channel refuses us." in words(response)
    assert f'href="/channels/{practice_account.pk}"' in response.content.decode()


@pytest.mark.parametrize(
    ("do", "status"),
    [("sent", DeliveryStatus.SENT), ("failed", DeliveryStatus.FAILED), ("resend", DeliveryStatus.PENDING)],
)
def test_an_unconfirmed_post_is_settled_by_a_person(
    do: str, status: DeliveryStatus, sending: Campaign, path: str, bos: Client
) -> None:
    post = post_of(sending)
    hand_over(post, DeliveryStatus.UNCERTAIN)
    finish(post)
    assert "Look at the channel: is it there?" in words(bos.get(path))
    assert "1 settled." in act(bos, post, do, "uncertain")
    assert Delivery.objects.get(message=post).status == status


def test_unconfirmed_mails_are_settled_together(sending: Campaign, path: str, bos: Client) -> None:
    mail = mail_of(sending)
    hand_over(mail, DeliveryStatus.UNCERTAIN, 3)
    assert "3 mails were handed over, but the answers were lost. Sent again, they may arrive twice." in words(
        bos.get(path)
    )
    assert "3 settled." in act(bos, mail, "sent", "uncertain")
    assert Delivery.objects.filter(message=mail, status=DeliveryStatus.SENT).count() == 3
    assert not Delivery.objects.filter(message=mail, status=DeliveryStatus.SENT, sent_at=None).exists()
    assert "said of 3 that they were sent" in words(bos.get(path)) and not check_counts(mail)
    assert "changed by someone else" in act(bos, mail, "sent", "failed")
    assert "changed by someone else" in act(bos, mail, "invented", "uncertain")


def test_a_failed_post_says_why_and_is_tried_again(sending: Campaign, path: str, bos: Client) -> None:
    post = post_of(sending)
    hand_over(post, DeliveryStatus.FAILED)
    finish(post)
    Delivery.objects.filter(message=post).update(
        last_error={"msgid": "The post has neither text nor picture.", "params": {}}
    )
    assert "The post was not published. The post has neither text nor picture." in words(bos.get(path))
    act(bos, post, "resend", "failed")
    assert post_of(sending).status == MessageStatus.SENDING


def test_cancelling_asks_first_and_says_what_cannot_be_called_back(
    sending: Campaign, path: str, bos: Client, annas: Client
) -> None:
    mail = mail_of(sending)
    hand_over(mail, DeliveryStatus.SENT, 2)
    asked = words(bos.get(f"{path}/messages/{mail.pk}/cancel"))
    assert "2 have already gone out." in asked
    assert "5 are still waiting." in asked
    assert mail_of(sending).status == MessageStatus.SENDING
    assert "Cancelled for 5 recipients." in words(bos.post(f"{path}/messages/{mail.pk}/cancel", follow=True))
    assert annas.post(f"{path}/cancel").status_code == 403
    assert "Cancelled. What had gone out stays out" in words(bos.post(f"{path}/cancel", follow=True))
    assert read(sending).status == CampaignStatus.CANCELLED


def test_who_did_what_and_which_rule_made_it(sending: Campaign, path: str, bos: Client) -> None:
    rule = Rule.objects.create(organisation=sending.organisation, name="Nyheder ud med det samme")
    Campaign.objects.update(rule=rule)
    page = words(bos.get(path))
    assert "the rule “Nyheder ud med det samme”" in page
    assert "Bo · Approved" in page
    assert "Opslag · Kulturnyt, Prøvekanal (Practice channel): began to send" in page
    assert page.index("Draft made") < page.index("Bo · Approved") < page.index("began to send")


def test_the_list_by_how_far_they_have_come(
    item: Item, campaign: Campaign, newsletter: Newsletter, anna: User, bo: User, annas: Client
) -> None:
    others = more_items(item.organisation, 3)
    review, planned, gone = (send_out(each, newsletter) for each in others)
    approval.submit(review, anna)
    approval.approve(planned, bo, scheduled_at=soon())
    approval.send_now(gone, bo)
    freeze(mail_of(gone), 2)
    begin(mail_of(gone))
    hand_over(mail_of(gone), DeliveryStatus.SENT, 2)
    finish(mail_of(gone))
    shown = {}
    for view in ("drafts", "review", "planned", "sent", "all"):
        response = annas.get(f"/sendouts?show={view}")
        shown[view] = {each.pk for each in response.context["page"]}
    assert shown == {
        "drafts": {campaign.pk},
        "review": {review.pk},
        "planned": {planned.pk},
        "sent": {gone.pk},
        "all": {campaign.pk, review.pk, planned.pk, gone.pk},
    }
    page = words(annas.get("/sendouts?show=sent"))
    assert "2 mails sent" in page
    assert "1 is planned, 1 waits for approval." in page
    assert annas.get("/sendouts?show=nonsense").context["show"] == "all"


def test_empty_views_of_the_list_teach(annas: Client) -> None:
    for view in ("drafts", "review", "planned", "sent", "all"):
        assert "Choose a news item" in words(annas.get(f"/sendouts?show={view}"))


def test_a_reader_sees_the_receipt_and_no_buttons(sending: Campaign, path: str) -> None:
    rita = signed_in(reader_in(sending.organisation))
    response = rita.get(path)
    assert "Receipt" in words(response)
    assert 'name="do"' not in response.content.decode()
    assert rita.post(f"{path}/act", {"do": "undo"}).status_code == 403


def test_danish_and_tidy(sending: Campaign, path: str, anna: User) -> None:
    danish = signed_in(anna, "da")
    for address in (path, "/sendouts", f"{path}/live?stage=sending"):
        source = danish.get(address).content.decode()
        assert UNTIDY.findall(source) == []
    assert '<html lang="da">' in danish.get(path).content.decode()


def test_pages_ask_little(sending: Campaign, newsletter: Newsletter, path: str, bos: Client, bo: User) -> None:
    assert questions(bos, path) <= 45
    assert questions(bos, f"{path}/live?stage=sending") <= 20
    before = questions(bos, "/sendouts")
    for each in more_items(sending.organisation, 6):
        approval.approve(send_out(each, newsletter), bo, scheduled_at=soon())
    assert questions(bos, "/sendouts") == before <= 20


def test_after_signing_in_anew_a_button_leads_back_to_the_page(sending: Campaign, path: str, bos: Client) -> None:
    assert bos.get(f"{path}/act")["Location"] == path
    assert bos.get(f"{path}/messages/{mail_of(sending).pk}")["Location"] == path
