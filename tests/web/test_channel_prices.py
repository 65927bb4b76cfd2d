"""A platform that takes money for posts: said wherever a person comes by before the first post."""

from __future__ import annotations

import pytest

from publisher.models import Account, Organisation, SigningIn, User
from tests.web.office import signed_in, words

pytestmark = pytest.mark.database


def test_what_a_post_costs_is_said_before_anything_is_enabled(olga: User, secretariat: Organisation) -> None:
    client, price = signed_in(olga), "X charges for each post: 0.015 US dollars, with a link 0.20 US dollars"
    assert price in words(client.get("/channels/connect"))
    assert price in words(client.get("/channels/connect/x/sign-in")), "before there is an app"
    assert price in words(client.get("/channels/apps/x"))
    client.post("/channels/apps/x", {"client_id": "id", "client_secret": "secret", "shared": "on"})
    assert price in words(client.get("/channels/connect/x/sign-in"))
    client.post("/channels/connect/x/sign-in")
    row = SigningIn.objects.get()
    row.kept |= {"found": [{"profile": {"remote_id": "7", "name": "Kultur", "handle": "@kultur"}, "values": {}}]}
    row.save()
    assert price in words(client.get(f"/channels/profiles/{row.pk}"))
    account = Account.objects.create(organisation=secretariat, kind="x", name="Kultur")
    assert price in words(client.get(f"/channels/{account.pk}"))
    assert "US dollars" not in words(client.get("/channels/connect/mastodon/sign-in"))
