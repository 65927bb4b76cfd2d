"""Channels of the same name: told apart by handle, host or number, where there are others and only there."""

from __future__ import annotations

from typing import Any

import pytest

from publisher import http
from publisher.accounts.connect import connect_account
from publisher.accounts.telling_apart import tell_apart
from publisher.models import Account, Organisation
from tests.contract.mastodon import MastodonServer
from tests.contract.wire import in_process

pytestmark = pytest.mark.database


def channel(organisation: Organisation, handle: str = "", **more: Any) -> Account:
    given: dict[str, Any] = {"kind": "mastodon", "name": "Kulturfællesskabet", "handle": handle}
    return Account.objects.create(organisation=organisation, **(given | more))


def names(organisation: Organisation) -> list[str]:
    tell_apart(organisation)
    return [str(account) for account in Account.objects.filter(organisation=organisation).order_by("pk")]


def test_a_name_alone_is_enough_for_one(secretariat: Organisation, elsewhere: Organisation) -> None:
    channel(secretariat, "@kultur@mastodon.social")
    channel(secretariat, "@kultur", kind="facebook")
    channel(elsewhere, "@museum@mastodon.social")
    assert names(secretariat) == ["Kulturfællesskabet (Mastodon)", "Kulturfællesskabet (Facebook)"]


def test_several_of_a_name_are_told_apart_by_their_handles(secretariat: Organisation) -> None:
    channel(secretariat, "@kultur@mastodon.social")
    channel(secretariat, "@kultur@social.koege.dk", name="KULTURFÆLLESSKABET")
    assert names(secretariat) == [
        "Kulturfællesskabet (Mastodon, @kultur@mastodon.social)",
        "KULTURFÆLLESSKABET (Mastodon, @kultur@social.koege.dk)",
    ]
    Account.objects.last().delete()  # type: ignore[union-attr]
    assert names(secretariat) == ["Kulturfællesskabet (Mastodon)"]


def test_without_handles_hosts_or_numbers_do(secretariat: Organisation) -> None:
    channel(secretariat, kind="webhook", url="https://a.example.org/in")
    channel(secretariat, kind="webhook", url="https://b.example.org/in")
    channel(secretariat, kind="facebook", url="https://www.facebook.com/1", remote_id="1")
    channel(secretariat, kind="facebook", url="https://www.facebook.com/2", remote_id="2")
    named = [account.apart for account in Account.objects.all()] if names(secretariat) else []
    assert named == ["a.example.org", "b.example.org", "https://www.facebook.com/1", "https://www.facebook.com/2"]


def test_a_name_that_says_the_platform_gets_the_handle_alone(secretariat: Organisation) -> None:
    for handle in ("@a@m.example", "@b@m.example"):
        channel(secretariat, handle, name="Kultur på Mastodon")
    assert names(secretariat) == ["Kultur på Mastodon (@a@m.example)", "Kultur på Mastodon (@b@m.example)"]


@pytest.mark.parametrize(
    ("software", "called"),
    [
        ("gotosocial", "GoToSocial"),
        ("takahe", "Takahē"),
        ("pleroma", "Pleroma"),
        ("pixelfed", "Pixelfed"),
        ("hollo", "Hollo"),
        ("mastodon", "Mastodon"),
        ("unknown", "Mastodon"),
    ],
)
def test_a_server_is_called_by_its_own_name(secretariat: Organisation, software: str, called: str) -> None:
    channel(secretariat, "@kultur@mastodon.social")
    other = channel(secretariat, "@kultur@social.koege.dk", facts={"software": software})
    tell_apart(secretariat)
    other.refresh_from_db()
    alone = f"Kulturfællesskabet ({called})"
    assert str(other) == (alone if called != "Mastodon" else "Kulturfællesskabet (Mastodon, @kultur@social.koege.dk)")


def test_connecting_tells_apart(secretariat: Organisation) -> None:
    server = MastodonServer("gotosocial", rate_limit=10_000)
    earlier = channel(secretariat, "@kultur@old.example", facts={"software": "gotosocial"}, name="Andre")
    values = {"server": "https://social.example.org", "access_token": server.token}
    with http.use_transport(in_process(server)):
        account = connect_account(secretariat, "mastodon", values)
        Account.objects.filter(pk=earlier.pk).update(name=account.name)
        again = connect_account(secretariat, "mastodon", values)
    earlier.refresh_from_db()
    assert str(account) == f"{account.name} (GoToSocial)"
    assert str(again) == f"{account.name} (GoToSocial, {account.handle})"
    assert str(earlier) == f"{account.name} (GoToSocial, @kultur@old.example)"
