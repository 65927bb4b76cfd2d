"""Channels: asked before they are stored, secrets kept apart and encrypted, health told in words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone, translation

from publisher import http
from publisher.accounts.connect import connect_account, disconnect_account
from publisher.accounts.health import check
from publisher.accounts.settings import config_of
from publisher.errors import AccountError, InputError, TransientError
from publisher.models import Account, AuditEntry, Organisation, User
from publisher.platforms.mastodon import MastodonConfig
from publisher.platforms.practice import PracticeConfig
from publisher.vocabulary import AccountStatus
from tests.contract.mastodon import MastodonServer
from tests.contract.practice import PracticeServer
from tests.contract.wire import in_process

pytestmark = pytest.mark.database

PROFILE = "GET /practice/api/proeve"


@pytest.fixture
def server(settings: pytest.FixtureRequest) -> Iterator[PracticeServer]:
    """The practice channel's own server, in this process."""
    settings.OPSLAG_PRACTICE_URL = "https://opslag.test"
    server = PracticeServer()
    with http.use_transport(in_process(server)):
        yield server


@pytest.fixture
def account(secretariat: Organisation, server: PracticeServer) -> Account:
    """A connected practice channel."""
    return connect_account(secretariat, "practice", {"channel": "proeve", "token": server.token})


def test_connecting_stores_who_the_platform_says_we_are(
    secretariat: Organisation, server: PracticeServer, olga: User
) -> None:
    account = connect_account(secretariat, "practice", {"channel": " proeve ", "token": server.token}, olga)
    stored = Account.objects.get()
    assert stored == account and stored.organisation == secretariat
    assert stored.name and stored.remote_id
    assert (stored.config, stored.credentials) == ({"channel": "proeve"}, {"token": server.token})
    assert stored.status == AccountStatus.CONNECTED and stored.checked_at is not None
    entry = AuditEntry.objects.get()
    assert (entry.user, entry.action, entry.subject_id) == (olga, "account_connected", account.pk)


def test_a_mastodon_profile_brings_its_facts(secretariat: Organisation) -> None:
    server = MastodonServer("mastodon", rate_limit=10_000)
    values = {"server": "https://mastodon.example.org", "access_token": server.token}
    with http.use_transport(in_process(server)):
        account = connect_account(secretariat, "mastodon", values)
        assert check(account) is True
    assert account.handle.startswith("@") and account.remote_id and account.facts["account_id"] == account.remote_id
    assert config_of(account) == MastodonConfig("https://mastodon.example.org", server.token)


def test_secrets_are_encrypted_in_the_database(account: Account, server: PracticeServer) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM publisher_account")
        assert server.token not in str(cursor.fetchall())
        cursor.execute("SELECT * FROM publisher_auditentry")
        assert server.token not in str(cursor.fetchall())
    assert server.token not in repr(config_of(account))


def test_the_config_is_the_plug_ins_own(account: Account, server: PracticeServer) -> None:
    assert config_of(Account.objects.get()) == PracticeConfig("proeve", server.token)


def test_what_the_platform_refuses_is_not_stored(secretariat: Organisation, server: PracticeServer) -> None:
    with pytest.raises(AccountError):
        connect_account(secretariat, "practice", {"channel": "proeve", "token": "wrong"})
    server.faults.set("500", on=PROFILE)
    with pytest.raises(TransientError):
        connect_account(secretariat, "practice", {"channel": "proeve", "token": server.token})
    assert not Account.objects.exists()


@pytest.mark.parametrize(
    ("kind", "values", "named"),
    [
        ("practice", {"channel": "proeve", "token": "  "}, "Access token"),
        ("practice", {"token": "x"}, "Channel"),
        ("telefax", {}, "telefax"),
    ],
)
def test_what_is_missing_is_named(secretariat: Organisation, kind: str, values: dict[str, str], named: str) -> None:
    with translation.override("en"), pytest.raises(InputError) as caught:
        connect_account(secretariat, kind, values)
    assert named in caught.value.explanation.params.values()
    assert not Account.objects.exists()


def test_fields_that_the_plug_in_does_not_know_are_left_out(secretariat: Organisation, server: PracticeServer) -> None:
    values = {"channel": "proeve", "token": server.token, "csrfmiddlewaretoken": "x"}
    assert connect_account(secretariat, "practice", values).config == {"channel": "proeve"}


def test_connecting_again_is_the_same_row_and_mends_it(account: Account, server: PracticeServer) -> None:
    Account.objects.filter(pk=account.pk).update(
        status=AccountStatus.NEEDS_RECONNECT, credentials={"token": "old"}, last_error={"msgid": "x"},
        blocked_until=timezone.now() + timedelta(hours=1),
    )  # fmt: skip
    again = connect_account(account.organisation, "practice", {"channel": "proeve", "token": server.token})
    assert again.pk == account.pk and Account.objects.count() == 1
    stored = Account.objects.get()
    assert (stored.status, stored.last_error, stored.blocked_until) == (AccountStatus.CONNECTED, {}, None)
    assert config_of(stored).token == server.token


def test_another_organisation_gets_a_row_of_its_own(
    account: Account, elsewhere: Organisation, server: PracticeServer
) -> None:
    other = connect_account(elsewhere, "practice", {"channel": "proeve", "token": server.token})
    assert other.pk != account.pk


def test_a_healthy_channel_is_said_to_be_so(account: Account) -> None:
    Account.objects.filter(pk=account.pk).update(
        status=AccountStatus.NEEDS_RECONNECT, last_error={"msgid": "x"}, checked_at=None
    )
    account.refresh_from_db()
    assert check(account) is True
    stored = Account.objects.get()
    assert (stored.status, stored.last_error) == (AccountStatus.CONNECTED, {})
    assert stored.checked_at is not None


def test_a_refused_channel_must_be_connected_again(account: Account) -> None:
    Account.objects.filter(pk=account.pk).update(credentials={"token": "revoked"})
    account.refresh_from_db()
    assert check(account) is False
    stored = Account.objects.get()
    assert stored.status == AccountStatus.NEEDS_RECONNECT and stored.last_error["msgid"]


def test_a_server_that_does_not_answer_says_nothing_about_the_channel(account: Account, server: PracticeServer) -> None:
    server.faults.set("500", on=PROFILE)
    assert check(account) is False
    stored = Account.objects.get()
    assert stored.status == AccountStatus.CONNECTED and stored.last_error["msgid"]
    assert check(account) is True
    assert Account.objects.get().last_error == {}


def test_an_answer_about_the_old_credentials_does_not_break_a_new_connection(
    account: Account, server: PracticeServer
) -> None:
    slow = Account.objects.get()
    slow.credentials = {"token": "revoked"}
    connect_account(account.organisation, "practice", {"channel": "proeve", "token": server.token})
    check(slow)
    assert Account.objects.get().status == AccountStatus.CONNECTED


def test_disconnecting_forgets_the_secrets(account: Account, olga: User) -> None:
    disconnect_account(account, olga)
    stored = Account.objects.get()
    assert (stored.status, stored.credentials) == (AccountStatus.DISCONNECTED, {})
    with pytest.raises(AccountError):
        config_of(stored)
    assert check(stored) is False
    assert Account.objects.get().status == AccountStatus.DISCONNECTED
    assert AuditEntry.objects.filter(action="account_disconnected", user=olga).exists()


def test_a_kind_that_is_no_longer_installed_is_said_in_words(account: Account) -> None:
    Account.objects.filter(pk=account.pk).update(kind="telefax")
    account.refresh_from_db()
    with pytest.raises(AccountError):
        config_of(account)
    assert check(account) is False
