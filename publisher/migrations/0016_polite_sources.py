from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [
        ("publisher", "0015_news_from_anywhere"),
    ]

    operations = [
        migrations.AddField(
            model_name="source",
            name="quiet_since",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddConstraint(
            model_name="source",
            constraint=models.UniqueConstraint(
                condition=Q(("claim_id__isnull", False), Q(("host", ""), _negated=True)),
                fields=("host",),
                name="source_host_one_claim",
            ),
        ),
    ]
