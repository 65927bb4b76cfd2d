"""What is typed into a form after the session has ended is offered again after signing in, secrets left out."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from publisher.models import Newsletter, Organisation, Rule, Source, Subscription, User
from publisher.web import kept_words
from tests.cast import PASSWORD
from tests.web.office import source_of, words

pytestmark = pytest.mark.database


def sign_in(client: Client, user: User, address: str) -> None:
    User.objects.filter(pk=user.pk).update(language="en")
    assert client.post(address, {"username": user.email, "password": PASSWORD}).status_code == 302


def form_in(page: str) -> tuple[str, dict[str, str]]:
    """Where the first form of the page's content goes, and its hidden fields."""
    content = page.partition('<div class="cluster">')[2]
    action = re.search(r'action="([^"]+)"', content)
    assert action
    fields = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', content.partition("</form>")[0]))
    return action[1], fields


def test_a_form_sent_too_late_is_offered_again_and_goes_on(anna: User, newsletter: Newsletter) -> None:
    client = Client()
    at = f"/subscribers/{newsletter.pk}/add"
    typed = {"address": "ny@example.org", "name": "Åse & Bo", "source": "mail"}
    answer = client.post(at, typed)
    assert answer["Location"] == "/sign-in/?next=/kept"
    client.cookies["opslag-language"] = "en"
    assert "What you typed is kept for half an hour" in words(client.get(answer["Location"]))
    sign_in(client, anna, answer["Location"])
    page = client.get("/kept")
    assert "Åse & Bo" in words(page) and "saves it in Kulturfællesskabet" in words(page)
    action, fields = form_in(source_of(page))
    fields.pop("csrfmiddlewaretoken", None)
    assert (action, fields["address"], fields["name"]) == (at, "ny@example.org", "Åse &amp; Bo")
    assert not Subscription.objects.exists(), "nothing is saved without a person"


def test_access_tokens_and_passwords_are_not_kept(olga: User) -> None:
    client = Client()
    client.post(
        "/channels/connect/mastodon", {"server": "https://social.example.org", "access_token": "hemmelig-nøgle"}
    )
    assert "hemmelig" not in str(client.session[kept_words.KEY])
    sign_in(client, olga, "/sign-in/")
    page = words(client.get("/kept"))
    assert "https://social.example.org" in page and "hemmelig" not in page
    client.logout()
    client.post("/settings/people/password", {"old_password": PASSWORD, "new_password1": "x"})
    assert kept_words.KEY not in client.session, "such a view does not take part"


def test_a_step_is_never_kept(anna: User, source: Source) -> None:
    client = Client()
    for path in (f"/settings/sources/{source.pk}/remove", f"/settings/sources/{source.pk}/pause", "/stop"):
        assert "/kept" not in client.post(path, {"act": "yes"})["Location"]
    assert kept_words.KEY not in client.session


def test_too_much_or_too_old_is_not_offered(anna: User, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client()
    assert "/kept" not in client.post("/settings/rules/add", {"name": "x" * (kept_words.LONGEST + 1)})["Location"]
    client.post("/settings/rules/add", {"name": "Alt nyt"})
    sign_in(client, anna, "/sign-in/")
    assert client.get("/kept").status_code == 200
    monkeypatch.setattr(kept_words, "KEPT_FOR_S", -1)
    assert client.get("/kept")["Location"] == "/"
    assert kept_words.KEY not in client.session


def test_it_can_be_thrown_away(anna: User) -> None:
    client = Client()
    client.post("/settings/rules/add", {"name": "Alt nyt"})
    sign_in(client, anna, "/sign-in/")
    assert "thrown away" in words(client.post("/kept", follow=True))
    assert client.get("/kept")["Location"] == "/"
    assert not Rule.objects.exists()


def test_somebody_who_was_signed_in_here_leaves_nothing_to_the_next(
    anna: User, bo: User, secretariat: Organisation
) -> None:
    client = Client()
    client.post("/settings/rules/add", {"name": "Alt nyt"})
    sign_in(client, anna, "/sign-in/")
    client.post("/sign-out/")
    sign_in(client, bo, "/sign-in/")
    assert client.get("/kept")["Location"] == "/"
