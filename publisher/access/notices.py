"""Mails to the colleagues who may approve: a draft waits for them, or something needs a person."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import models
from django.utils import timezone

from publisher.errors import Explanation
from publisher.models import Notice, Organisation, User, alert_due
from publisher.vocabulary import NoticeKind, RoleKind


def notify_approvers(
    organisation: Organisation, kind: NoticeKind, subject: models.Model, words: Explanation, *, but: User | None = None
) -> list[Notice]:
    """Write one notice about `subject` for each approver and administrator of the organisation, except `but`."""
    people = _people(organisation, RoleKind.APPROVER, RoleKind.OWNER)
    return _write(people.exclude(pk=but.pk) if but is not None else people, organisation, kind, subject, words)


def notify_other_approvers(
    organisation: Organisation, kind: NoticeKind, subject: models.Model, words: Explanation
) -> list[Notice]:
    """The same for those approvers who are no administrators: of what these are told in another mail."""
    return _write(_people(organisation, RoleKind.APPROVER), organisation, kind, subject, words)


def notify_administrators(
    organisation: Organisation, kind: NoticeKind, subject: models.Model, words: Explanation
) -> list[Notice]:
    """The same for its administrators alone."""
    return _write(_people(organisation, RoleKind.OWNER), organisation, kind, subject, words)


def notify_writers(
    organisation: Organisation, kind: NoticeKind, subject: models.Model, words: Explanation
) -> list[Notice]:
    """The same for all who write there: editors, approvers and administrators."""
    return _write(
        _people(organisation, RoleKind.EDITOR, RoleKind.APPROVER, RoleKind.OWNER), organisation, kind, subject, words
    )


def _people(organisation: Organisation, *kinds: RoleKind) -> models.QuerySet[User]:
    return User.objects.filter(is_active=True, roles__organisation=organisation, roles__kind__in=kinds)


def _write(
    people: Iterable[User], organisation: Organisation, kind: NoticeKind, subject: models.Model, words: Explanation
) -> list[Notice]:
    return Notice.objects.bulk_create(
        Notice(
            organisation=organisation,
            kind=kind,
            user=person,
            address=person.email,
            subject_kind=subject._meta.model_name or "",
            subject_id=subject.pk,
            explanation=words.as_json(),
            due_at=alert_due() if kind == NoticeKind.ALERT else timezone.now(),
        )
        for person in people
    )
