"""Photo consent: told before it ends; taken back, its picture leaves everything that has not gone out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import partial

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.access.audit import record
from publisher.access.notices import notify_administrators, notify_approvers
from publisher.access.roles import require
from publisher.errors import Explanation, InputError
from publisher.items.library import day_in_numbers, ends_soon
from publisher.items.pictures import remove_withdrawn_files
from publisher.models import (
    Block,
    Campaign,
    Delivery,
    Item,
    Message,
    Operation,
    Organisation,
    Picture,
    PostPart,
    PostPicture,
    User,
)
from publisher.review.afterwards import take_down
from publisher.review.approval import to_draft
from publisher.review.moves import CHANGED_MEANWHILE, move
from publisher.review.withdraw import UNPREPARED, forget_freeze
from publisher.vocabulary import (
    CampaignStatus,
    DeliveryStatus,
    MessageStatus,
    NoticeKind,
    OperationKind,
    OperationStatus,
    Outlet,
    PartStep,
)

_TAKEN_OUT = Explanation(gettext_noop("Its picture was taken out, because the photo consent was withdrawn."))
_NOT_PUBLIC = (PartStep.WAITING, PartStep.PREPARING, PartStep.PREPARED)
_NOT_BEGUN = (MessageStatus.SCHEDULED, MessageStatus.PAUSED, MessageStatus.HELD)
_IN_HAND = (OperationStatus.PENDING, OperationStatus.WORKING, OperationStatus.DONE)
_PUBLIC = (DeliveryStatus.SENT, DeliveryStatus.UNCERTAIN, DeliveryStatus.SENDING)


def campaigns_with(picture: Picture) -> QuerySet[Campaign]:
    """The send-outs that show a picture, latest first."""
    in_mails = Block.objects.filter(picture=picture).values("message__campaign")
    in_posts = PostPicture.objects.filter(picture=picture).values("message__campaign")
    shown = Campaign.objects.filter(Q(pk__in=in_mails) | Q(pk__in=in_posts))
    rows = ("messages__newsletter", "messages__account", "messages__counts")
    return shown.prefetch_related(*rows).order_by("-created_at", "-pk")


def posts_to_delete(organisation: Organisation) -> QuerySet[PostPicture]:
    """Public posts with a picture that may not be shown any more, which only a person can delete; the oldest first.

    A row for each such picture of a post. A post that is being taken down, or was, is not among them; one that could
    not be taken down is.
    """
    handled = Operation.objects.filter(part=OuterRef("pk"), kind=OperationKind.DELETE, status__in=_IN_HAND)
    left = PostPart.objects.filter(~Exists(handled), delivery__message=OuterRef("message"))
    published = Delivery.objects.filter(message=OuterRef("message"), account__isnull=False, status__in=_PUBLIC)
    posts = PostPicture.objects.for_organisation(organisation).filter(
        Exists(published), Exists(left), left_out=False, picture__withdrawn_at__isnull=False, gone_at=None
    )
    rows = posts.select_related("message__campaign", "message__account", "picture")
    return rows.prefetch_related("message__deliveries__parts").order_by("message__started_at", "message_id", "position")


def deleted_by_hand(shown: PostPicture, user: User) -> None:
    """Note that somebody has deleted a public post, or this picture of it, on its platform."""
    campaign = shown.message.campaign
    require(user, "edit", campaign.organisation)
    with transaction.atomic():
        if PostPicture.objects.filter(pk=shown.pk, gone_at=None).update(gone_at=timezone.now()):
            words = gettext_noop("%(outlet)s: deleted by hand, because the photo consent was withdrawn")
            record(campaign.organisation, user, "picture_deleted", campaign, words, outlet=shown.message.account)


def withdraw_consent(picture: Picture, user: User) -> None:
    """Let a picture be used no more, for good: the persons in it have taken their consent back.

    It leaves news, drafts and what is planned, which becomes draft again (or is paused where a part of it has gone
    out); those who approve are told. Public posts with it are taken down where their channel can. Its files are
    removed, so that mails already sent show its description. Raises InputError if somebody was faster.
    """
    organisation = picture.organisation
    require(user, "edit", organisation)
    with transaction.atomic():
        if not Picture.objects.filter(pk=picture.pk, withdrawn_at=None).update(withdrawn_at=timezone.now()):
            raise InputError(CHANGED_MEANWHILE)
        picture.refresh_from_db()
        Item.objects.filter(picture=picture).update(
            picture=None,
            picture_alt="",
            picture_by_hand=False,
            picture_error=_TAKEN_OUT.as_json(),
            updated_at=timezone.now(),
        )
        ids = campaigns_with(picture).order_by().values("pk")
        for campaign in Campaign.objects.select_for_update().filter(pk__in=ids).order_by("pk"):
            _take_out(campaign, picture, user)
        for message in (shown.message for shown in posts_to_delete(organisation).filter(picture=picture)):
            if take_down(message, user, timezone.now()):
                words = gettext_noop("%(outlet)s: to be deleted, because the photo consent was withdrawn")
                record(organisation, user, "picture_deleted", message.campaign, words, outlet=message.account)
        record(organisation, user, "consent_withdrawn", picture, gettext_noop("withdrew the photo consent"))
        transaction.on_commit(partial(remove_withdrawn_files, [picture]))


def _take_out(campaign: Campaign, picture: Picture, user: User) -> None:
    was = campaign.status
    if was == CampaignStatus.CANCELLED:
        return
    if was != CampaignStatus.DRAFT and not _back_to_draft(campaign):
        if _pause_what_waits(campaign, picture, user):
            words = gettext_noop(
                "“%(title)s” is paused: the photo consent for its picture was withdrawn. Resume it to send it without."
            )
            _tell(campaign, user, words)
        return
    _strip(campaign.messages.all(), picture)
    Campaign.objects.filter(pk=campaign.pk).update(revision=F("revision") + 1)
    record(campaign.organisation, user, "picture_taken_out", campaign, _TAKEN_OUT.msgid)
    if was != CampaignStatus.DRAFT:
        words = gettext_noop(
            "“%(title)s” is a draft again: the photo consent for its picture was withdrawn. Choose another picture and "
            "approve it anew."
        )
        _tell(campaign, user, words)


def _tell(campaign: Campaign, user: User, msgid: str) -> None:
    words = Explanation(msgid, {"title": campaign.title})
    notify_approvers(campaign.organisation, NoticeKind.ALERT, campaign, words, but=user)


def _back_to_draft(campaign: Campaign) -> bool:
    """Whether nothing of it had begun, so that it is a draft now."""
    try:
        with transaction.atomic():
            to_draft(campaign, None)
    except InputError:
        campaign.refresh_from_db()
        return False
    return True


def _pause_what_waits(campaign: Campaign, picture: Picture, user: User) -> bool:
    """Take the picture out of what has not begun, and let it wait for a person; false if all of it has."""
    locked = Message.objects.select_for_update(no_key=True).filter(campaign=campaign, started_at=None)
    waiting = [
        message for message in locked.order_by("pk") if message.status in _NOT_BEGUN and _shows(message, picture)
    ]
    for message in waiting:
        if message.status == MessageStatus.SCHEDULED:
            move(message, MessageStatus, MessageStatus.PAUSED)
        _unprepare(message)
    _strip(waiting, picture)
    if waiting:
        record(campaign.organisation, user, "picture_taken_out", campaign, _TAKEN_OUT.msgid)
    return bool(waiting)


def _shows(message: Message, picture: Picture) -> bool:
    in_post = message.pictures.filter(picture=picture, left_out=False)
    return in_post.exists() or message.blocks.filter(picture=picture).exists()


def _unprepare(message: Message) -> None:
    """Forget what was made ready of it with the picture: the compiled mail with its audience, or a post's uploads."""
    if message.outlet == Outlet.EMAIL:
        forget_freeze([message])
        Message.objects.filter(pk=message.pk).update(**UNPREPARED)
        return
    # Without its claim, who is uploading at this moment can store nothing.
    Delivery.objects.filter(message=message, status=DeliveryStatus.PENDING).update(claim_id=None)
    parts = PostPart.objects.filter(delivery__message=message, step__in=_NOT_PUBLIC)
    parts.update(step=PartStep.WAITING, prepared={}, prepared_at=None)


