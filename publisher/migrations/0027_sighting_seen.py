from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("publisher", "0026_social_posts"),
    ]

    operations = [
        migrations.AddField("sighting", "seen_at", models.DateTimeField(null=True)),
    ]
