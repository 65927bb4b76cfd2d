"""Settings: the organisation and its newsletters; who may change them; colours that people can read."""

from __future__ import annotations

import pytest

from publisher.models import AuditEntry, Newsletter, Organisation, User
from tests.web.office import reader_in, signed_in, source_of, words

pytestmark = pytest.mark.database

ORGANISATION = {
    "name": "Kulturfællesskabet",
    "postal_line": "Rådhusvej 1, 2620 Albertslund",
    "uncertain_policy": "leave",
    "email": "kontor@kultur.example.org",
    "website": "https://kultur.example.org",
    "brand_colour": "#7a1f3d",
}
NEWSLETTER = {
    "name": "Kultur på Ærø",
    "sender_name": "Kulturfællesskabet",
    "sender_email": "nyt@kultur.example.org",
    "reply_to": "kontor@kultur.example.org",
    "language": "da",
    "brand_colour": "#0b5fa5",
    "link_counting": "together",
}


def test_an_administrator_changes_the_organisation(olga: User, secretariat: Organisation) -> None:
    client = signed_in(olga)
    assert "White text on the colour: contrast 6.6 to 1." in words(client.get("/settings"))
    page = client.post("/settings", ORGANISATION | {"website": "kultur.example.org"}, follow=True)
    assert "Saved." in words(page)
    secretariat.refresh_from_db()
    assert secretariat.brand_colour == "#7A1F3D"
    assert secretariat.website == "https://kultur.example.org"
    assert AuditEntry.objects.get(action="organisation_changed").user == olga


@pytest.mark.parametrize("language", ["en", "da"])
def test_others_see_it_and_may_not_change_it(anna: User, secretariat: Organisation, language: str) -> None:
    client = signed_in(anna, language)
    page = client.get("/settings")
    assert f'<html lang="{language}">' in source_of(page)
    assert "Rådhusvej 1, 2620 Albertslund" in words(page)
    assert "<form" not in source_of(page).partition('id="main"')[2]
    assert client.post("/settings", ORGANISATION).status_code == 403
    assert signed_in(reader_in(secretariat)).get("/settings").status_code == 200


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("email", "kontor"),
        ("website", "javascript:alert(1)"),
        ("brand_colour", "red"),
        ("brand_colour", "#12345g"),
    ],
)
def test_what_does_not_fit_is_said_on_its_field_and_the_frame_keeps_the_stored_name(
    olga: User, secretariat: Organisation, field: str, value: str
) -> None:
    response = signed_in(olga).post("/settings", ORGANISATION | {"name": "Noget andet"} | {field: value})
    assert response.status_code == 422
    assert list(response.context["form"].errors) == [field]
    assert "<b>Kulturfællesskabet</b>" in source_of(response)
    secretariat.refresh_from_db()
    assert secretariat.name == "Kulturfællesskabet"


@pytest.mark.parametrize(
    ("colour", "says"),
    [
        ("#FFE14D", ["Black text on the colour", "Too light for text", "the darker #"]),
        ("#0B5FA5", ["White text on the colour", "as text on white"]),
    ],
)
def test_a_colour_is_told_how_readable_it_is(anna: User, colour: str, says: list[str]) -> None:
    part = signed_in(anna).get("/settings/colour", {"brand_colour": colour})
    assert "<html" not in source_of(part)
    assert all(sentence in words(part) for sentence in says)
    assert "style=" not in source_of(part)


@pytest.mark.parametrize("colour", ["", "red", '#000000"/><script>'])
def test_what_is_no_colour_says_nothing(anna: User, colour: str) -> None:
    assert words(signed_in(anna).get("/settings/colour", {"brand_colour": colour})) == ""


