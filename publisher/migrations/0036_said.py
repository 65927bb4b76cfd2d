from django.db import migrations, models

from publisher.items.identity import text_key, title_key

SAID = ("title", "lead", "body_text")
AT_ONCE = 200


def keep_what_sources_said(apps, _schema_editor):
    """Items that a colleague worded go on being known by their sources' words: what waits, or what stood before."""
    items = apps.get_model("publisher", "Item").objects.exclude(worded_at=None).exclude(content_hash="")
    revisions = apps.get_model("publisher", "ItemRevision").objects.filter(by=None)
    last = 0
    while batch := list(items.filter(pk__gt=last).order_by("pk")[:AT_ONCE]):
        last = batch[-1].pk
        for item in batch:
            before = revisions.filter(item=item.pk).order_by("-number").first()
            heard = item.suggestion or (before.content if before else {})
            if all(name in heard for name in SAID):
                item.said = {name: heard[name] for name in SAID}
                item.title_key, item.text_key = title_key(heard["title"]), text_key(heard["body_text"])
        items.bulk_update(batch, ["said", "title_key", "text_key"])


class Migration(migrations.Migration):
    dependencies = [
        ("publisher", "0035_throttled"),
    ]

    operations = [
        migrations.AddField("item", "dated_at", models.DateTimeField(null=True)),
        migrations.AddField(
            "item", "said", models.JSONField(db_default=models.Value({}, models.JSONField()), default=dict)
        ),
        migrations.RunPython(keep_what_sources_said, migrations.RunPython.noop),
    ]
