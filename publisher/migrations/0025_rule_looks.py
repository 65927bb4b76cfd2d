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
        migrations.AlterField(
            model_name="message",
            name="hold_reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("missed", "The planned time passed while Opslag was not running"),
                    ("account_broken", "The channel must be connected again"),
                    ("counts_disagree", "The recipients could not be counted the same way twice"),
                    ("worker_killed", "Preparing it stopped the worker three times"),
                    ("cannot_compose", "It could not be turned into a mail or post"),
                    ("mail_server", "The mail server refuses us or does not answer"),
                    ("bounces", "Mails come back"),
                    ("withdrawn", "News in it was withdrawn"),
                    ("event_over", "The event is over"),
                    ("event_off", "The event is called off or put off"),
                    ("restored", "The installation was restored from a backup; it may already have been sent"),
                ],
                max_length=20,
            ),
        ),
    ]
