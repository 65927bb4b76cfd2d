"""What staff are told of a source by mail: that it stopped, that it has been broken for a day, that it works again,
that something of it is held back. What only lasts minutes is said on its page and nowhere else."""

from __future__ import annotations

from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.errors import Explanation
from publisher.models import Notice, Source, User
from publisher.vocabulary import NoticeKind, RoleKind

STOPPED_WORKER = gettext_noop(
    "Reading “%(source)s” stopped the worker three times, so it is not tried any more. "
    "Look at what its address gives, then start the source again."
)
GONE = gettext_noop(
    "The website says that “%(source)s” is gone for good. The source is paused: find its new address, or delete it."
)
BROKEN_FOR_A_DAY = gettext_noop(
    "“%(source)s” could not be read for a day, so nothing new comes from it. What went wrong last: %(why)s Opslag "
    "keeps trying. If the website has moved, give the source its new address; if it is not needed any more, pause it."
)
NOT_TRIED_ANY_MORE = gettext_noop(
    "“%(source)s” could not be read for %(days)s days, so it is not tried any more. What went wrong last: %(why)s Put "
    "that right, then start the source again."
)
WORKS_AGAIN = gettext_noop(
    "“%(source)s” can be read again. What was published in the meantime is there, if the website still gives it."
)


def alert(source: Source, words: Explanation, *kinds: RoleKind) -> None:
    """A notice for all who have one of these roles in the source's organisation (none given: its administrators)."""
    people = User.objects.filter(
        is_active=True, roles__organisation=source.organisation, roles__kind__in=kinds or (RoleKind.OWNER,)
    )
    Notice.objects.bulk_create(
        Notice(
            organisation=source.organisation,
            kind=NoticeKind.ALERT,
            user=person,
            address=person.email,
            subject_kind="source",
            subject_id=source.pk,
            explanation=words.as_json(),
            due_at=timezone.now(),
        )
        for person in people
    )
