"""Partners by the names that they have on each platform; links with an account's own parameters."""

from __future__ import annotations

import pytest

from publisher.compose.drafts import create_campaign
from publisher.compose.post_words import unknown_partners, with_partners
from publisher.compose.social import link_of, parts_of
from publisher.models import Account, Item, Message, Organisation, Partner

pytestmark = pytest.mark.database


@pytest.fixture
def post(secretariat: Organisation, practice_account: Account, item: Item) -> Message:
    return create_campaign(secretariat, [item], accounts=[practice_account]).messages.get()


def test_a_partner_is_called_as_on_the_platform_and_elsewhere_by_name(
    secretariat: Organisation, practice_account: Account
) -> None:
    Partner.objects.create(organisation=secretariat, name="Køge Bibliotek", handles={"practice": "@koegebib"})
    text = "Tak til @[køge bibliotek] og @[Ukendt]!"
    assert with_partners(text, practice_account) == "Tak til @koegebib og Ukendt!"
    assert unknown_partners(text, practice_account) == ["Ukendt"]
    practice_account.kind = "mastodon"
    assert with_partners(text, practice_account) == "Tak til køge bibliotek og Ukendt!"


def test_what_follows_names_partners_too(post: Message, secretariat: Organisation) -> None:
    Partner.objects.create(organisation=secretariat, name="Kor", handles={"practice": "@kor"})
    post.text, post.follow_ups = "Hør @[Kor]", ["Se også @[Kor]"]
    assert parts_of(post) == ["Hør @kor", "Se også @kor"]


def test_a_link_gets_the_accounts_parameters_and_keeps_its_own(post: Message) -> None:
    assert post.account is not None
    post.link = "https://kultur.example.org/nyt?a%20b&id=7&utm_source=feed&utm%5Fcampaign=x#top"
    assert link_of(post) == post.link
    post.account.link_values = {"utm_source": "facebook", "utm_campaign": "{title}"}
    post.campaign.title = "Åben øvelse på Ærø: kom & hør"
    assert link_of(post) == (
        "https://kultur.example.org/nyt?a%20b&id=7&utm_source=facebook"
        "&utm_campaign=%C3%A5ben-%C3%B8velse-p%C3%A5-%C3%A6r%C3%B8-kom-h%C3%B8r#top"
    )
    post.link = ""
    assert link_of(post) == ""
