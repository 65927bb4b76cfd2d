import datetime
import uuid

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.models import Count, F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

COMMON_LANE = 0
BEGINS = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
# As recovery does with what a lost journal leaves, in its words.
LOST = {"msgid": "The worker stopped and its journal is lost; it may have been sent.", "params": {}}


def give_up_mails_in_hand(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """A claim of older code has no stretch, so its mails are uncertain until its journal is read, as after a loss."""
    alias = schema_editor.connection.alias
    _give_up(apps, alias, apps.get_model("publisher", "Delivery").objects.using(alias).filter(status="sending"))
    _mail_claims(apps, alias).delete()


def give_up_stretches(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Older code knows nothing of lines: it would claim once more what a claim has in hand."""
    alias = schema_editor.connection.alias
    deliveries = apps.get_model("publisher", "Delivery").objects.using(alias)
    for claim in _mail_claims(apps, alias):
        first, last = Q(due_at=claim.after_due_at, id__gt=claim.after_id), Q(due_at=claim.last_due_at)
        beyond = Q(due_at__gt=claim.after_due_at) | first
        up_to = Q(due_at__lt=claim.last_due_at) | last & Q(id__lte=claim.last_id)
        _give_up(apps, alias, deliveries.filter(beyond, up_to, message=claim.message_id, status="pending"), claim.pk)
        claim.delete()


def _mail_claims(apps: StateApps, alias: str) -> models.QuerySet:
    return apps.get_model("publisher", "Claim").objects.using(alias).filter(message__outlet="email")


def _give_up(apps: StateApps, alias: str, rows: models.QuerySet, claim_id: uuid.UUID | None = None) -> None:
    counts = apps.get_model("publisher", "DeliveryCount").objects.using(alias)
    mails = rows.filter(account__isnull=True)
    for message_id, number in list(mails.values_list("message_id").annotate(number=Count("pk")).order_by()):
        for status, change in (("sending", -number), ("uncertain", number)):
            row, _ = counts.get_or_create(message_id=message_id, status=status, lane=COMMON_LANE)
            counts.filter(pk=row.pk).update(count=F("count") + change)
    named = {} if claim_id is None else {"claim_id": claim_id}
    begun = {"attempts": F("attempts") + 1, "first_started_at": Coalesce("first_started_at", timezone.now())}
    mails.update(status="uncertain", reason="journal_lost", last_error=LOST, **begun, **named)


class Migration(migrations.Migration):
    dependencies = [
        ("publisher", "0012_indexes_of_looks"),
    ]

    operations = [
        migrations.AddField(
            model_name="message",
            name="claimed_due_at",
            field=models.DateTimeField(default=BEGINS, db_default=BEGINS),
        ),
        migrations.AddField(
            model_name="message",
            name="claimed_id",
            field=models.BigIntegerField(default=0, db_default=0),
        ),
        migrations.AddField(model_name="claim", name="after_due_at", field=models.DateTimeField(null=True)),
        migrations.AddField(model_name="claim", name="after_id", field=models.BigIntegerField(null=True)),
        migrations.AddField(model_name="claim", name="last_due_at", field=models.DateTimeField(null=True)),
        migrations.AddField(model_name="claim", name="last_id", field=models.BigIntegerField(null=True)),
        migrations.RunPython(give_up_mails_in_hand, give_up_stretches),
    ]
