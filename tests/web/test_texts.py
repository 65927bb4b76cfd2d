"""Saved texts and partners: kept by those who may edit, put into a post's text, mentioned as each platform has it."""

from __future__ import annotations

import pytest
from django.test import Client

from publisher.compose.social import published
from publisher.errors import InputError
from publisher.models import Account, AuditEntry, Campaign, Organisation, Partner, SavedText, User
from publisher.platforms import PLATFORMS
from tests.review.send_outs import post_of
from tests.web.desk import live, typed
from tests.web.office import reader_in, signed_in, source_of, words

pytestmark = pytest.mark.database

TAGS = "#kultur #musik"


@pytest.fixture
def tags(secretariat: Organisation) -> SavedText:
    return SavedText.objects.create(organisation=secretariat, name="Musik", text=TAGS)


@pytest.fixture
def library(secretariat: Organisation) -> Partner:
    handles = {"practice": "@koegebib", "linkedin": "urn:li:organization:7"}
    return Partner.objects.create(organisation=secretariat, name="Køge Bibliotek", handles=handles)


def test_a_text_is_saved_changed_and_removed(annas: Client) -> None:
    assert "None yet. Save what you write again and again" in words(annas.get("/settings/texts"))
    annas.post("/settings/texts/add", {"name": " Musik ", "text": TAGS})
    row = SavedText.objects.get()
    assert (row.name, row.text) == ("Musik", TAGS)
    assert TAGS in words(annas.get("/settings/texts"))
    annas.post(f"/settings/texts/{row.pk}", {"name": "Musik", "text": "#musik"})
    assert SavedText.objects.get().text == "#musik"
    assert "Posts in which it stands already keep it." in words(annas.get(f"/settings/texts/{row.pk}/remove"))
    assert SavedText.objects.exists(), "asking removes nothing"
    assert "“Musik” is removed." in words(annas.post(f"/settings/texts/{row.pk}/remove", follow=True))
    assert not SavedText.objects.exists()
    assert AuditEntry.objects.filter(action="texts").count() == 3


def test_a_name_is_there_once(annas: Client, tags: SavedText) -> None:
    page = annas.post("/settings/texts/add", {"name": "MUSIK", "text": "Noget andet"})
    assert page.status_code == 422
    assert "There is one of that name already." in words(page)
    assert "Noget andet" in source_of(page)
    assert annas.post(f"/settings/texts/{tags.pk}", {"name": "musik", "text": TAGS}).status_code == 302


def test_a_partners_names_are_kept_as_each_platform_has_them(annas: Client) -> None:
    data = {
        "name": "Køge Bibliotek", "mastodon": "https://mastodon.social/@koegebib", "bluesky": "koegebib.bsky.social",
        "x": "koegebib", "linkedin": "https://www.linkedin.com/company/1234/admin/", "instagram": "",
    }  # fmt: skip
    assert annas.post("/settings/partners/add", data).status_code == 302
    assert Partner.objects.get().handles == {
        "mastodon": "@koegebib@mastodon.social", "bluesky": "@koegebib.bsky.social", "x": "@koegebib",
        "linkedin": "urn:li:organization:1234",
    }  # fmt: skip
    assert "X: @koegebib" in words(annas.get("/settings/texts"))


def test_a_name_that_is_none_is_refused_at_its_field(annas: Client, library: Partner) -> None:
    at = f"/settings/partners/{library.pk}"
    page = annas.post(at, {"name": "Køge [Bib]", "mastodon": "@koegebib", "x": "@koegebib"})
    assert list(page.context["form"].errors) == ["name", "mastodon"]
    assert "“@koegebib” is no name there. It looks like this: @koegebib@mastodon.social" in words(page)
    library.handles["gone"] = "@kept"
    library.save()
    annas.post(at, {"name": "Køge Bibliotek", "practice": ""})
    assert Partner.objects.get().handles == {"gone": "@kept"}, "a platform that is not here keeps its name"


