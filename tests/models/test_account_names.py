"""A channel's name tells it from the organisation's others."""

from __future__ import annotations

import pytest
from django.utils.translation import override

from publisher.models import Account


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        ("mastodon", "Kulturfællesskabet", "Kulturfællesskabet (Mastodon)"),
        ("facebook", "Kulturfællesskabet", "Kulturfællesskabet (Facebook)"),
        ("telegram", "Kulturfællesskabet", "Kulturfællesskabet (Telegram)"),
        ("practice", "Our practice channel", "Our practice channel"),
        ("mastodon", "Museet på mastodon", "Museet på mastodon"),
        ("facebook", "Kulturens Facebooks", "Kulturens Facebooks"),
        ("x", "Xylofonmuseet", "Xylofonmuseet (X)"),
        ("gone", "Museet", "Museet (gone)"),
    ],
)
def test_the_platform_stands_behind_the_name_unless_it_is_said_already(kind: str, name: str, said: str) -> None:
    with override("en"):
        assert str(Account(kind=kind, name=name)) == said