def test_a_newsletter_is_made_with_a_short_name_of_its_own(olga: User, secretariat: Organisation) -> None:
    client = signed_in(olga)
    client.post("/settings/newsletters/add", NEWSLETTER)
    client.post("/settings/newsletters/add", NEWSLETTER)
    first, second = Newsletter.objects.order_by("pk")
    assert first.slug == "kultur-paa-aeroe"
    assert second.slug.startswith("kultur-paa-aeroe-")
    assert first.organisation == secretariat
    page = words(client.get("/settings/newsletters"))
    assert "From Kulturfællesskabet (nyt@kultur.example.org) · replies go to kontor@kultur.example.org" in page


@pytest.mark.parametrize(
    "address", ["no-reply@example.org", "NoReply@example.org", "kultur.noreply@example.org", "svar-ikke@example.org",
                "donotreply@example.org", "ingen_svar@example.org"]
)  # fmt: skip
def test_replies_must_be_read_by_somebody(olga: User, newsletter: Newsletter, address: str) -> None:
    response = signed_in(olga).post(f"/settings/newsletters/{newsletter.pk}", NEWSLETTER | {"reply_to": address})
    assert response.status_code == 422
    assert "Nobody reads a no-reply address" in words(response)
    newsletter.refresh_from_db()
    assert newsletter.reply_to == "kontor@kultur.example.org"


def test_an_ordinary_address_may_hold_such_letters(olga: User, newsletter: Newsletter) -> None:
    client = signed_in(olga)
    client.post(f"/settings/newsletters/{newsletter.pk}", NEWSLETTER | {"reply_to": "norep@example.org"})
    newsletter.refresh_from_db()
    assert newsletter.reply_to == "norep@example.org"
    assert newsletter.slug == "kulturnyt"


def test_newsletters_are_for_administrators_and_not_for_strangers(
    anna: User, sven: User, secretariat: Organisation, newsletter: Newsletter
) -> None:
    editor, stranger = signed_in(anna), signed_in(sven)
    assert "Kulturnyt" in words(editor.get("/settings/newsletters"))
    for path in ("/settings/newsletters/add", f"/settings/newsletters/{newsletter.pk}"):
        assert editor.get(path).status_code == 403
        assert editor.post(path, NEWSLETTER).status_code == 403
    assert "Kulturnyt" not in words(stranger.get("/settings/newsletters"))
    assert stranger.get(f"/settings/newsletters/{newsletter.pk}").status_code == 404
    assert stranger.post(f"/settings/newsletters/{newsletter.pk}", NEWSLETTER).status_code == 404


def test_the_list_asks_the_database_as_often_for_many_newsletters(
    anna: User, secretariat: Organisation, newsletter: Newsletter, django_assert_num_queries
) -> None:
    for number in range(5):
        Newsletter.objects.create(organisation=secretariat, name=f"Nyt {number}", slug=f"nyt-{number}")
    client = signed_in(anna)
    with django_assert_num_queries(7):
        client.get("/settings/newsletters")


@pytest.mark.parametrize("path", ["", "/newsletters", "/sources", "/rules", "/people"])
def test_the_tabs_lead_to_all_settings(anna: User, path: str) -> None:
    page = source_of(signed_in(anna).get(f"/settings{path}"))
    assert f'<a href="/settings{path}" aria-current="page">' in page
    assert page.count('href="/settings/') >= 4


def test_who_works_nowhere_gets_the_page_that_says_so(db: None) -> None:
    user = User.objects.create_user("ny@example.org")
    for path in ("/settings", "/channels", "/subscribers", "/calendar"):
        assert signed_in(user).get(path).status_code in {403, 404}


def test_how_clicks_are_counted_is_chosen_with_the_law_beside_it(olga: User, newsletter: Newsletter) -> None:
    client, path = signed_in(olga), f"/settings/newsletters/{newsletter.pk}"
    page = client.get(path)
    assert "The law demands a consent of its own" in words(page)
    assert page.context["form"]["link_counting"].value() == "together"
    for choice in ("one_by_one", "none"):
        assert client.post(path, NEWSLETTER | {"link_counting": choice}).status_code == 302
        newsletter.refresh_from_db()
        assert newsletter.link_counting == choice
    assert client.post(path, NEWSLETTER | {"link_counting": "everything"}).status_code == 422
