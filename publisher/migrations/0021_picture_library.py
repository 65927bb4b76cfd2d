from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("publisher", "0020_rules"),
    ]

    operations = [
        migrations.AddField(
            model_name="item",
            name="picture_by_hand",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="message",
            name="picture_gone_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="picture",
            name="consent_told",
            field=models.DateField(null=True),
        ),
        migrations.AddField(
            model_name="picture",
            name="file_name",
            field=models.CharField(blank=True, max_length=200),
        ),
    ]
