from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("publisher", "0028_practice_threads"),
    ]

    operations = [
        migrations.AddField(
            model_name="campaignitem",
            name="accepted_again",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="rule",
            name="answered_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name="rulematch",
            name="outcome",
            field=models.CharField(
                choices=[
                    ("approved", "Goes out by itself"),
                    ("in_review", "Draft for approval"),
                    ("joined", "Put into the next issue"),
                    ("waiting", "Waits for its turn"),
                    ("capped", "Left out: over the daily limit"),
                    ("too_old", "Left out: too old by its turn"),
                    ("withdrawn", "Left out: withdrawn or held back"),
                    ("unwanted", "Left out: the rule no longer wants it"),
                    ("switched_off", "Left out: the rule was switched off"),
                    ("already", "Left out: it is there already"),
                    ("in_draft", "Left out: a colleague has begun a send-out of it"),
                    ("failed", "Could not be used"),
                ],
                max_length=20,
            ),
        ),
    ]
