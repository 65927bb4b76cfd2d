from django.db import migrations, models

AT_ONCE = 1000


def keep_pictures(apps, schema_editor):
    """The one picture that a post could have is its first."""
    pictures = apps.get_model("publisher", "PostPicture").objects
    shown = apps.get_model("publisher", "Message").objects.exclude(picture=None)
    last = 0
    while batch := list(shown.filter(pk__gt=last).order_by("pk").only("picture", "picture_alt", "picture_gone_at")[:AT_ONCE]):
        last = batch[-1].pk
        pictures.bulk_create(
            pictures.model(
                message_id=each.pk,
                picture_id=each.picture_id,
                position=0,
                alt=each.picture_alt,
                gone_at=each.picture_gone_at,
            )
            for each in batch
        )
    _check_now(schema_editor)


def keep_the_first(apps, schema_editor):
    """Of several pictures a post keeps its first."""
    messages = apps.get_model("publisher", "Message").objects
    told = set()
    for each in apps.get_model("publisher", "PostPicture").objects.order_by("message", "position", "pk").iterator():
        if each.message_id not in told:
            told.add(each.message_id)
            messages.filter(pk=each.message_id).update(
                picture=each.picture_id, picture_alt=each.alt, picture_gone_at=each.gone_at
            )
    _check_now(schema_editor)


def _check_now(schema_editor):
    """PostgreSQL changes no table whose rows still wait for their foreign keys to be checked."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")


class Migration(migrations.Migration):
    dependencies = [
        ("publisher", "0036_said"),
    ]

    operations = [
        migrations.CreateModel(
            name="PostPicture",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveSmallIntegerField()),
                ("alt", models.TextField(blank=True, verbose_name="describe the picture (read aloud)")),
                ("left_out", models.BooleanField(default=False)),
                ("gone_at", models.DateTimeField(null=True)),
                (
                    "message",
                    models.ForeignKey(
                        on_delete=models.deletion.CASCADE, related_name="pictures", to="publisher.message"
                    ),
                ),
                (
                    "picture",
                    models.ForeignKey(on_delete=models.deletion.PROTECT, related_name="+", to="publisher.picture"),
                ),
            ],
            options={"ordering": ["position", "id"]},
        ),
        migrations.AddConstraint(
            "postpicture", models.UniqueConstraint(fields=("message", "picture"), name="post_picture_once")
        ),
        migrations.RunPython(keep_pictures, keep_the_first),
        migrations.RemoveField("message", "picture"),
        migrations.RemoveField("message", "picture_alt"),
        migrations.RemoveField("message", "picture_gone_at"),
    ]
