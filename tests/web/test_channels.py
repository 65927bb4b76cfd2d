"""Channels: who may see, connect, check and disconnect; forms from plug-ins; posting times; a practice channel."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time, timedelta

import httpx
import pytest
from django.test import Client
from django.utils import timezone

from publisher import http
from publisher.models import Account, AuditEntry, Campaign, Message, Organisation, PracticeChannel, Slot, User
from publisher.vocabulary import AccountStatus, MessageStatus, Outlet
from publisher.wsgi import application
from tests.contract.mastodon import MastodonServer
from tests.contract.wire import in_process
from tests.web.office import reader_in, signed_in, source_of, words

pytestmark = pytest.mark.database

SERVER = "https://mastodon.example.org"
CONNECT = "/channels/connect/mastodon"


@pytest.fixture
def mastodon() -> Iterator[MastodonServer]:
    """A Mastodon server within this process."""
    server = MastodonServer("mastodon", rate_limit=10_000)
    with http.use_transport(in_process(server)):
        yield server


@pytest.fixture
def connected(olga: User, secretariat: Organisation, mastodon: MastodonServer) -> Account:
    """The secretariat's profile, connected through the page."""
    signed_in(olga).post(CONNECT, {"server": SERVER, "access_token": mastodon.token})
    return Account.objects.get(organisation=secretariat)


@pytest.mark.parametrize(("language", "day"), [("en", "Mon"), ("da", "man")])
def test_the_list_says_health_and_posting_times(anna: User, practice_account: Account, language: str, day: str) -> None:
    Slot.objects.create(account=practice_account, weekday=0, time=time(9, 30))
    Account.objects.filter(pk=practice_account.pk).update(
        status=AccountStatus.NEEDS_RECONNECT,
        last_error={"msgid": "The platform refused us access: “%(message)s”.", "params": {"message": "revoked <b>"}},
    )
    page = signed_in(anna, language).get("/channels")
    assert f'<html lang="{language}">' in source_of(page)
    assert "revoked &lt;b&gt;" in source_of(page)
    assert "Prøvekanal" in words(page) and "@proeve" in words(page)
    assert f"{day} 09" in words(page)


@pytest.mark.parametrize(("days", "loud"), [(90, False), (15, False), (13, True)])
def test_connecting_again_is_the_first_thing_only_where_it_is_soon(
    olga: User, secretariat: Organisation, days: int, loud: bool
) -> None:
    until = timezone.now() + timedelta(days=days)
    account = Account.objects.create(organisation=secretariat, kind="facebook", name="Siden", lasts_until=until)
    page = source_of(signed_in(olga).get(f"/channels/{account.pk}"))
    again = f'href="/channels/connect/facebook/sign-in?again={account.pk}"'
    assert page.count(again) == 1
    assert (f'<a class="button primary" {again}' in page) == loud


@pytest.mark.parametrize(
    ("days", "state", "row"),
    [
        (
            0.8,
            "1 channel must be connected again within a day. 1 channel is connected and ready.",
            "within a day. What",
        ),
        (6.5, "1 channel must be connected again within 7 days. 1 channel is", "within 7 days. What is planned after"),
        (20, "2 channels are connected and ready.", ""),
    ],
)
def test_what_ends_soon_is_said_in_the_list_and_above_it(
    olga: User, practice_account: Account, days: float, state: str, row: str
) -> None:
    until = timezone.now() + timedelta(days=days)
    account = Account.objects.create(
        organisation=practice_account.organisation, kind="facebook", name="Siden", lasts_until=until
    )
    page = signed_in(olga).get("/channels")
    assert state in words(page)
    assert ("Ends soon" in words(page)) == bool(row) and row in words(page)
    assert (f'href="/channels/connect/facebook/sign-in?again={account.pk}"' in source_of(page)) == bool(row)


def test_the_first_of_several_that_end_is_said(olga: User, secretariat: Organisation) -> None:
    for days in (2.5, 9):
        until = timezone.now() + timedelta(days=days)
        Account.objects.create(organisation=secretariat, kind="facebook", name=str(days), lasts_until=until)
    broken = AccountStatus.NEEDS_RECONNECT
    Account.objects.create(organisation=secretariat, kind="facebook", name="Siden", status=broken)
    assert (
        "1 channel must be connected again before it can publish. "
        "2 channels must be connected again, the first within 3 days."
    ) in words(signed_in(olga).get("/channels"))


def test_the_list_asks_the_database_as_often_for_many_channels_as_for_one(
    anna: User, secretariat: Organisation, practice_account: Account, django_assert_num_queries
) -> None:
    client = signed_in(anna)
    for number in range(6):
        account = Account.objects.create(organisation=secretariat, kind="mastodon", name=f"Kanal {number}")
        Slot.objects.create(account=account, weekday=number, time=time(8))
    with django_assert_num_queries(9):
        client.get("/channels")


