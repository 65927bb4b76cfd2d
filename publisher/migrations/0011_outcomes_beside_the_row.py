from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.models import Q

# A page keeps room for as much again: of each row the version that a claim makes, and in the place of the first the
# outcome's. With less room more outcomes go elsewhere; with more, each row costs more when it is frozen and claimed.
FILLFACTOR = 50


def put_in_no_hands(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """What was handed back kept the name of its claim; what was called off had no reason."""
    rows = apps.get_model("publisher", "Delivery").objects.using(schema_editor.connection.alias)
    mails = rows.filter(account__isnull=True)
    mails.filter(status="pending", claim_id__isnull=False).update(claim_id=None)
    rows.filter(status="pending").exclude(reason="").update(reason="")
    rows.filter(status="cancelled", reason="").update(reason="called_off")


def leave_room(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """SQLite changes a row where it stands."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"ALTER TABLE publisher_delivery SET (fillfactor = {FILLFACTOR})")


def fill_up(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE publisher_delivery RESET (fillfactor)")


_IN_NO_HANDS = Q(("reason", ""), Q(("claim_id__isnull", True), ("account__isnull", False), _connector="OR"))


class Migration(migrations.Migration):
    dependencies = [
        ("publisher", "0010_links"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="delivery", name="delivery_pending"),
        migrations.RemoveIndex(model_name="delivery", name="delivery_sending"),
        migrations.RemoveIndex(model_name="delivery", name="delivery_claim"),
        migrations.RunPython(put_in_no_hands, migrations.RunPython.noop),
        migrations.RunPython(leave_room, fill_up),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(models.Q(("status", "pending"), _negated=True), _IN_NO_HANDS, _connector="OR"),
                name="delivery_waits_in_no_hands",
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(condition=_IN_NO_HANDS, fields=["message", "due_at", "id"], name="delivery_pending"),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("claim_id__isnull", False)), fields=["claim_id"], name="delivery_claim"
            ),
        ),
    ]
