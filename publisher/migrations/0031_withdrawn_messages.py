from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("publisher", "0030_post_figures"),
    ]

    operations = [
        migrations.AddIndex(
            "message",
            models.Index(
                fields=["withdrawn_at"],
                condition=models.Q(("withdrawn_at__isnull", False)),
                name="message_withdrawn",
            ),
        ),
    ]