def test_a_stranger_sees_nothing_of_ours(sven: User, practice_account: Account) -> None:
    client = signed_in(sven)
    assert "Prøvekanal" not in words(client.get("/channels"))
    for path in ("", "/check", "/disconnect", "/times", "/practice"):
        address = f"/channels/{practice_account.pk}{path}"
        assert client.get(address).status_code in {404, 405}
        assert client.post(address).status_code in {404, 405}
    assert client.get(f"/channels/{practice_account.pk}").status_code == 404
    assert client.post(f"/channels/{practice_account.pk}/disconnect").status_code == 404


def test_who_may_do_what(anna: User, olga: User, secretariat: Organisation, practice_account: Account) -> None:
    reader = signed_in(reader_in(secretariat))
    at = f"/channels/{practice_account.pk}"
    assert reader.get(at).status_code == 200
    assert "<form" not in source_of(reader.get(at)).partition('id="main"')[2]
    for path in ("/check", "/times", "/disconnect"):
        assert reader.post(at + path).status_code == 403
    editor = signed_in(anna)
    assert "Add posting times" in words(editor.get(at))
    for path in ("/channels/connect", CONNECT, at + "/disconnect"):
        assert editor.get(path).status_code == 403
    assert editor.post("/channels/practice").status_code == 403
    assert signed_in(olga).get("/channels/connect").status_code == 200


def test_the_form_is_the_plug_ins_own_and_secrets_are_write_only(olga: User, connected: Account) -> None:
    page = source_of(signed_in(olga).get(f"{CONNECT}?again={connected.pk}"))
    assert f'value="{SERVER}"' in page
    assert 'type="password"' in page
    assert connected.credentials["access_token"] not in page


def test_connecting_asks_the_platform_first(olga: User, connected: Account) -> None:
    assert connected.status == AccountStatus.CONNECTED
    assert connected.handle.startswith("@")
    assert AuditEntry.objects.get(action="account_connected").user == olga
    page = words(signed_in(olga).get(f"/channels/{connected.pk}"))
    assert connected.handle in page and "Olga" in page


def test_a_refused_token_is_said_on_its_field_and_nothing_is_stored(olga: User, mastodon: MastodonServer) -> None:
    response = signed_in(olga).post(CONNECT, {"server": SERVER, "access_token": "wrong"})
    assert response.status_code == 422
    assert list(response.context["form"].errors) == ["access_token"]
    assert "refused" in words(response)
    assert 'value="wrong"' not in source_of(response)
    assert not Account.objects.exists()


