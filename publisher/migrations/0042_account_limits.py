from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("publisher", "0039_looks"),
    ]

    operations = [
        migrations.AddField(
            "account", "blocked_calls", models.CharField(max_length=12, default="all", db_default="all")
        ),
        migrations.AddField(
            "account", "blocked_why", models.JSONField(db_default=models.Value({}, models.JSONField()), default=dict)
        ),
    ]
