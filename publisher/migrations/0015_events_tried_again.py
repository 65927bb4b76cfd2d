from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("publisher", "0014_sending_is_a_post"),
    ]

    operations = [
        migrations.AddField("event", "attempts", models.PositiveSmallIntegerField(default=0)),
        migrations.AddField("event", "due_at", models.DateTimeField(null=True)),
    ]
