"""Mails to the colleagues who may approve: a draft waits for them, or something needs a person."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from publisher.errors import Explanation
from publisher.models import Notice, Organisation, User
from publisher.vocabulary import NoticeKind, RoleKind


def notify_approvers(
    organisation: Organisation, kind: NoticeKind, subject: models.Model, words: Explanation, *, but: User | None = None
) -> list[Notice]:
    """Write one notice about `subject` for each approver and administrator of the organisation, except `but`."""
    people = User.objects.filter(
        is_active=True,
        roles__organisation=organisation,
        roles__kind__in=(RoleKind.APPROVER, RoleKind.OWNER),
    )
    if but is not None:
        people = people.exclude(pk=but.pk)
    return Notice.objects.bulk_create(
        Notice(
            organisation=organisation,
            kind=kind,
            user=person,
            address=person.email,
            subject_kind=subject._meta.model_name or "",
            subject_id=subject.pk,
            explanation=words.as_json(),
            due_at=timezone.now(),
        )
        for person in people
    )
