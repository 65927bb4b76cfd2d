"""Looks at unconfirmed posts are events of their delivery."""

from django.db import migrations, models

KINDS = [
    ("queued", "Queued"),
    ("sent", "Sent on"),
    ("rejected", "Refused"),
    ("failed", "Could not be sent"),
    ("bounced", "Came back"),
    ("deferred", "Delayed"),
    ("delivered", "Delivered"),
    ("autoresponded", "Automatic reply"),
    ("complained", "Marked as spam"),
    ("unsubscribed", "Unsubscribed"),
    ("unknown", "Unknown"),
    ("looked_for", "Looked for"),
]


class Migration(migrations.Migration):
    dependencies = [
        ("publisher", "0037_post_pictures"),
    ]

    operations = [
        migrations.AlterField("event", "kind", models.CharField(choices=KINDS, max_length=20)),
    ]
