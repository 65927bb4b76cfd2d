import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('publisher', '0029_sent_again'),
    ]

    operations = [
        migrations.AddField(
            model_name='account',
            name='comments_mailed_on',
            field=models.DateField(null=True),
        ),
        migrations.AddField(
            model_name='postfigures',
            name='attempts',
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='postfigures',
            name='claim_id',
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name='postfigures',
            name='gone_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='postfigures',
            name='last_error',
            field=models.JSONField(db_default=models.Value({}, models.JSONField()), default=dict),
        ),
        migrations.AlterField(
            model_name='notice',
            name='kind',
            field=models.CharField(choices=[('review_ready', 'A draft is ready for approval'), ('new_item', 'A rule has made a draft of a new item'), ('alert', 'Something needs a person'), ('comments', 'New comments on posts')], max_length=20),
        ),
        # Nothing was kept in this table before.
        migrations.AddField(
            model_name="postfigures",
            name="account",
            field=models.ForeignKey(
                default=0, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="publisher.account"
            ),
            preserve_default=False,
        ),
        migrations.AddIndex(
            model_name="postfigures",
            index=models.Index(
                condition=models.Q(("replies__gt", models.F("replies_seen"))), fields=["account"], name="figures_unseen"
            ),
        ),
        migrations.AddIndex(
            model_name="postpart", index=models.Index(fields=["published_at"], name="part_published")
        ),
    ]