def _strip(messages: Iterable[Message], picture: Picture) -> None:
    ids = [message.pk for message in messages]
    PostPicture.objects.filter(message__in=ids, picture=picture).delete()
    for block in Block.objects.filter(message__in=ids, picture=picture):
        block.picture = None
        block.content.update({"alt": "", "caption": "", "credit": ""})
        block.save(update_fields=["picture", "content"])


def tell_of_ending(now: datetime) -> int:
    """Tell administrators, once for each day on which it ends, of photo consents that end within 30 days.

    Also takes away what is left of withdrawn pictures' files, should a worker have died before. Answers how many
    pictures that concerns.
    """
    remove_withdrawn_files(Picture.objects.filter(withdrawn_at__isnull=False))
    today = timezone.localdate(now)
    untold = Picture.objects.filter(ends_soon(today)).exclude(consent_told=F("consent_until"))
    told = 0
    for organisation in Organisation.objects.filter(pk__in=untold.values("organisation")):
        with transaction.atomic():
            pictures = list(
                untold.select_for_update().filter(organisation=organisation).order_by("consent_until", "pk")
            )
            if pictures:
                Picture.objects.filter(pk__in=[each.pk for each in pictures]).update(consent_told=F("consent_until"))
                notify_administrators(organisation, NoticeKind.ALERT, pictures[0], _ending(pictures))
        told += len(pictures)
    return told


def _ending(pictures: list[Picture]) -> Explanation:
    first = pictures[0]
    assert first.consent_until is not None
    day = day_in_numbers(first.consent_until)
    if len(pictures) > 1:
        words = gettext_noop(
            "Photo consent ends soon for %(number)s pictures, first on %(day)s. They are under “Consent ends” in the "
            "picture library: renew the consent, or choose other pictures."
        )
        return Explanation(words, {"number": str(len(pictures)), "day": day})
    if first.consent_by:
        words = gettext_noop(
            "The photo consent of %(who)s ends on %(day)s. Renew it, or choose another picture for what goes out later."
        )
        return Explanation(words, {"who": first.consent_by, "day": day})
    words = gettext_noop(
        "The photo consent for a picture ends on %(day)s. Renew it, or choose another picture for what goes out later."
    )
    return Explanation(words, {"day": day})
