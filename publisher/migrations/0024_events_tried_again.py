from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("publisher", "0023_statuses_of_news"),
    ]

    operations = [
        migrations.AddField("event", "attempts", models.PositiveSmallIntegerField(default=0)),
        migrations.AddField("event", "due_at", models.DateTimeField(null=True)),
    ]
