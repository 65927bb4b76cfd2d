"""A source that is pushed to: a name, an address, a token that is shown once and may be revoked."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from publisher.models import AuditEntry, Item, Organisation, Sighting, Source, SourceToken, User
from publisher.vocabulary import ItemState
from tests.web.office import reader_in, signed_in, source_of, words

pytestmark = pytest.mark.database


@pytest.fixture
def pushed(secretariat: Organisation) -> Source:
    return Source.objects.create(organisation=secretariat, kind="push", name="Hjemmesiden")


def test_what_was_sent_and_lies_in_the_back_catalogue_is_said_to_have_been_there(anna: User, pushed: Source) -> None:
    older = Item.objects.create(organisation=pushed.organisation, title="Ældre", state=ItemState.SEEN)
    Sighting.objects.create(source=pushed, item=older, external_key="1")
    page = words(signed_in(anna).get(f"/settings/sources/{pushed.pk}"))
    assert "it was there already, from another news source" in page and "when the source was added" not in page


def test_it_is_added_with_no_more_than_a_name(anna: User) -> None:
    client = signed_in(anna)
    page = client.get("/settings/sources/add/push")
    assert "Your website’s own system sends its news here" in words(page)
    assert client.post("/settings/sources/add/push", {"name": ""}).status_code == 422
    page = client.post("/settings/sources/add/push", {"name": "Hjemmesiden"}, follow=True)
    assert "“Hjemmesiden” is added. Now it needs a token." in words(page)
    assert "POST https://opslag.test/api/items" in words(page)
    assert "There is no token yet" in words(page)
    assert "Read it now" not in words(page) and "Change the address" not in words(page)
    client.post("/settings/sources/add/push", {"name": "Intranettet"})
    assert Source.objects.filter(kind="push").count() == 2, "one for each system"
    assert "Nothing received yet" in words(client.get("/settings/sources"))


def test_a_token_is_shown_once_and_works_as_the_example_says(anna: User, pushed: Source) -> None:
    client = signed_in(anna)
    at = f"/settings/sources/{pushed.pk}"
    made = client.post(at + "/token")
    assert (made.status_code, made["Location"]) == (302, f"{at}/token/made")
    assert SourceToken.objects.get().ending not in str(dict(client.session.items()))
    shown = client.get(made["Location"])
    found = re.search(r'value="(opslag_[\w-]+)"', source_of(shown))
    assert found and shown["Cache-Control"] and "no-store" in shown["Cache-Control"]
    token = found[1]
    example = words(shown).partition("-d '")[2].rpartition("'")[0]
    answer = Client().post(
        "/api/items", json.loads(example), content_type="application/json", headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 201
    page = client.get(f"{at}/token/made", follow=True)
    assert page.redirect_chain == [(at, 302)] and "A token is shown once only." in words(page)
    assert token not in source_of(page) and f"…{token[-4:]}" in words(page)
    assert "by Anna" in words(page) and "last used" in words(page)
    assert AuditEntry.objects.get(action="token_made").user == anna


def test_a_new_token_is_shown_to_whoever_made_it_and_for_its_own_source(
    anna: User, bo: User, pushed: Source, secretariat: Organisation
) -> None:
    other = Source.objects.create(organisation=secretariat, kind="push", name="Intranettet")
    client = signed_in(anna)
    client.post(f"/settings/sources/{pushed.pk}/token")
    sealed = client.session["token_made"]
    assert "opslag_" not in source_of(client.get(f"/settings/sources/{other.pk}/token/made", follow=True))
    colleague = signed_in(bo)
    session = colleague.session
    session["token_made"] = sealed
    session.save()
    assert "opslag_" not in source_of(colleague.get(f"/settings/sources/{pushed.pk}/token/made", follow=True))
    assert client.head(f"/settings/sources/{pushed.pk}/token/made").status_code == 405
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        client.post(f"/settings/sources/{pushed.pk}/token")
    assert client.get(f"/settings/sources/{pushed.pk}/token/made").status_code == 302, "sealed in another hour"


def test_a_revoked_token_works_no_more(anna: User, pushed: Source) -> None:
    client = signed_in(anna)
    at = f"/settings/sources/{pushed.pk}"
    client.post(at + "/token")
    row = SourceToken.objects.get()
    page = client.post(f"{at}/token/{row.pk}/revoke", follow=True)
    assert "works no more" in words(page) and "Revoked" in words(page)
    assert "Revoke …" not in words(page)
    assert AuditEntry.objects.get(action="token_revoked").user == anna


def test_who_may_do_what(sven: User, secretariat: Organisation, pushed: Source, source: Source, anna: User) -> None:
    at = f"/settings/sources/{pushed.pk}"
    signed_in(anna).post(at + "/token")
    row = SourceToken.objects.get()
    reader, stranger = signed_in(reader_in(secretariat)), signed_in(sven)
    assert "<form" not in source_of(reader.get(at)).partition('id="main"')[2]
    for path in ("/token", f"/token/{row.pk}/revoke"):
        assert reader.post(at + path).status_code == 403
        assert stranger.post(at + path).status_code == 404
    other: Any = signed_in(anna).post(f"/settings/sources/{source.pk}/token")
    assert other.status_code == 404, "a feed has no tokens"
    row.refresh_from_db()
    assert row.revoked_at is None and SourceToken.objects.count() == 1