def test_a_server_that_is_not_reached_is_said_above_the_form(olga: User) -> None:
    def down(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route", request=request)

    with http.use_transport(httpx.MockTransport(down)):
        response = signed_in(olga).post(CONNECT, {"server": SERVER, "access_token": "x"})
    assert response.status_code == 422
    assert response.context["form"].non_field_errors()
    assert not Account.objects.exists()


def test_a_refused_form_says_that_the_token_must_be_pasted_again(olga: User) -> None:
    page = signed_in(olga).post(CONNECT, {"server": "https://wrong.example.invalid", "access_token": "hemmelig"})
    assert page.status_code == 422
    assert "hemmelig" not in source_of(page)
    assert "enter again what is secret" in words(page) and "Nothing was lost" not in words(page)
    other = signed_in(olga).post("/settings/newsletters/add", {"name": ""})
    assert "Nothing was lost" in words(other), "a form without secrets keeps everything"


def test_an_unknown_platform_has_no_page(olga: User) -> None:
    client = signed_in(olga)
    assert client.get("/channels/connect/myspace").status_code == 404
    assert client.get("/channels/connect/practice").status_code == 404


def test_checking_again_says_what_the_platform_says(anna: User, connected: Account, mastodon: MastodonServer) -> None:
    client = signed_in(anna)
    assert "ready to publish" in words(client.post(f"/channels/{connected.pk}/check", follow=True))
    mastodon.control({"revoke": mastodon.token})
    assert "refused us access" in words(client.post(f"/channels/{connected.pk}/check", follow=True))
    connected.refresh_from_db()
    assert connected.status == AccountStatus.NEEDS_RECONNECT


def test_posting_times_are_added_for_many_days_at_once(anna: User, practice_account: Account) -> None:
    client = signed_in(anna)
    address = f"/channels/{practice_account.pk}/times"
    client.post(address, {"days": ["0", "2", "4"], "time": "09:00"})
    client.post(address, {"days": ["0", "1"], "time": "09:00"})
    assert list(Slot.objects.values_list("weekday", flat=True)) == [0, 1, 2, 4]
    assert Slot.objects.first().time == time(9)
    page = words(client.post(address, {"days": ["0"], "time": "09.00"}, follow=True))
    assert "there already" in page
    assert "Next free posting time" in page


@pytest.mark.parametrize(
    "given",
    [
        {"time": "09:00"},
        {"days": ["0"]},
        {"days": ["7"], "time": "09:00"},
        {"days": ["0"], "time": "25:00"},
    ],
)
def test_wrong_posting_times_are_refused_in_words(anna: User, practice_account: Account, given: dict) -> None:
    response = signed_in(anna).post(f"/channels/{practice_account.pk}/times", given)
    assert response.status_code == 422
    assert "Nothing was lost" in words(response)
    assert not Slot.objects.exists()


def test_a_channel_takes_only_so_many_posting_times(anna: User, practice_account: Account) -> None:
    client = signed_in(anna)
    for hour in range(10):
        client.post(f"/channels/{practice_account.pk}/times", {"days": list("0123456"), "time": f"{hour}:00"})
    assert Slot.objects.count() == 70
    response = client.post(f"/channels/{practice_account.pk}/times", {"days": ["0"], "time": "23:00"})
    assert response.status_code == 422
    assert Slot.objects.count() == 70


def test_a_posting_time_is_taken_away(anna: User, sven: User, practice_account: Account) -> None:
    slot = Slot.objects.create(account=practice_account, weekday=3, time=time(12))
    address = f"/channels/{practice_account.pk}/times/{slot.pk}"
    assert signed_in(sven).post(address).status_code == 404
    assert signed_in(anna).get(address).status_code == 405
    signed_in(anna).post(address)
    assert not Slot.objects.exists()


def test_disconnecting_asks_first_and_then_forgets_the_secrets(
    olga: User, secretariat: Organisation, practice_account: Account
) -> None:
    campaign = Campaign.objects.create(organisation=secretariat, title="Øvelse")
    Message.objects.create(
        campaign=campaign, outlet=Outlet.POST, account=practice_account, status=MessageStatus.SCHEDULED
    )
    client = signed_in(olga)
    address = f"/channels/{practice_account.pk}/disconnect"
    assert "1 planned post is held back" in words(client.get(address))
    practice_account.refresh_from_db()
    assert practice_account.credentials
    client.post(address)
    practice_account.refresh_from_db()
    assert practice_account.status == AccountStatus.DISCONNECTED
    assert not practice_account.credentials


# The application within the application would close a connection that is inside a test's transaction.
@pytest.mark.django_db(transaction=True)
def test_a_practice_channel_is_opened_in_one_click_and_connected_again_in_another(
    olga: User, secretariat: Organisation, settings: pytest.FixtureRequest
) -> None:
    settings.OPSLAG_PRACTICE_URL = settings.OPSLAG_BASE_URL = "http://testserver"
    client = signed_in(olga)
    with http.use_transport(httpx.WSGITransport(app=application)):
        page = client.post("/channels/practice", follow=True)
        account = Account.objects.get(organisation=secretariat)
        assert account.status == AccountStatus.CONNECTED
        assert account.url in source_of(page)
        assert client.get(account.url).status_code == 200
        client.post("/channels/practice")
        assert PracticeChannel.objects.count() == 2
        client.post(f"/channels/{account.pk}/disconnect")
        client.post(f"/channels/{account.pk}/practice")
    account.refresh_from_db()
    assert account.status == AccountStatus.CONNECTED
    assert account.credentials
    assert Account.objects.count() == 2


def test_a_practice_channel_that_does_not_answer_is_not_left_behind(olga: User) -> None:
    with http.use_transport(httpx.MockTransport(lambda request: httpx.Response(503))):
        page = signed_in(olga).post("/channels/practice", follow=True)
    assert "no usable answer" in words(page)
    assert not PracticeChannel.objects.exists()
    assert not Account.objects.exists()


def test_an_account_of_a_kind_that_is_gone_is_still_shown(anna: User, secretariat: Organisation) -> None:
    account = Account.objects.create(organisation=secretariat, kind="gone", name="Gammel", checked_at=timezone.now())
    assert "Gammel" in words(signed_in(anna).get("/channels"))
    assert signed_in(anna).get(f"/channels/{account.pk}").status_code == 200


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "en",
            ["A thread: several posts", "Text: 500 characters", "Until somebody takes it back"],
        ),
        ("da", ["500"]),
    ],
)
def test_the_page_says_what_the_channel_can_do(anna: User, connected: Account, language: str, said: list[str]) -> None:
    page = words(signed_in(anna, language).get(f"/channels/{connected.pk}"))
    assert [each for each in said if each not in page] == []


def test_warnings_are_said_on_the_page(anna: User, connected: Account) -> None:
    warning = {"msgid": "The platform refused: “%(message)s”.", "params": {"message": "no <i>figures</i>"}}
    Account.objects.filter(pk=connected.pk).update(warnings=[warning])
    assert "no &lt;i&gt;figures&lt;/i&gt;" in source_of(signed_in(anna).get(f"/channels/{connected.pk}"))


def test_a_post_holds_one_picture_whatever_the_platform_takes(secretariat: Organisation, annas: Client) -> None:
    account = Account.objects.create(organisation=secretariat, kind="instagram", name="Museet")
    page = words(annas.get(f"/channels/{account.pk}"))
    assert "Up to 10 pictures, each of at most 8 MB" in page
