import django.db.models.deletion
from django.db import migrations, models


def to_itself(related_name):
    return models.ForeignKey(
        null=True,
        on_delete=django.db.models.deletion.SET_NULL,
        related_name=related_name,
        to="publisher.practicepost",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("publisher", "0027_sighting_seen"),
    ]

    operations = [
        migrations.AddField("practicepost", "reply_to", to_itself("answers")),
        migrations.AddField("practicepost", "thread", to_itself("following")),
        migrations.AddField("practicepost", "edited_at", models.DateTimeField(null=True)),
        migrations.AddField("practicepost", "deleted_at", models.DateTimeField(null=True)),
    ]
