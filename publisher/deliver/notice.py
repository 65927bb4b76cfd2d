"""Notices: transactional mails of ours, one at a time, never behind a newsletter, its pace, its pause or the stop."""

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.text import Truncator
from django.utils.translation import gettext_noop, ngettext

from publisher.compose.wire import wire_address
from publisher.deliver import outcome
from publisher.errors import Explanation, InputError, OpslagError, PermanentError, TransientError
from publisher.models import Notice
from publisher.models.probe import Moment
from publisher.transports import configured_transport, message_headers
from publisher.transports.contract import Connection, Transport
from publisher.transports.esps import DELIVERY_KEY
from publisher.vocabulary import DeliveryStatus, NoticeKind, Reason

LEASE = timedelta(minutes=5)
# A mail server that lets nobody else in is asked again so often (seconds), while lanes make room.
KNOCKS_S = (0.4, 0.6, 0.8)
# After so many seconds without an answer lanes make room for it.
ROOM_AFTER_S = 1.0
# For so long after a notice was written lanes make room for it.
ROOM_FOR = timedelta(minutes=1)
# Alerts about these go together, at most so many in a mail.
CAMPAIGN, ACCOUNT = "campaign", "account"
GATHERED = (CAMPAIGN, ACCOUNT)
IN_ONE_MAIL = 50
SUBJECT_LENGTH = 90
# The first pauses after no connection: a part of the time that it waits already, within these limits.
FIRST_PAUSE, LONGEST_PAUSE, PAUSE_SHARE = timedelta(seconds=1), timedelta(minutes=1), 4


def due(now: Moment) -> QuerySet[Notice]:
    """Notices that should leave now."""
    return Notice.objects.filter(status=DeliveryStatus.PENDING, due_at__lte=now)


def due_notices(now: datetime) -> list[int]:
    """Those that are `due`, the oldest first."""
    return list(due(now).order_by("due_at").values_list("pk", flat=True)[:100])


def wants_room(now: datetime) -> bool:
    """Whether a notice found no connection: lanes leave theirs, since a mail server may let in only so many at once."""
    waiting = Notice.objects.filter(
        status__in=(DeliveryStatus.PENDING, DeliveryStatus.SENDING),
        started_at=None,
        created_at__gt=now - ROOM_FOR,
        due_at__lte=now + ROOM_FOR / PAUSE_SHARE,
    )
    return waiting.exclude(last_error={}).exists()


def send_notice(notice_id: int) -> DeliveryStatus | None:
    """Claim and send one notice; answers its outcome, None if another worker has it."""
    found = _claim(notice_id)
    if not found:
        return None
    notice, *others = found
    try:
        mail = compose(notice, *others)
        sender, recipient, content = _sender(notice), wire_address(address_of(notice)), mail.as_bytes()
    except InputError as error:
        unusable = PermanentError(error.explanation.msgid, reason=Reason.REFUSED, **error.explanation.params)
        return _store(notice, outcome.of_error(notice.pk, unusable, notice.attempts, timezone.now()))
    try:
        connection = _connection(notice)
    except TransientError as error:
        return _store(notice, _later(notice, error))
    except OpslagError as error:
        return _store(notice, outcome.of_error(notice.pk, error, notice.attempts, timezone.now()))
    try:
        _hand_over(connection, notice, sender, recipient, content)
    except OpslagError as error:
        return _store(notice, outcome.of_error(notice.pk, error, notice.attempts, timezone.now()))
    return _store(notice, outcome.sent(notice.pk, 250, timezone.now()))


def _claim(notice_id: int) -> list[Notice]:
    """The notice and, in their order, those that go to the same person in the same mail; empty if another has it."""
    now, claim_id = timezone.now(), uuid.uuid4()
    waiting = Notice.objects.filter(status=DeliveryStatus.PENDING)
    with transaction.atomic():
        asked = waiting.filter(pk=notice_id, due_at__lte=now).first()
        if asked is None:
            return []
        # Locked in one order: of two workers the second finds that they are taken.
        together = waiting.filter(_in_one_mail(asked)).order_by("pk")
        found = list(together.select_for_update(of=("self",)).select_related("user", "organisation")[:IN_ONE_MAIL])
        if notice_id not in {each.pk for each in found}:
            return []
        for each in found:
            each.status, each.claim_id, each.lease_until = DeliveryStatus.SENDING, claim_id, now + LEASE
            each.started_at = None
        Notice.objects.bulk_update(found, ["status", "claim_id", "lease_until", "started_at"])
    return found


def _in_one_mail(notice: Notice) -> Q:
    """What tells a person of one send-out's troubles, or of those of an organisation's channels, is one mail."""
    if notice.kind != NoticeKind.ALERT or notice.user_id is None or notice.subject_kind not in GATHERED:
        return Q(pk=notice.pk)
    alike = Q(kind=notice.kind, user=notice.user_id, organisation=notice.organisation_id)
    alike &= Q(subject_kind=notice.subject_kind)
    return alike & Q(subject_id=notice.subject_id) if notice.subject_kind == CAMPAIGN else alike


def _connection(notice: Notice) -> Connection:
    """A connection of its own; says on the row that it waits for one. Raises what `Transport.connect` raises."""
    transport = configured_transport()
    began_s = time.monotonic()
    for knock_s in KNOCKS_S:
        try:
            return _opened(notice, transport)
        except TransientError as error:
            if time.monotonic() - began_s > sum(KNOCKS_S):
                # It does not answer at all: no use in waiting here.
                raise
            _waits(notice, error.explanation)
            time.sleep(knock_s)
    return _opened(notice, transport)


