"""The cast: the secretariat's editor, her colleague who approves, a stranger from elsewhere; a newsletter, an item.

Permissions are tested by name: what Anna may do, Bo may approve, and Sven must never see.
"""

from __future__ import annotations

from functools import cache

import pytest
from django.contrib.auth.hashers import make_password

from publisher.models import Account, Cooperation, Item, Membership, Newsletter, Organisation, Role, Source, User
from publisher.vocabulary import RoleKind

PASSWORD = "æblegrød-og-kanel"


@pytest.fixture
def secretariat(db: None) -> Organisation:
    """The organisation that owns the shared newsletter."""
    return Organisation.objects.create(
        name="Kulturfællesskabet",
        slug="kulturfaellesskabet",
        postal_line="Rådhusvej 1, 2620 Albertslund",
        email="kontor@kultur.example.org",
        website="https://kultur.example.org",
    )


@pytest.fixture
def cooperation(secretariat: Organisation) -> Cooperation:
    """The cooperation that the secretariat serves."""
    cooperation = Cooperation.objects.create(name="Kulturfællesskabet", slug="faellesskabet")
    Membership.objects.create(cooperation=cooperation, organisation=secretariat)
    return cooperation


@pytest.fixture
def elsewhere(db: None) -> Organisation:
    """An organisation that has nothing to do with the others."""
    return Organisation.objects.create(name="Museet i Svendborg", slug="museet")


@cache
def _hashed() -> str:
    """Once for all tests: a hash worth its name takes a third of a second."""
    return make_password(PASSWORD)


def _user(name: str, organisation: Organisation, kind: RoleKind) -> User:
    email = f"{name.lower()}@{organisation.slug}.example.org"
    user = User.objects.create(email=email, name=name, password=_hashed())
    Role.objects.create(user=user, organisation=organisation, kind=kind)
    return user


@pytest.fixture
def anna(secretariat: Organisation) -> User:
    """Writes and plans in the secretariat; may not approve."""
    return _user("Anna", secretariat, RoleKind.EDITOR)


@pytest.fixture
def bo(secretariat: Organisation) -> User:
    """Approves in the secretariat."""
    return _user("Bo", secretariat, RoleKind.APPROVER)


@pytest.fixture
def olga(secretariat: Organisation) -> User:
    """Runs the secretariat's installation: may do everything in it."""
    return _user("Olga", secretariat, RoleKind.OWNER)


@pytest.fixture
def sven(elsewhere: Organisation) -> User:
    """The stranger: may do everything in his own organisation and nothing here."""
    return _user("Sven", elsewhere, RoleKind.OWNER)


@pytest.fixture
def newsletter(secretariat: Organisation, cooperation: Cooperation) -> Newsletter:
    """The shared newsletter."""
    return Newsletter.objects.create(
        organisation=secretariat,
        cooperation=cooperation,
        name="Kulturnyt",
        slug="kulturnyt",
        sender_name="Kulturfællesskabet",
        sender_email="nyt@kultur.example.org",
        reply_to="kontor@kultur.example.org",
    )


@pytest.fixture
def practice_account(secretariat: Organisation) -> Account:
    """A connected practice channel."""
    return Account.objects.create(
        organisation=secretariat,
        kind="practice",
        name="Prøvekanal",
        handle="@proeve",
        config={"channel": "proeve"},
        credentials={"token": "practice-token"},
    )


@pytest.fixture
def source(secretariat: Organisation) -> Source:
    """The secretariat's feed."""
    return Source.objects.create(
        organisation=secretariat, kind="feed", name="Nyheder", config={"url": "https://kultur.example.org/feed.xml"}
    )


@pytest.fixture
def item(secretariat: Organisation) -> Item:
    """One news item with all that an item usually has, apart from a picture."""
    return Item.objects.create(
        organisation=secretariat,
        title="Åben øvelse på Ærø: kom & hør",
        link="https://kultur.example.org/nyheder/oevelse",
        link_key="kultur.example.org/nyheder/oevelse",
        lead="Orkestret åbner dørene. Alle er velkomne.",
        body_html='<p>Orkestret åbner dørene.</p><p>Læs <a href="https://kultur.example.org/om?a=1&amp;b=2">mere</a>.</p>',
        body_text="Orkestret åbner dørene.\n\nLæs mere.",
        author="Åse Sørensen",
        language="da",
    )
