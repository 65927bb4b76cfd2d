from django.db import migrations, models
from django.db.models import Q

from publisher.items.identity import text_key

AT_ONCE = 500


def know_texts_again(apps, _schema_editor):
    """Items of older versions get their text's key; a few hundred at a time, since texts are long."""
    items = apps.get_model("publisher", "Item").objects
    last = 0
    while batch := list(items.filter(pk__gt=last).order_by("pk").only("pk", "body_text")[:AT_ONCE]):
        last = batch[-1].pk
        for item in batch:
            item.text_key = text_key(item.body_text)
        items.bulk_update([item for item in batch if item.text_key], ["text_key"])


class Migration(migrations.Migration):
    dependencies = [
        ("publisher", "0032_item_picture_alt"),
    ]

    operations = [
        migrations.AddField("item", "text_key", models.CharField(blank=True, default="", max_length=64), preserve_default=False),
        migrations.AddIndex(
            "item",
            models.Index(fields=["organisation", "text_key"], condition=~Q(text_key=""), name="item_text"),
        ),
        migrations.RunPython(know_texts_again, migrations.RunPython.noop),
    ]
