"""The composer: what is typed is kept, what will happen is said first, and a button does only what was said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from publisher.compose.drafts import create_campaign, update_email
from publisher.items.pictures import store_picture
from publisher.models import Account, AuditEntry, Campaign, Item, Message, Newsletter, Notice, Slot, User
from publisher.review import approval
from publisher.vocabulary import CampaignStatus, MessageStatus
from tests.compose.conftest import picture_of
from tests.review.send_outs import mail_of, post_of, send_out, soon
from tests.web.desk import live, more_items, questions, typed
from tests.web.office import reader_in, signed_in, words

pytestmark = pytest.mark.database
NOON = datetime(2026, 3, 20, 11, tzinfo=UTC)


@pytest.fixture
def second(practice_account: Account) -> Account:
    """Another practice channel."""
    return Account.objects.create(
        organisation=practice_account.organisation, kind="practice", name="Den anden", handle="@anden"
    )


def read(campaign: Campaign) -> Campaign:
    return Campaign.objects.get(pk=campaign.pk)


def test_the_page_shows_words_previews_checks_and_what_will_happen(campaign: Campaign, edit: str, bos: Client) -> None:
    response = bos.get(edit)
    page, source = words(response), response.content.decode()
    assert "Mail: Kulturnyt" in page
    assert "Post: Prøvekanal" in page
    assert "Is sent to 0 recipients and 1 channel in 60 seconds. Until then you can undo it." in page
    assert "Nobody would receive it" in page
    assert f'src="/sendouts/{campaign.pk}/mail/{mail_of(campaign).pk}?revision=1"' in source
    assert "of 500 characters" in page


def test_both_languages(edit: str, anna: User) -> None:
    assert '<html lang="da">' in signed_in(anna, "da").get(edit).content.decode()
    assert '<html lang="en">' in signed_in(anna, "en").get(edit).content.decode()


def test_an_editor_may_hand_in_and_not_send(edit: str, annas: Client) -> None:
    page = words(annas.get(edit))
    assert "as soon as a colleague approves it" in page
    assert "Send for approval" in page
    assert "Send now" not in page


def test_readers_and_strangers_stay_out(campaign: Campaign, edit: str, sven: User) -> None:
    reader = signed_in(reader_in(campaign.organisation))
    assert reader.get(edit).status_code == 403
    assert reader.post(edit, typed(campaign)).status_code == 403
    assert signed_in(sven).get(edit).status_code == 404
    assert signed_in(sven).post(edit, typed(campaign)).status_code == 404
    assert reader.get(f"/sendouts/{campaign.pk}").status_code == 200


def test_saving_stores_the_words_and_notes_the_hand_once(campaign: Campaign, edit: str, annas: Client) -> None:
    mail, post = mail_of(campaign), post_of(campaign)
    block = mail.blocks.get()
    data = typed(campaign) | {
        f"mail-{mail.pk}-subject": "Nyt emne",
        f"mail-{mail.pk}-preview_text": "Ny forhåndstekst",
        f"story-{block.pk}-title": "Ny overskrift",
        f"story-{block.pk}-lead": "Ny manchet",
        "posts-text": "Første linje\r\nanden linje",
        "do": "save",
    }
    assert annas.post(edit, data).status_code == 302
    mail, post, block = mail_of(campaign), post_of(campaign), mail.blocks.get()
    assert (mail.subject, mail.preview_text) == ("Nyt emne", "Ny forhåndstekst")
    assert (block.content["title"], block.content["lead"]) == ("Ny overskrift", "Ny manchet")
    assert post.text == "Første linje\nanden linje"
    annas.post(edit, typed(campaign, **{"posts-text": "igen", "do": "save"}))
    assert AuditEntry.objects.filter(action="edited").count() == 1


def test_saving_nothing_new_changes_nothing(campaign: Campaign, edit: str, annas: Client) -> None:
    annas.post(edit, typed(campaign, do="save"))
    live(annas, edit, typed(campaign))
    assert read(campaign).revision == 1
    assert not AuditEntry.objects.filter(action="edited").exists()


def test_autosave_answers_with_what_follows_the_words(campaign: Campaign, edit: str, annas: Client) -> None:
    data = typed(campaign) | {"posts-text": "x" * 501}
    response = live(annas, edit, data)
    source = response.content.decode()
    assert response.status_code == 200
    assert "501 of 500 characters" in words(response)
    assert f'id="see-{post_of(campaign).pk}" hx-swap-oob="true"' in source
    assert 'name="revision" id="revision" value="2"' in source
    assert "The text is 501 characters long" in words(response)
    assert "<textarea" not in source
    assert "iframe" not in source


def test_the_mails_preview_is_fetched_anew_only_when_the_mail_changed(
    campaign: Campaign, edit: str, annas: Client
) -> None:
    data = typed(campaign) | {f"mail-{mail_of(campaign).pk}-subject": "Andet emne"}
    assert "?revision=2" in live(annas, edit, data).content.decode()


def test_what_cannot_be_saved_is_kept_on_the_page(campaign: Campaign, edit: str, annas: Client) -> None:
    long = "Et meget langt emne " * 20
    data = typed(campaign) | {f"mail-{mail_of(campaign).pk}-subject": long, "posts-text": "Ny tekst", "do": "save"}
    response = annas.post(edit, data)
    source = response.content.decode()
    assert response.status_code == 422
    assert long.strip() in source
    assert "Ny tekst" in source
    assert "Please look at this first:" in words(response)
    assert post_of(campaign).text != "Ny tekst"
    assert live(annas, edit, data | {"do": ""}).status_code == 422


def test_a_picture_is_described_once_for_mail_and_post(item: Item, newsletter: Newsletter, practice_account: Account,
                                                       annas: Client) -> None:  # fmt: skip
    item.picture = store_picture(item.organisation, picture_of())
    item.save()
    campaign = send_out(item, newsletter, practice_account)
    edit = f"/sendouts/{campaign.pk}/edit"
    assert "has no description" in words(annas.get(edit))
    annas.post(edit, typed(campaign) | {f"picture-{item.picture.pk}-alt": "To hænder", "do": "save"})
    assert mail_of(campaign).blocks.get().content["alt"] == post_of(campaign).pictures.get().alt == "To hænder"
    assert "has no description" not in words(annas.get(edit))


def test_one_channel_may_have_words_of_its_own(
    item: Item, practice_account: Account, second: Account, annas: Client
) -> None:
    campaign = send_out(item, None, practice_account, second)
    edit, (_first, other) = f"/sendouts/{campaign.pk}/edit", campaign.messages.all()
    annas.post(
        edit,
        typed(campaign)
        | {"posts-text": "Til alle", f"post-{other.pk}-own": "on", f"post-{other.pk}-text": "Kun her", "do": "save"},
    )
    assert [message.text for message in campaign.messages.all()] == ["Til alle", "Kun her"]
    annas.post(edit, typed(campaign) | {f"post-{other.pk}-text": "glemt", f"post-{other.pk}-own": "", "do": "save"})
    assert {message.text for message in campaign.messages.all()} == {"Til alle"}


def test_stories_move_up_and_out(item: Item, newsletter: Newsletter, annas: Client) -> None:
    (other,) = more_items(item.organisation, 1)
    campaign = create_campaign(item.organisation, [item, other], newsletter=newsletter)
    edit = f"/sendouts/{campaign.pk}/edit"
    first, last = mail_of(campaign).blocks.all()
    annas.post(edit, typed(campaign) | {"do": f"up:{last.pk}", f"story-{first.pk}-lead": "Også gemt"})
    assert [block.pk for block in mail_of(campaign).blocks.all()] == [last.pk, first.pk]
    annas.post(edit, typed(campaign) | {"do": f"out:{last.pk}"})
    (left,) = mail_of(campaign).blocks.all()
    assert (left.pk, left.content["lead"]) == (first.pk, "Også gemt")


def test_somebody_else_was_faster(campaign: Campaign, edit: str, annas: Client, bos: Client) -> None:
    mine = typed(campaign) | {f"mail-{mail_of(campaign).pk}-subject": "Annas emne"}
    bos.post(edit, typed(campaign) | {f"mail-{mail_of(campaign).pk}-subject": "Bos emne", "do": "save"})
    response = annas.post(edit, mine | {"do": "save"})
    page = words(response)
    assert response.status_code == 422
    assert "Bo changed this draft while you wrote here." in page
    assert "Bos emne" in page
    assert 'value="Annas emne"' in response.content.decode()
    assert mail_of(campaign).subject == "Bos emne"
    assert "Bo changed this draft" in words(live(annas, edit, mine))
    annas.post(edit, mine | {"do": "overwrite"})
    assert mail_of(campaign).subject == "Annas emne"


def test_the_same_words_from_another_window_are_no_conflict(campaign: Campaign, edit: str, annas: Client) -> None:
    data = typed(campaign) | {"posts-text": "Samme ord"}
    assert live(annas, edit, data).status_code == 200
    response = live(annas, edit, data)
    assert response.status_code == 200
    assert 'value="2"' in response.content.decode()


@time_machine.travel(NOON, tick=False)
def test_a_time_is_kept_with_the_draft_and_said_in_the_sentence(campaign: Campaign, edit: str, annas: Client) -> None:
    data = typed(campaign) | {"when-timing": "later", "when-day": "2026-03-27", "when-clock": "08:00"}
    page = words(live(annas, edit, data))
    assert "Is sent Friday 27 March at 08:00 to 0 recipients and 1 channel , if a colleague approves it." in page
    stored = read(campaign)
    assert stored.scheduled_at == datetime(2026, 3, 27, 7, tzinfo=UTC)
    assert (stored.scheduled_wall, stored.scheduled_zone) == (
        datetime(2026, 3, 27, 8, tzinfo=UTC),
        "Europe/Copenhagen",
    )
    assert 'value="2026-03-27"' in annas.get(edit).content.decode()


@time_machine.travel(NOON, tick=False)
def test_a_time_that_does_not_exist_is_refused_with_the_two_beside_it(
    campaign: Campaign, edit: str, annas: Client
) -> None:
    data = typed(campaign) | {"when-timing": "later", "when-day": "2026-03-29", "when-clock": "02:30"}
    response = annas.post(edit, data | {"posts-text": "Ordene er gemt", "do": "submit"})
    assert response.status_code == 422
    assert "There is no 02:30 on that day: the clocks are set forward. Choose 01:30 or 03:30." in words(response)
    assert post_of(campaign).text == "Ordene er gemt"
    assert read(campaign).status == CampaignStatus.DRAFT


@time_machine.travel(datetime(2026, 10, 20, 11, tzinfo=UTC), tick=False)
def test_of_a_time_that_comes_twice_the_first_is_meant_and_said(campaign: Campaign, edit: str, bos: Client) -> None:
    data = typed(campaign) | {"when-timing": "later", "when-day": "2026-10-25", "when-clock": "02:30"}
    assert "02:30 comes twice on that day" in words(live(bos, edit, data))
    assert read(campaign).scheduled_at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ({"when-timing": "later", "when-day": "2026-03-01", "when-clock": "08:00"}, "That time has passed"),
        ({"when-timing": "later", "when-day": "", "when-clock": ""}, "Choose a day."),
        ({"when-timing": "later", "when-day": "snart", "when-clock": "8"}, "Enter a valid date."),
        ({"when-timing": "igår"}, "Select a valid choice"),
    ],
)
def test_times_that_cannot_be_are_refused_in_words(
    when: dict[str, str], said: str, campaign: Campaign, edit: str, bos: Client
) -> None:
    with time_machine.travel(NOON, tick=False):
        response = bos.post(edit, typed(campaign) | when | {"do": "approve", "promised": "now"})
    assert response.status_code == 422
    assert said in words(response)
    assert read(campaign).status == CampaignStatus.DRAFT


def test_send_now_starts_the_minute_of_undo(campaign: Campaign, edit: str, bos: Client) -> None:
    response = bos.post(edit, typed(campaign) | {"when-timing": "now", "do": "approve", "promised": "now"})
    assert response["Location"] == f"/sendouts/{campaign.pk}"
    stored = read(campaign)
    assert stored.status == CampaignStatus.APPROVED
    assert timedelta(seconds=50) < stored.scheduled_at - timezone.now() <= timedelta(seconds=60)


def test_pressed_twice_it_is_sent_once(campaign: Campaign, edit: str, bos: Client) -> None:
    data = typed(campaign) | {"when-timing": "now", "do": "approve", "promised": "now"}
    bos.post(edit, data)
    response = bos.post(edit, data)
    assert response["Location"] == f"/sendouts/{campaign.pk}"
    assert AuditEntry.objects.filter(action="approved").count() == 1
    assert set(campaign.messages.values_list("status", flat=True)) == {MessageStatus.SCHEDULED}


def test_a_button_does_only_what_the_page_said(campaign: Campaign, edit: str, bos: Client) -> None:
    """The page said “tomorrow”, and without script the choice of “now” was not yet in its sentence."""
    promised = (timezone.now() + timedelta(days=1)).isoformat()
    response = bos.post(edit, typed(campaign) | {"when-timing": "now", "do": "approve", "promised": promised})
    assert response.status_code == 422
    assert "Read the sentence by the button, then press again." in words(response)
    assert read(campaign).status == CampaignStatus.DRAFT


def test_a_plan_is_approved_for_the_chosen_minute(campaign: Campaign, edit: str, bos: Client) -> None:
    with time_machine.travel(NOON, tick=False):
        data = typed(campaign) | {"when-timing": "later", "when-day": "2026-03-27", "when-clock": "08:00"}
        data |= {"do": "approve", "promised": "2026-03-27T07:00:00+00:00"}
        assert live(bos, edit, data)["HX-Redirect"] == f"/sendouts/{campaign.pk}"
    assert set(campaign.messages.values_list("scheduled_at", flat=True)) == {datetime(2026, 3, 27, 7, tzinfo=UTC)}


def test_the_next_posting_time_is_offered_and_taken(
    campaign: Campaign, practice_account: Account, edit: str, bos: Client
) -> None:
    Slot.objects.create(account=practice_account, weekday=0, time="08:00")
    with time_machine.travel(NOON, tick=False):
        response = bos.get(edit)
        assert "At the next posting time: Mon 23 Mar 08:00" in words(response)
        assert "Is sent Monday 23 March at 08:00" in words(response)
        data = typed(campaign) | {"do": "approve", "promised": "2026-03-23T07:00:00+00:00"}
        assert data["when-timing"] == "slot"
        bos.post(edit, data)
    assert read(campaign).scheduled_at == datetime(2026, 3, 23, 7, tzinfo=UTC)


def test_an_editor_hands_in_with_the_time_she_wants(campaign: Campaign, edit: str, annas: Client, bo: User) -> None:
    with time_machine.travel(NOON, tick=False):
        data = typed(campaign) | {"when-timing": "later", "when-day": "2026-03-27", "when-clock": "08:00"}
        annas.post(edit, data | {"do": "submit", "promised": "2026-03-27T07:00:00+00:00"})
    stored = read(campaign)
    assert (stored.status, stored.scheduled_at) == (CampaignStatus.IN_REVIEW, datetime(2026, 3, 27, 7, tzinfo=UTC))
    assert Notice.objects.get().user == bo


def test_an_editor_cannot_approve_by_hand_made_forms(campaign: Campaign, edit: str, annas: Client) -> None:
    response = annas.post(edit, typed(campaign) | {"do": "approve", "promised": "now"})
    assert response.status_code == 403
    assert read(campaign).status == CampaignStatus.DRAFT


def test_errors_of_the_checks_stop_it_and_are_shown(campaign: Campaign, edit: str, bos: Client, annas: Client) -> None:
    update_email(mail_of(campaign), subject="")
    for client, do in ((bos, "approve"), (annas, "submit")):
        response = client.post(edit, typed(campaign) | {"do": do, "promised": "now"})
        assert response.status_code == 422
        assert "Something must be put right first" in words(response)
        assert "The mail has no subject. Write one." in words(response)
    assert read(campaign).status == CampaignStatus.DRAFT


def test_what_is_no_draft_any_more_is_not_written_to(campaign: Campaign, edit: str, annas: Client, bo: User) -> None:
    data = typed(campaign) | {"posts-text": "For sent"}
    approval.approve(campaign, bo, scheduled_at=soon())
    response = live(annas, edit, data)
    assert response.status_code == 422
    assert "This is no draft any more, so nothing was saved." in words(response)
    assert annas.get(edit)["Location"] == f"/sendouts/{campaign.pk}"
    assert post_of(campaign).text != "For sent"


def test_signed_out_meanwhile_nothing_typed_is_lost(campaign: Campaign, edit: str, anna: User) -> None:
    client = Client()
    response = live(client, edit, {"posts-text": "Mine ord"})
    assert response.status_code == 401
    assert "/sign-in/" in response.content.decode()
    assert client.get(edit)["Location"] == f"/sign-in/?next={edit}"
    assert client.get(f"{edit}/again").status_code == 204
    assert 'name="csrfmiddlewaretoken"' in signed_in(anna).get(f"{edit}/again").content.decode()


def test_a_draft_is_cancelled_on_a_page_that_asks_first(campaign: Campaign, edit: str, annas: Client) -> None:
    asks = f"/sendouts/{campaign.pk}/cancel"
    assert f'href="{asks}"' in annas.get(edit).content.decode()
    page = words(annas.get(asks))
    assert f"Cancel the draft “{campaign.title}”?" in page
    assert "gone out" not in page
    assert read(campaign).status == CampaignStatus.DRAFT
    response = annas.post(asks, follow=True)
    assert "was cancelled." in words(response)
    assert response.request["PATH_INFO"] == "/sendouts"
    assert read(campaign).status == CampaignStatus.CANCELLED


def test_the_mail_stands_in_a_box_of_its_own(campaign: Campaign, annas: Client, sven: User) -> None:
    path = f"/sendouts/{campaign.pk}/mail/{mail_of(campaign).pk}"
    response = annas.get(path)
    policy = response["Content-Security-Policy"]
    assert "sandbox" in policy
    assert "script-src 'none'" in policy
    assert "Åben øvelse" in response.content.decode()
    assert signed_in(sven).get(path).status_code == 404
    assert annas.get(f"/sendouts/{campaign.pk}/mail/{post_of(campaign).pk}").status_code == 404


def test_a_mail_that_cannot_be_made_says_why(campaign: Campaign, annas: Client) -> None:
    Newsletter.objects.update(template="missing")
    response = annas.get(f"/sendouts/{campaign.pk}/mail/{mail_of(campaign).pk}")
    assert response.status_code == 200
    assert "No preview" in words(response)


def test_the_page_asks_little_and_not_more_for_more_stories(
    item: Item, campaign: Campaign, newsletter: Newsletter, edit: str, annas: Client
) -> None:
    assert questions(annas, edit) <= 51
    Message.objects.filter(campaign=campaign).update(text="x")
    few = create_campaign(item.organisation, more_items(item.organisation, 1), newsletter=newsletter)
    Item.objects.exclude(pk=item.pk).update(link_key="")
    many = create_campaign(item.organisation, more_items(item.organisation, 6), newsletter=newsletter)
    assert questions(annas, f"/sendouts/{few.pk}/edit") == questions(annas, f"/sendouts/{many.pk}/edit")


def test_without_a_mail_the_checks_speak_of_none(item: Item, practice_account: Account, annas: Client) -> None:
    campaign = send_out(item, None, practice_account)
    page = words(annas.get(f"/sendouts/{campaign.pk}/edit"))
    assert "Texts, links, pictures and lengths are in order." in page and "sender" not in page
