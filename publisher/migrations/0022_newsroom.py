"""The newsroom: who has worded an item, and indexes for its list, its tabs, its search and a source's weeks."""

import django.db.models.functions.comparison
from django.db import migrations, models

# Danish stems of all that a person looks for. Stored, so that a search reads no body; a text is cut where a tsvector
# might become too large for PostgreSQL (1 MB). Whoever changes the type of a column in it drops and makes it again.
WORDS = """
ALTER TABLE publisher_item ADD COLUMN search_words tsvector GENERATED ALWAYS AS (
    to_tsvector('pg_catalog.danish'::regconfig,
        title || ' ' || lead || ' ' || author || ' ' || tags::text || ' ' || left(body_text, 100000))
) STORED;
CREATE INDEX item_words ON publisher_item USING gin (search_words);
"""


def add_words(apps, schema_editor):
    if schema_editor.connection.vendor == 'postgresql':
        schema_editor.execute(WORDS)


def remove_words(apps, schema_editor):
    if schema_editor.connection.vendor == 'postgresql':
        schema_editor.execute('ALTER TABLE publisher_item DROP COLUMN search_words')


class Migration(migrations.Migration):
    dependencies = [
        ('publisher', '0021_picture_library'),
    ]

    operations = [
        migrations.AddField(
            model_name='item',
            name='worded_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='item',
            name='suggestion',
            field=models.JSONField(default=dict),
        ),
        migrations.AddIndex(
            model_name='item',
            index=models.Index(
                models.F('organisation'),
                models.OrderBy(
                    django.db.models.functions.comparison.Coalesce('published_at', 'first_seen_at'), descending=True
                ),
                models.OrderBy(models.F('id'), descending=True),
                name='item_latest',
            ),
        ),
        migrations.AddIndex(
            model_name='item',
            index=models.Index(fields=['organisation', 'state', 'withdrawn_at', 'id'], name='item_standing'),
        ),
        migrations.AddIndex(
            model_name='sighting',
            index=models.Index(fields=['source', 'first_seen_at'], name='sighting_when'),
        ),
        migrations.RunPython(add_words, remove_words, elidable=False),
    ]
