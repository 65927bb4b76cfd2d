from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("publisher", "0033_text_key"),
    ]

    operations = [
        migrations.AddField("operation", "strikes", models.PositiveSmallIntegerField(db_default=0, default=0)),
    ]
