"""A post's claim, steps and end in statements written by hand: they are the hot path of what is due at one instant.

On PostgreSQL each is one statement, so no worker can ever stand still with a lock in its hands; on SQLite a transaction
of a few. Django would take longer to write them anew each time than the database to carry them out.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from publisher.deliver.journal import boot_id
from publisher.models import Message, PostPart
from publisher.models.counting import COMMON_LANE, COUNT_MOVED, move_counts
from publisher.models.raw import db_values
from publisher.schedule.stops import NOT_STOPPED
from publisher.vocabulary import Calls, DeliveryStatus, PartStep

_MAY_LEAVE = f"""EXISTS (
    SELECT 1 FROM publisher_message m JOIN publisher_campaign c ON c.id = m.campaign_id
    WHERE {{of}} AND m.status = 'sending' AND m.outlet = 'post' AND m.withdrawn_at IS NULL AND {NOT_STOPPED}
)"""
_CLAIM = f"""
UPDATE publisher_delivery SET status = 'sending', claim_id = %s, strikes = strikes + 1
WHERE id = %s AND status = 'pending' AND due_at <= %s
AND {_MAY_LEAVE.format(of="m.id = publisher_delivery.message_id")} AND NOT EXISTS (
    SELECT 1 FROM publisher_account a WHERE a.id = publisher_delivery.account_id
    AND a.blocked_until > %s AND a.blocked_calls IN ('{Calls.ALL}', '{Calls.POSTS}')
)
RETURNING message_id
"""
_NOTE = """
INSERT INTO publisher_claim (id, run_id, message_id, host, boot_id, journal, lease_until, created_at)
SELECT %s, %s, {message}, %s, %s, '', %s, %s
"""
_STEP = """
UPDATE publisher_postpart SET {changes} WHERE id = %s AND step = %s AND delivery_id = (
    SELECT d.id FROM publisher_delivery d WHERE d.id = %s AND d.claim_id = %s AND d.status = %s {lock}
) {more}
"""
_UNCHANGED = f"AND {_MAY_LEAVE.format(of='m.id = %s AND COALESCE(c.approved_revision, -1) = %s')}"
_SENT = """
UPDATE publisher_delivery SET status = 'sent', reason = '', reply_code = 200, last_error = '{}', sent_at = %s,
       attempts = attempts + 1, first_started_at = COALESCE(first_started_at, %s), strikes = 0
WHERE id = %s AND claim_id = %s AND status = 'sending' RETURNING message_id
"""
_FORGET = "DELETE FROM publisher_claim WHERE id = %s"
# The same, and the figures, as one statement (PostgreSQL).
_MOVED = f"""moved AS (
    SELECT %s AS status, -1 AS number FROM taken UNION ALL SELECT %s, 1 FROM taken
), {COUNT_MOVED % ("(SELECT message_id FROM taken)", COMMON_LANE)}
SELECT message_id FROM taken
"""
_CLAIM_AND_NOTE = f"""WITH taken AS ({_CLAIM}), noted AS ({_NOTE.format(message="message_id")} FROM taken), {_MOVED}"""
_SENT_AND_FORGET = f"""WITH taken AS ({_SENT}), forgotten AS (
    {_FORGET} AND EXISTS (SELECT 1 FROM taken)
), {_MOVED}"""

_FIELDS = {field.name: field for field in PostPart._meta.concrete_fields}


def claim(delivery_id: int, claim_id: uuid.UUID, now: datetime, lease: timedelta) -> bool:
    """Take a post that is due and may leave, and note by whom; false if it is not to be had or its account waits."""
    if settings.OPSLAG_NEVER_SEND:
        return False
    taking = db_values([claim_id, delivery_id, now, now])
    noted = claim_id, claim_id, settings.OPSLAG_HOST, boot_id(), now + lease, now
    moved = DeliveryStatus.PENDING.value, DeliveryStatus.SENDING.value
    if connection.vendor == "postgresql":
        return _one(_CLAIM_AND_NOTE, [*taking, *noted, *moved]) is not None
    with transaction.atomic():
        message_id = _one(_CLAIM, taking)
        if message_id is not None:
            mine, run, *rest = noted
            with connection.cursor() as cursor:
                cursor.execute(_NOTE.format(message="%s"), db_values([mine, run, message_id, *rest]))
            move_counts(message_id, COMMON_LANE, {moved[0]: -1, moved[1]: 1})
    return message_id is not None


def step(
    part: PostPart,
    held: tuple[int, uuid.UUID, DeliveryStatus],
    values: Mapping[str, object],
    unchanged: Message | None,
) -> bool:
    """Give the stored part `values`, if it still is where this one was and its delivery is `held` (id, claim, status).

    With `unchanged` only while that message is to be sent as it was read. The delivery is locked until the step is
    stored: whoever takes the post over reads the step after that.
    """
    if unchanged is not None and settings.OPSLAG_NEVER_SEND:
        return False
    fields = {_FIELDS[name]: value for name, value in values.items()}
    statement = _STEP.format(
        changes=", ".join(f"{field.column} = %s" for field in fields),
        lock="FOR UPDATE" if connection.features.has_select_for_update else "",
        more=_UNCHANGED if unchanged is not None else "",
    )
    changes = [field.get_db_prep_save(value, connection) for field, value in fields.items()]
    places: list[object] = [part.pk, PartStep(part.step).value, *held]
    if unchanged is not None:
        revision = unchanged.campaign.approved_revision
        places += [unchanged.pk, -1 if revision is None else revision]
    with connection.cursor() as cursor:
        cursor.execute(statement, [*changes, *db_values(places)])
        return bool(cursor.rowcount)


def sent(delivery_id: int, claim_id: uuid.UUID, now: datetime) -> bool:
    """All of the post is public: its outcome, its figures, the end of its claim; false if the claim is lost."""
    ending, moved = [now, now, delivery_id, claim_id], (DeliveryStatus.SENDING.value, DeliveryStatus.SENT.value)
    if connection.vendor == "postgresql":
        return _one(_SENT_AND_FORGET, [*ending, claim_id, *moved]) is not None
    with transaction.atomic():
        message_id = _one(_SENT, db_values(ending))
        if message_id is not None:
            move_counts(message_id, COMMON_LANE, {moved[0]: -1, moved[1]: 1})
            with connection.cursor() as cursor:
                cursor.execute(_FORGET, db_values([claim_id]))
    return message_id is not None


def _one(statement: str, values: list[Any]) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        row = cursor.fetchone()
    return None if row is None else int(row[0])
