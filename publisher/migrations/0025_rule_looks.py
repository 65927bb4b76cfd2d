import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("publisher", "0024_events_tried_again"),
    ]

    operations = [
        migrations.AddField(
            "rule", "lost", models.JSONField(db_default=models.Value([], models.JSONField()), default=list)
        ),
        migrations.CreateModel(
            "RuleLook",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("revision", models.PositiveIntegerField()),
                (
                    "item",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="publisher.item"
                    ),
                ),
                (
                    "rule",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="looks", to="publisher.rule"
                    ),
                ),
            ],
            options={"constraints": [models.UniqueConstraint(fields=("rule", "item"), name="rule_look_once")]},
        ),
        # What people read of it has changed, nothing else.
        migrations.AlterField(
            model_name='rulematch',
            name='outcome',
            field=models.CharField(choices=[('approved', 'Goes out by itself'), ('in_review', 'Draft for approval'), ('joined', 'Put into the next issue'), ('waiting', 'Waits for its turn'), ('capped', 'Left out: over the daily limit'), ('too_old', 'Left out: too old by its turn'), ('withdrawn', 'Left out: withdrawn or held back'), ('unwanted', 'Left out: the rule no longer wants it'), ('switched_off', 'Left out: the rule was switched off'), ('already', 'Left out: it is there already'), ('failed', 'Could not be used')], max_length=20),
        ),
    ]
