"""The account of who did what, when: written with the change itself, never updated."""

from __future__ import annotations

from django.db.models import Model

from publisher.errors import Explanation
from publisher.models import AuditEntry, Organisation, User


def record(
    organisation: Organisation, user: User | None, action: str, subject: Model, msgid: str = "", **params: object
) -> AuditEntry:
    """Note that `user` (None: the system) did `action` to `subject`.

    Call it inside the transaction of the change. `msgid` is an English gettext id with %(name)s places for `params`.
    """
    return AuditEntry.objects.create(
        organisation=organisation,
        user=user,
        action=action,
        subject_kind=subject._meta.model_name or "",
        subject_id=subject.pk,
        explanation=Explanation(msgid, {name: str(value) for name, value in params.items()}).as_json(),
    )


def timeline(subject: Model) -> list[AuditEntry]:
    """All that was done to `subject`, oldest first, with the users."""
    entries = AuditEntry.objects.filter(subject_kind=subject._meta.model_name, subject_id=subject.pk)
    return list(entries.select_related("user"))
