"""What Opslag writes in posts by itself never fails its own checks, whatever the news, its link and its picture say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from publisher.compose.drafts import create_campaign
from publisher.compose.post_pictures import pictures_of
from publisher.compose.preflight import checks
from publisher.compose.renewing import take_new_words
from publisher.items.pictures import store_picture
from publisher.models import Account, Campaign, Item, Organisation, Partner, PostPicture
from publisher.platforms import PLATFORMS
from publisher.vocabulary import Outlet
from tests.compose.conftest import picture_of
from tests.items.by_hand import edit

pytestmark = pytest.mark.database

SERVERS: list[tuple[str, dict[str, Any]]] = [
    *((kind, {}) for kind in PLATFORMS),
    ("mastodon", {"software": "gotosocial", "max_characters": 5000}),
    ("mastodon", {"software": "takahe", "max_characters": 500}),
    ("mastodon", {"software": "pleroma", "max_characters": 500, "url_length": 0}),
    ("telegram", {"alt_in_caption": False}),
    ("instagram", {"writes_link": True}),
]
LONG_ALT = ("Et foto af en scene med et kor foran et fyldt torv. " * 19).strip()
sentences = st.lists(
    st.sampled_from(
        [
            "Ni kommuner går sammen om kulturen de næste fire år.",
            "Tak til @[Køge Bibliotek], som åbner kl. 10!",
            "Læs mere på www.koege.dk/kultur – og kom 👨‍👩‍👧‍👦🇩🇰.",
            "---",
            "Kunst" * 60,
        ]
    )
    | st.text(max_size=120),
    max_size=14,
).map(" ".join)
titles = sentences.map(lambda text: text[:300]).filter(lambda text: text.isprintable() and text.strip())
links = st.builds(
    "{}/{}".format,
    st.sampled_from(
        ["https://kultur.example.org/nyheder", "http://127.0.0.1:8000/n", "https://www.rødovre.dk", "https://a.dk"]
    ),
    st.text("abcø-/1", max_size=700) | st.just("x" * 950),
)
values = st.fixed_dictionaries(
    {},
    optional={
        "utm_source": st.sampled_from(["mastodon", "et-langt-navn-" * 5]),
        "utm_campaign": st.sampled_from(["{title}", "forår 2026 & {title}", "k" * 80]),
    },
)
alts = st.sampled_from(["", "Et kor.", LONG_ALT]) | st.text(max_size=1000)


@pytest.fixture
def channels(secretariat: Organisation) -> list[Account]:
    """A channel on every platform, and on servers that count in ways of their own."""
    called = dict.fromkeys(PLATFORMS, "@koegebib.example.social") | {"linkedin": "urn:li:organization:1234567"}
    Partner.objects.create(organisation=secretariat, name="Køge Bibliotek", handles=called)
    return [
        Account.objects.create(
            organisation=secretariat,
            kind=kind,
            name=f"{kind} {number}",
            facts=facts,
            writes_link=facts.get("writes_link", False),
        )
        for number, (kind, facts) in enumerate(SERVERS)
    ]


def too_long(campaign: Campaign) -> list[str]:
    """What the checks have against the posts' words."""
    wrong = [found for found in checks(campaign) if found.level == "error" and found.field in {"text", "follow_up"}]
    return [f"{found.message and found.message.account}: {found.explanation}" for found in wrong]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(title=titles, lead=sentences, link=links, values=values, alt=alts, has_picture=st.booleans())
@example("Kort", "Ni kommuner. " * 60, "https://a.dk/" + "x" * 950, {"utm_source": "mastodon"}, LONG_ALT, True)
@example("Kort", "Ni kommuner. " * 60, "https://a.dk/kort", {"utm_campaign": "{title}"}, "Et kor.", True)
@example("---", "---", "https://a.dk/kort", {}, "", False)
def test_a_post_from_any_news_passes_the_checks(
    lead_item: Item,
    channels: Sequence[Account],
    title: str,
    lead: str,
    link: str,
    values: dict[str, str],
    alt: str,
    has_picture: bool,
) -> None:
    lead_item.title, lead_item.lead, lead_item.link, lead_item.picture_alt = title, lead, link, alt
    picture = lead_item.picture
    lead_item.picture = picture if has_picture else None
    if picture is not None:
        picture.alt = alt
    for account in channels:
        account.link_values = values
    with transaction.atomic():
        Account.objects.bulk_update(channels, ["link_values"])
        campaign = create_campaign(lead_item.organisation, [lead_item], accounts=channels)
        assert too_long(campaign) == []
        transaction.set_rollback(True)
    lead_item.picture = picture


def test_new_words_fit_with_the_new_title_behind_the_link(lead_item: Item, channels: Sequence[Account]) -> None:
    for account in channels:
        account.link_values = {"utm_campaign": "{title}"}
    Account.objects.bulk_update(channels, ["link_values"])
    edit(lead_item, title="Kort")
    lead_item.refresh_from_db()
    campaign = create_campaign(lead_item.organisation, [lead_item], accounts=channels)
    picture = store_picture(lead_item.organisation, picture_of(800, 600), alt=LONG_ALT)
    title, lead = "En meget længere overskrift om kulturen i de ni kommuner", "Ni kommuner går sammen. " * 200
    edit(lead_item, title=title, lead=lead, picture=picture)
    assert take_new_words(campaign.chosen.select_related("item", "campaign").get())
    posts = campaign.messages.filter(outlet=Outlet.POST)
    assert {(post.text[:56], pictures_of(post)[0].alt) for post in posts} == {(title, LONG_ALT)}
    assert too_long(Campaign.objects.get(pk=campaign.pk, title=title)) == []


def test_a_description_that_is_still_to_be_written_has_room(lead_item: Item, channels: Sequence[Account]) -> None:
    assert lead_item.picture is not None
    lead_item.lead, lead_item.picture_alt, lead_item.picture.alt = "Ni kommuner går sammen. " * 100, "", ""
    lead_item.picture.save()
    campaign = create_campaign(lead_item.organisation, [lead_item], accounts=channels)
    describe(campaign, "x" * 200)
    assert too_long(campaign) == []


def test_where_words_have_no_room_beside_the_picture_the_card_stands_in_for_it(
    lead_item: Item, channels: Sequence[Account]
) -> None:
    lead_item.picture_alt = LONG_ALT
    campaign = create_campaign(lead_item.organisation, [lead_item], accounts=channels)
    posts = campaign.messages.filter(outlet=Outlet.POST).select_related("account")
    assert {post.account.name for post in posts if post.account and post.prefers_card} == {
        account.name for account in channels if account.kind == "telegram" and not account.facts
    }


def describe(campaign: Campaign, alt: str) -> None:
    """Write what the pictures show."""
    PostPicture.objects.filter(message__campaign=campaign).update(alt=alt)
