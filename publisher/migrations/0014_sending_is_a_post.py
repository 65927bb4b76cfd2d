from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [
        ("publisher", "0013_claims_by_stretch"),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=Q(Q(("status", "sending"), _negated=True), ("account__isnull", False), _connector="OR"),
                name="delivery_sending_is_a_post",
            ),
        ),
    ]