def _opened(notice: Notice, transport: Transport) -> Connection:
    """One knock. A server that lets it wait may do so because lanes hold all it has: they are asked for room soon."""
    with ThreadPoolExecutor(1, "notice") as thread:
        opening = thread.submit(transport.connect)
        if not wait([opening], ROOM_AFTER_S).done:
            _waits(notice, Explanation(gettext_noop("The mail server does not answer.")))
        return opening.result()


def _waits(notice: Notice, why: Explanation) -> None:
    ours = Notice.objects.filter(claim_id=notice.claim_id)
    ours.update(last_error=why.as_json())


def _later(notice: Notice, error: TransientError) -> outcome.Outcome:
    """Nothing was begun: soon again, and less often the longer it waits."""
    now = timezone.now()
    pause = min(max((now - notice.created_at) / PAUSE_SHARE, FIRST_PAUSE), LONGEST_PAUSE)
    words = error.explanation.as_json()
    return outcome.Outcome(notice.pk, DeliveryStatus.PENDING, now, error=words, due_at=now + pause, started=False)


def _hand_over(connection: Connection, notice: Notice, sender: str, recipient: str, content: bytes) -> None:
    try:
        # Stored before the first byte of content: whoever finds it without an outcome knows that it may have left.
        Notice.objects.filter(claim_id=notice.claim_id).update(started_at=timezone.now(), attempts=F("attempts") + 1)
        connection.send(sender, recipient, content)
    finally:
        connection.close()


def address_of(notice: Notice) -> str:
    """To whom it goes."""
    return notice.user.email if notice.user else notice.address


def _sender(notice: Notice) -> str:
    """The organisation's address as the wire knows it; ours, if it has none that can be used."""
    ours = f"opslag@{settings.OPSLAG_MAIL_DOMAIN}"
    try:
        return wire_address(notice.organisation.email or ours)
    except InputError:
        return wire_address(ours)


def compose(notice: Notice, *others: Notice) -> EmailMessage:
    """The notice as a mail, with what `others` say, in its reader's language.

    Raises InputError for an address that no mail can have.
    """
    language = notice.user.language if notice.user else notice.organisation.language
    with translation.override(language):
        # Each thing once, however often it was found.
        said = list(dict.fromkeys(str(Explanation.from_json(each.explanation)) for each in (notice, *others)))
        values = {
            "notice": notice,
            "subject": _subject(said),
            "words": said[0],
            "said": said,
            "is_one": len({each.subject_id for each in (notice, *others)}) == 1,
            "organisation": notice.organisation,
            "base_url": settings.OPSLAG_BASE_URL,
        }
        text = render_to_string(f"mail/{notice.kind}.txt", values)
    subject, _, body = text.strip().partition("\n")
    mail = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
    mail["From"] = formataddr((notice.organisation.name, _sender(notice)))
    mail["To"] = wire_address(address_of(notice))
    mail["Subject"] = " ".join(subject.split())
    mail["Date"] = format_datetime(notice.created_at)
    mail["Message-ID"] = f"<n{notice.pk}@{settings.OPSLAG_MAIL_DOMAIN}>"
    mail["Auto-Submitted"] = "auto-generated"
    for name, value in message_headers(bulk=False):
        mail[name] = value.replace(DELIVERY_KEY, f"n{notice.pk}")
    mail.set_content(body.strip() + "\n", charset="utf-8", cte="quoted-printable")
    return mail


def _subject(said: list[str]) -> str:
    """What the first says, and how much more there is."""
    if len(said) == 1:
        return Truncator(said[0]).chars(SUBJECT_LENGTH)
    more = ngettext("%(first)s and %(number)s more", "%(first)s and %(number)s more", len(said) - 1)
    return more % {"first": Truncator(said[0]).chars(SUBJECT_LENGTH), "number": len(said) - 1}


def _store(notice: Notice, result: outcome.Outcome) -> DeliveryStatus:
    Notice.objects.filter(claim_id=notice.claim_id, status=DeliveryStatus.SENDING).update(
        status=result.status,
        last_error=result.error,
        sent_at=result.at if result.status == DeliveryStatus.SENT else None,
        lease_until=None,
        due_at=result.due_at or notice.due_at,
    )
    return result.status


def dead(now: Moment) -> QuerySet[Notice]:
    """Notices whose worker died."""
    return Notice.objects.filter(status=DeliveryStatus.SENDING, lease_until__lt=now)


def give_up_dead_notices(now: datetime) -> int:
    """Of the `dead`, started is uncertain; never started goes back in the line, but not for ever."""
    expired = dead(now)
    words = Explanation.from_json(outcome.lost(0, now).error)
    lost = expired.filter(started_at__isnull=False).update(
        status=DeliveryStatus.UNCERTAIN, last_error=words.as_json(), lease_until=None
    )
    stopped = Explanation(gettext_noop("Writing this notice stopped the worker again and again."))
    unstarted = expired.filter(started_at=None)
    failed = unstarted.filter(attempts__gte=settings.OPSLAG_MAX_ATTEMPTS - 1).update(
        status=DeliveryStatus.FAILED, last_error=stopped.as_json(), lease_until=None
    )
    back = unstarted.update(status=DeliveryStatus.PENDING, lease_until=None, attempts=F("attempts") + 1)
    return lost + failed + back
