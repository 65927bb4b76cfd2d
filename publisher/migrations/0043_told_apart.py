from django.db import migrations, models


def tell_apart(apps, schema_editor):
    """What accounts.telling_apart does from now on when a channel is connected, for those that are there."""
    accounts = apps.get_model("publisher", "Account").objects
    alike = {}
    for account in accounts.order_by("pk"):
        # As Account.called distinguishes them.
        server = account.facts.get("software") if account.kind == "mastodon" else None
        key = (account.organisation_id, account.kind, server, account.name.casefold())
        alike.setdefault(key, []).append(account)
    for same in alike.values():
        handles = [account.handle for account in same]
        for account in same if len(same) > 1 else ():
            own = account.handle if handles.count(account.handle) == 1 else ""
            accounts.filter(pk=account.pk).update(apart=(own or account.url or account.remote_id)[:200])


class Migration(migrations.Migration):
    dependencies = [
        ("publisher", "0042_account_limits"),
    ]

    operations = [
        migrations.AddField("account", "apart", models.CharField(blank=True, db_default="", default="", max_length=200)),
        migrations.AddField("account", "writes_link", models.BooleanField(db_default=False, default=False)),
        migrations.RunPython(tell_apart, migrations.RunPython.noop),
    ]