@pytest.mark.parametrize(("kind", "typed"), [
    ("mastodon", "@koegebib"), ("mastodon", "https://mastodon.social/koegebib"), ("bluesky", "@koegebib"),
    ("bluesky", "køge bib.dk"), ("x", "Køge Bibliotek"), ("x", "@"), ("linkedin", "koege-bibliotek"),
])  # fmt: skip
def test_what_is_no_name_on_a_platform(kind: str, typed: str) -> None:
    with pytest.raises(InputError):
        PLATFORMS[kind].handle_of(typed)


@pytest.mark.parametrize("kind", [kind for kind, platform in PLATFORMS.items() if platform.handle_example])
def test_each_example_is_a_name_there(kind: str) -> None:
    platform = PLATFORMS[kind]
    handle = platform.handle_of(platform.handle_example)
    assert platform.handle_of(handle) == handle


def test_who_may_see_and_who_may_change(
    secretariat: Organisation, sven: User, tags: SavedText, library: Partner
) -> None:
    reader, stranger = signed_in(reader_in(secretariat)), signed_in(sven)
    assert "Musik" in words(reader.get("/settings/texts"))
    assert "Musik" not in words(stranger.get("/settings/texts"))
    for path in (
        f"texts/{tags.pk}",
        f"texts/{tags.pk}/remove",
        f"partners/{library.pk}",
        f"partners/{library.pk}/remove",
    ):
        assert reader.get(f"/settings/{path}").status_code == 403
        assert reader.post(f"/settings/{path}").status_code == 403
        assert stranger.get(f"/settings/{path}").status_code == 404
        assert stranger.post(f"/settings/{path}").status_code == 404
    for path in ("texts/add", "partners/add"):
        assert reader.get(f"/settings/{path}").status_code == 403
    assert SavedText.objects.exists() and Partner.objects.exists()


def test_they_stand_in_the_composers_menus(
    bos: Client, campaign: Campaign, edit: str, tags: SavedText, library: Partner, elsewhere: Organisation
) -> None:
    SavedText.objects.create(organisation=elsewhere, name="Museets", text="#museum")
    page = source_of(bos.get(edit))
    assert f'value="put:posts-text:text-{tags.pk}" data-into="id_posts-text" data-words="{TAGS}"' in page
    assert 'data-words="@[Køge Bibliotek]"' in page
    assert "Museets" not in page


def test_without_script_it_goes_to_the_end_of_its_text(
    bos: Client, campaign: Campaign, edit: str, tags: SavedText, library: Partner, elsewhere: Organisation
) -> None:
    hers = SavedText.objects.create(organisation=elsewhere, name="Museets", text="#museum")
    bos.post(edit, typed(campaign, posts__text="Kom og hør.") | {"do": f"put:posts-text:text-{tags.pk}"})
    assert post_of(campaign).text == f"Kom og hør.\n\n{TAGS}"
    bos.post(edit, typed(campaign, posts__text="Tak til") | {"do": f"put:posts-text:partner-{library.pk}"})
    assert post_of(campaign).text == "Tak til @[Køge Bibliotek]"
    bos.post(edit, typed(campaign, posts__text="") | {"do": f"put:posts-text:text-{tags.pk}"})
    assert post_of(campaign).text == TAGS
    for wrong in (f"posts-text:text-{hers.pk}", f"no-such:text-{tags.pk}", "posts-text", ""):
        bos.post(edit, typed(campaign, posts__text="Uændret") | {"do": f"put:{wrong}"})
        assert post_of(campaign).text == "Uændret"
    answer = live(bos, edit, typed(campaign, posts__text="Tak") | {"do": f"put:posts-text:text-{tags.pk}"})
    assert f"Tak\n\n{TAGS}" in source_of(answer), "the field itself shows it"


def test_a_mention_is_shown_and_counted_as_the_platform_has_it(
    bos: Client, campaign: Campaign, edit: str, library: Partner
) -> None:
    data = typed(campaign, posts__text="Tak til @[Køge Bibliotek]!")
    page = live(bos, edit, data)
    assert "<span>@koegebib</span>!" in source_of(page)
    assert "18 of 500 characters" in words(page)
    Account.objects.update(kind="linkedin")
    post = post_of(campaign)
    post.link = ""
    assert published(post).text == "Tak til Køge Bibliotek!"
