"""The compiled mail in pieces, one row for a message, instead of an edition for everyone; each delivery's choices."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('publisher', '0003_fewer_delivery_indexes'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='edition',
            name='edition_once',
        ),
        migrations.RenameModel(
            old_name='Edition',
            new_name='CompiledMail',
        ),
        migrations.RemoveField(
            model_name='compiledmail',
            name='key',
        ),
        migrations.RemoveField(
            model_name='compiledmail',
            name='language',
        ),
        migrations.RemoveField(
            model_name='compiledmail',
            name='size',
        ),
        migrations.AlterField(
            model_name='compiledmail',
            name='message',
            field=models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='compiled', to='publisher.message'),
        ),
        migrations.AddField(
            model_name='compiledmail',
            name='aims',
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name='compiledmail',
            name='page_parts',
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name='delivery',
            name='choices',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
    ]
