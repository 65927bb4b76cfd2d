from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("publisher", "0031_withdrawn_messages"),
    ]

    operations = [
        migrations.AddField("item", "picture_alt", models.TextField(blank=True, default=""), preserve_default=False),
    ]
