"""A person says where an unconfirmed post is: it is read back there, adopted, and what follows it goes on.

The same for a post that somebody had called public before without saying where.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.access.audit import record
from publisher.access.roles import require
from publisher.accounts.renewal import with_access
from publisher.accounts.settings import platform_of
from publisher.address_guard import time_limit
from publisher.deliver.post import account_of, adopt, plan_of, taken_ids
from publisher.deliver.post_claim import ClaimLostError, PostClaim, take
from publisher.deliver.reconcile import LEASE, conclude
from publisher.errors import InputError, OpslagError
from publisher.models import Claim, Delivery, Message, PostPart, User
from publisher.models.line import hold_briefly
from publisher.platforms.abilities import FollowUp
from publisher.platforms.contract import Published
from publisher.platforms.post_address import Shown, anothers_post, resembles
from publisher.review.control import ASKED_NOW, decide
from publisher.review.moves import CHANGED_MEANWHILE
from publisher.vocabulary import PUBLIC_STEPS, DeliveryStatus, MessageStatus, PartStep

# A person waits for it.
CALL_S = 30.0
CLOCK_SKEW = timedelta(minutes=5)
SHOWN_LENGTH = 120
_READ = gettext_noop("%(outlet)s: said that the post is at %(address)s, where Opslag has read it")
_SAID = gettext_noop("%(outlet)s: said that the post is at %(address)s")
_NOT_READ = gettext_noop("The post could not be read at that address: %(why)s Nothing was changed.")
_TOO_OLD = gettext_noop("That post is older than ours: it was there before Opslag asked for this one.")
_TAKEN = gettext_noop("That is another post that Opslag has published. Paste the address of this one.")
_OTHER_WORDS = gettext_noop("The post at that address says something else: “%(text)s”. Paste the address of this one.")
_OTHER_PLACE = gettext_noop("That post does not follow the one before it in the thread. Paste the address of this one.")


@dataclass(frozen=True)
class Unplaced:
    """A public part, or one that may be, of which nobody knows where it is. `rest`: how many parts of it are not made.

    `is_open`: nobody has said yet whether it is public. `takes_address`: its address would lead to it;
    `is_checked`: it is looked whether the post is there.
    """

    part: PostPart
    rest: int
    is_open: bool
    takes_address: bool
    is_checked: bool


def unplaced(delivery: Delivery) -> Unplaced | None:
    """What of a post has no known place, if anything."""
    parts = list(delivery.parts.all())
    is_open = delivery.status == DeliveryStatus.UNCERTAIN
    steps = (PartStep.COMMITTING,) if is_open else PUBLIC_STEPS
    part = next((each for each in parts if each.step in steps and not each.remote_id), None)
    account = delivery.account
    if part is None or account is None:
        return None
    platform = platform_of(account)
    # A comment stands beneath a post that is known, and goes with it; its own address is hard to find.
    abilities = platform.abilities(account.facts)
    is_comment = bool(part.position) and abilities.follow_up == FollowUp.COMMENT
    rest = sum(each.step not in PUBLIC_STEPS for each in parts if each.position > part.position)
    takes_address = bool(platform.address_example) and not is_comment
    return Unplaced(part, rest, is_open, takes_address, is_checked=abilities.finds)


def settle_at(delivery: Delivery, user: User | None, address: str) -> Shown:
    """The post is at `address`: read it there, keep where it is, and let the rest of its thread go on.

    Raises PermissionDenied, and InputError where it is no such post, or not this one; then nothing has changed.
    """
    if user is not None:
        require(user, "send", delivery.message.campaign.organisation)
    place = unplaced(delivery)
    if place is None or not place.takes_address:
        raise InputError(CHANGED_MEANWHILE)
    if not place.is_open:
        shown = _read(delivery, place.part, address)
        _keep_late(delivery, place, shown, user)
        return shown
    with _held(delivery) as mine:
        shown = _read(delivery, place.part, address)
        with transaction.atomic():
            hold_briefly()
            # In the order in which `take` locks them.
            Message.objects.select_for_update(no_key=True).get(pk=delivery.message_id)
            adopt(place.part, Published(shown.remote_id, shown.permalink), mine)
            _note(delivery, user, shown)
            conclude(delivery, mine)
    return shown


@contextmanager
def _held(delivery: Delivery) -> Iterator[PostClaim]:
    """Nobody else looks for the post, or decides about it, meanwhile. What was refused leaves it as it was."""
    now = timezone.now()
    asked = Claim.objects.filter(lease_until__gt=now).values("pk")
    free = Delivery.objects.filter(status=DeliveryStatus.UNCERTAIN).exclude(claim_id__in=asked)
    mine = take(delivery.pk, free, DeliveryStatus.UNCERTAIN, LEASE, due_at=now + LEASE)
    if mine is None:
        raise InputError(ASKED_NOW)
    try:
        yield mine
    except ClaimLostError as error:
        raise InputError(CHANGED_MEANWHILE) from error
    except InputError:
        with transaction.atomic():
            ours = Delivery.objects.filter(pk=delivery.pk, claim_id=mine.claim_id, status=DeliveryStatus.UNCERTAIN)
            ours.update(due_at=delivery.due_at, strikes=F("strikes") - 1)
            Claim.objects.filter(pk=mine.claim_id).delete()
        raise


def _read(delivery: Delivery, part: PostPart, address: str) -> Shown:
    account = account_of(delivery)
    since = part.first_commit_at or part.published_at or timezone.now()
    try:
        platform, post = plan_of(delivery, part)
        post = replace(post, taken=taken_ids(delivery, part))
        with time_limit(CALL_S):
            shown = with_access(
                account,
                lambda config: platform.shown(
                    config, account.facts, platform.remote_id_of(address, config, account.facts), post, since
                ),
            )
    except InputError:
        raise
    except OpslagError as error:
        raise InputError(_NOT_READ, why=error.explanation) from error
    if not shown.own:
        raise anothers_post()
    others = PostPart.objects.filter(delivery__account=account, remote_id=shown.remote_id).exclude(pk=part.pk)
    if others.exists():
        raise InputError(_TAKEN)
    if shown.at is not None and shown.at < since - CLOCK_SKEW:
        raise InputError(_TOO_OLD)
    if shown.reply_to is not None and shown.reply_to != post.reply_to:
        raise InputError(_OTHER_PLACE)
    if not resembles(post.text, shown.text):
        raise InputError(_OTHER_WORDS, text=" ".join(shown.text.split())[:SHOWN_LENGTH])
    return shown


def _keep_late(delivery: Delivery, place: Unplaced, shown: Shown, user: User | None) -> None:
    """Of one that somebody called public before: what was cut off then is published now."""
    known = {"remote_id": shown.remote_id, "permalink": shown.permalink, "published_at": timezone.now()}
    with transaction.atomic():
        hold_briefly()
        message = Message.objects.select_for_update(no_key=True).get(pk=delivery.message_id)
        if not PostPart.objects.filter(pk=place.part.pk, step__in=PUBLIC_STEPS, remote_id="").update(**known):
            raise InputError(CHANGED_MEANWHILE)
        _note(delivery, user, shown)
        stays = message.withdrawn_at is not None or message.status == MessageStatus.CANCELLED
        delivery.refresh_from_db()
        if place.rest and delivery.status == DeliveryStatus.FAILED and not stays:
            decide(delivery, user, "resend")


def _note(delivery: Delivery, user: User | None, shown: Shown) -> None:
    campaign = delivery.message.campaign
    words, address = _READ if shown.was_read else _SAID, shown.permalink or shown.remote_id
    record(campaign.organisation, user, "placed", campaign, words, outlet=str(delivery.account), address=address)
