import datetime

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.models import Count

COMMON_LANE = 0
BEGINS = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def give_up_mails_in_hand(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """A claim of older code has no stretch, so its mails are uncertain until its journal is read, as after a loss."""
    alias = schema_editor.connection.alias
    deliveries = apps.get_model("publisher", "Delivery").objects.using(alias)
    counts = apps.get_model("publisher", "DeliveryCount").objects.using(alias)
    mails = deliveries.filter(account__isnull=True, status="sending")
    for message_id, number in mails.values_list("message_id").annotate(number=Count("pk")).order_by():
        for status, change in (("sending", -number), ("uncertain", number)):
            row, _ = counts.get_or_create(message_id=message_id, status=status, lane=COMMON_LANE)
            counts.filter(pk=row.pk).update(count=models.F("count") + change)
    mails.update(status="uncertain", reason="journal_lost")
    apps.get_model("publisher", "Claim").objects.using(alias).filter(message__outlet="email").delete()


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
        migrations.RunPython(give_up_mails_in_hand, migrations.RunPython.noop),
    ]
