"""From a published send-out to what changes on each channel, the note on the web page, the mail to those who got it."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client
from django.utils import timezone

from publisher.compose.links import news_url
from publisher.models import Account, Campaign, Delivery, Item, Message, Operation, Partner, PostPart, User
from publisher.models.counting import move_counts
from publisher.review import approval
from publisher.vocabulary import DeliveryStatus, OperationStatus, PartStep
from tests.review.send_outs import begin, freeze, mail_of, post_of
from tests.web.office import reader_in, signed_in, words

pytestmark = pytest.mark.database


@pytest.fixture
def out(campaign: Campaign, bo: User) -> Campaign:
    """Seven have the mail, two wait for it; the post is public."""
    approval.send_now(campaign, bo)
    mail = mail_of(campaign)
    freeze(mail, 9)
    begin(mail)
    begin(post_of(campaign))
    first = Delivery.objects.filter(message=mail).order_by("pk").values_list("pk", flat=True)[:7]
    Delivery.objects.filter(pk__in=list(first)).update(status=DeliveryStatus.SENT)
    Delivery.objects.filter(message=post_of(campaign)).update(status=DeliveryStatus.SENT)
    PostPart.objects.update(step=PartStep.CONFIRMED, remote_id="7")
    Message.objects.filter(pk=mail.pk).update(composed_html="<html><body><p>Nyt</p></body></html>")
    return Campaign.objects.get(pk=campaign.pk)


def chosen(out: Campaign, do: str, text: str = "Rettet tekst", **more: str) -> dict[str, str]:
    post = post_of(out).pk
    return {"note": "Koncerten er på lørdag.", f"post-{post}-do": do, f"post-{post}-text": text} | more


def test_it_is_corrected_everywhere(out: Campaign, path: str, bos: Client) -> None:
    assert "Correct everywhere" in words(bos.get(path))
    page = words(bos.get(f"{path}/correct"))
    assert "2 that wait are never sent" in page and "Change the text of the post" in page
    assert "It goes to the 7 who got the mail" in page
    answer = bos.post(f"{path}/correct", chosen(out, "edit", mail="on"))
    made = Campaign.objects.latest("pk")
    assert answer["Location"] == f"/sendouts/{made.pk}/edit" and made != out
    correction = mail_of(made)
    assert correction.subject.startswith("Rettelse: ") and list(correction.corrects.all()) == [mail_of(out)]
    assert "Koncerten er på lørdag." in correction.blocks.last().content["html"]  # type: ignore[union-attr]
    operation = Operation.objects.get()
    assert (operation.kind, operation.text, operation.status) == ("edit", "Rettet tekst", "pending")
    assert Delivery.objects.filter(message=mail_of(out), status=DeliveryStatus.CANCELLED).count() == 2
    public = words(Client().get(f"/m/{mail_of(out).public_id.hex}"))
    assert "Koncerten er på lørdag." in public and "Rettet " in public and "Nyt" in public
    assert "Waiting" in words(bos.get(path))


@pytest.mark.parametrize("do", ["correct", "withdraw"])
def test_what_is_planned_for_later_is_named_and_cancelled(out: Campaign, path: str, bos: Client, do: str) -> None:
    post = post_of(out)
    Message.objects.filter(pk=post.pk).update(status="scheduled", started_at=None)
    PostPart.objects.update(step=PartStep.WAITING, remote_id="")
    page = words(bos.get(f"{path}/{do}"))
    assert str(post.account) in page and "It has not gone out yet." in page and "Change the text" not in page
    assert bos.post(f"{path}/{do}", {"note": "Det passer ikke."})["Location"] == path
    post.refresh_from_db()
    assert post.status == "cancelled" and not Operation.objects.exists()


@pytest.mark.parametrize("do", ["correct", "withdraw"])
def test_what_is_unconfirmed_is_not_said_to_be_unpublished(out: Campaign, path: str, bos: Client, do: str) -> None:
    PostPart.objects.update(step=PartStep.COMMITTING, remote_id="")
    Delivery.objects.filter(message=post_of(out)).update(status=DeliveryStatus.UNCERTAIN)
    page = words(bos.get(f"{path}/{do}"))
    assert "Unconfirmed: nobody knows yet" in page and "Nothing of it is public" not in page
    bos.post(f"{path}/{do}", chosen(out, "edit"))
    assert Operation.objects.count() == 1
    assert "It is carried out once" in words(bos.get(path))


def test_each_part_of_a_thread_has_its_field(out: Campaign, path: str, bos: Client) -> None:
    part = PostPart.objects.get()
    part.pk, part.position, part.remote_id, part.text = None, 1, "8", "Anden del"
    part.save()
    page = words(bos.get(f"{path}/correct"))
    assert "New text of post 2 in the thread" in page and "Anden del" in page
    bos.post(
        f"{path}/correct",
        chosen(out, "edit", PostPart.objects.first().text, **{f"post-{post_of(out).pk}-text-1": "Ny"}),
    )  # type: ignore[union-attr]
    assert "Correction, post 2 in the thread" in words(bos.get(path))
    assert Operation.objects.get().text == "Ny" and Operation.objects.get().part == part


@pytest.mark.parametrize(
    ("kind", "says"), [("telegram", "pictures stay as they are"), ("threads", "lets no program change a post")]
)
def test_what_cannot_be_changed_is_said_before_also_where_the_text_can(
    out: Campaign, path: str, bos: Client, kind: str, says: str
) -> None:
    Account.objects.filter(pk=post_of(out).account_id).update(kind=kind)
    page = words(bos.get(f"{path}/correct"))
    assert says in page and ("Change the text of the post" in page) == (kind == "telegram")
    assert ("If you take the post down: Threads takes down" in page) == (kind == "threads")


def test_a_correction_mentions_partners_as_the_post_did(out: Campaign, path: str, bos: Client) -> None:
    Partner.objects.create(organisation=out.organisation, name="Koret", handles={"practice": "@koret"})
    bos.post(f"{path}/correct", chosen(out, "edit", "Hør @[Koret]"))
    assert Operation.objects.get().text == "Hør @koret"


def test_it_is_withdrawn_everywhere(out: Campaign, path: str, bos: Client) -> None:
    assert "The post is taken down." in words(bos.get(f"{path}/withdraw"))
    assert bos.post(f"{path}/withdraw", {"note": "Det passer ikke."})["Location"] == path
    assert Operation.objects.get().kind == "delete" and Campaign.objects.count() == 1
    assert "Trukket tilbage " in words(Client().get(f"/m/{mail_of(out).public_id.hex}"))


def test_what_is_withdrawn_says_so_and_offers_neither_again(out: Campaign, path: str, bos: Client) -> None:
    bos.post(f"{path}/withdraw", {"note": "Det passer ikke."})
    for page in (words(bos.get(path)), words(bos.get("/sendouts"))):
        assert "Withdrawn" in page and "1 post published" not in page
    page = words(bos.get(path))
    assert "Correct everywhere" not in page and "Withdraw everywhere" not in page
    assert "What was wrong: “Det passer ikke.”" in page
    move_counts(post_of(out).pk, 1, {DeliveryStatus.SENT: 1})
    assert "1 post had been published" in words(bos.get("/sendouts"))
    for do in ("correct", "withdraw"):
        assert bos.get(f"{path}/{do}")["Location"] == path
        assert bos.post(f"{path}/{do}", {"note": "Igen"})["Location"] == path
    assert Operation.objects.count() == 1


def test_a_channel_that_must_be_connected_again_is_said_before(out: Campaign, path: str, bos: Client) -> None:
    Account.objects.update(status="needs_reconnect")
    for do in ("correct", "withdraw"):
        assert "The channel must be connected again first." in words(bos.get(f"{path}/{do}"))
    bos.post(f"{path}/withdraw", {"note": "Det passer ikke."})
    assert "It waits until the channel is connected again." in words(bos.get(path))


def test_the_note_says_who_sees_it(out: Campaign, path: str, bos: Client) -> None:
    assert "Stands above the mail" in words(bos.get(f"{path}/withdraw"))
    Message.objects.filter(pk=mail_of(out).pk).update(status="draft")
    assert "For your colleagues" in words(bos.get(f"{path}/withdraw"))
    item = out.items.get()
    Message.objects.filter(campaign=out).update(link=news_url(item.pk))
    page = words(bos.get(f"{path}/correct"))
    assert "Stands on our page of the news" in page and "what the news item says now" in page
    Item.objects.update(withdrawn_at=timezone.now())
    assert "what the news item says now" not in words(bos.get(f"{path}/correct")), "the page can no longer be read"


def test_a_post_may_be_left_or_taken_down_alone(out: Campaign, path: str, bos: Client) -> None:
    bos.post(f"{path}/correct", chosen(out, "keep"))
    assert not Operation.objects.exists()
    bos.post(f"{path}/correct", chosen(out, "down"))
    assert Operation.objects.get().kind == "delete"


def test_without_a_word_of_what_was_wrong_nothing_happens_and_what_was_typed_stays(
    out: Campaign, path: str, bos: Client
) -> None:
    answer = bos.post(f"{path}/correct", chosen(out, "edit", "Min rettelse", note=""))
    assert answer.status_code == 422 and "Min rettelse" in words(answer) and not Operation.objects.exists()
    answer = bos.post(f"{path}/correct", chosen(out, "edit", "ø" * 600))
    assert answer.status_code == 422 and "600 characters" in words(answer)


def test_what_failed_is_tried_again_and_what_is_unconfirmed_is_settled(out: Campaign, path: str, bos: Client) -> None:
    bos.post(f"{path}/withdraw", {"note": "Det passer ikke."})
    operation = Operation.objects.get()
    for status, do, then in (
        ("failed", "again", "pending"),
        ("uncertain", "done", "done"),
        ("failed", "done", "done"),
    ):
        Operation.objects.update(status=status)
        assert "Try again" in words(bos.get(path))
        bos.post(f"{path}/changes/{operation.pk}", {"do": do})
        operation.refresh_from_db()
        assert operation.status == OperationStatus(then)


def test_only_those_who_may_send(out: Campaign, path: str, bos: Client, sven: User) -> None:
    bos.post(f"{path}/withdraw", {"note": "Det passer ikke."})
    operation = Operation.objects.get()
    reader = signed_in(reader_in(out.organisation))
    for client, status in ((reader, 403), (signed_in(sven), 404)):
        assert client.get(f"{path}/correct").status_code == status
        assert client.post(f"{path}/withdraw", {"note": "x"}).status_code == status
        assert client.post(f"{path}/changes/{operation.pk}").status_code == status
    assert "Correct everywhere" not in words(reader.get(path))


@pytest.fixture
def alike(out: Campaign) -> list[PostPart]:
    """The same words on two channels more, and others on a fourth."""
    first = PostPart.objects.select_related("delivery__message__account").get()
    PostPart.objects.filter(pk=first.pk).update(text="Koncert på fredag")
    parts = []
    for name, text in (("Biblioteket", "Koncert på fredag"), ("Museet", "Koncert på fredag"), ("Teatret", "Kom!")):
        account = Account.objects.get(pk=first.delivery.account_id)
        account.pk, account.name, account.remote_id = None, name, name
        account.save()
        message = post_of_account(out, first, account)
        delivery = Delivery.objects.create(message=message, account=account, status="sent", due_at=timezone.now())
        parts.append(PostPart.objects.create(delivery=delivery, key=name, text=text, step="confirmed", remote_id=name))
    return parts


def post_of_account(out: Campaign, first: PostPart, account: Account) -> Message:
    message = Message.objects.get(pk=first.delivery.message_id)
    message.pk, message.account, message.public_id = None, account, uuid.uuid4()
    message.save()
    return message


def test_what_several_posts_say_is_corrected_once(out: Campaign, alike: list[PostPart], path: str, bos: Client) -> None:
    page = words(bos.get(f"{path}/correct"))
    assert "New text on Prøvekanal (Practice channel), Biblioteket (Practice channel) and Museet" in page
    assert page.count("Another text on this channel alone") == 3, "Teatret has a field of its own"
    museum = alike[1].delivery.message_id
    sent = {"note": "Forkert dag.", "common-text-0": "Koncert på lørdag", f"post-{museum}-text": "Museets egen"}
    for part in PostPart.objects.select_related("delivery"):
        sent = {
            f"post-{part.delivery.message_id}-do": "edit",
            f"post-{part.delivery.message_id}-text": part.text,
        } | sent
    sent[f"post-{alike[0].delivery.message_id}-do"] = "keep"
    assert bos.post(f"{path}/correct", sent)["Location"] == path
    asked = dict(Operation.objects.values_list("part__delivery__account__name", "text"))
    assert asked == {"Prøvekanal": "Koncert på lørdag", "Museet": "Museets egen"}, (
        "Biblioteket is left, Teatret differs"
    )


def test_a_common_text_that_is_too_long_says_where(
    out: Campaign, alike: list[PostPart], path: str, bos: Client
) -> None:
    sent = {"note": "Forkert dag.", "common-text-0": "ø" * 600}
    for part in PostPart.objects.select_related("delivery"):
        sent |= {f"post-{part.delivery.message_id}-do": "edit", f"post-{part.delivery.message_id}-text": part.text}
    answer = bos.post(f"{path}/correct", sent)
    assert answer.status_code == 422 and "Prøvekanal (Practice channel): the text is 600 characters long" in words(
        answer
    )
    assert "ø" * 600 in words(answer) and not Operation.objects.exists()
