"""Naming a website's other address: what it does at once, what it refuses, who may."""

from __future__ import annotations

import pytest
from django.test import Client

from publisher.models import Account, AuditEntry, Item, Organisation, SameSite, User
from tests.review.send_outs import send_out
from tests.web.office import reader_in, signed_in, source_of, words

pytestmark = pytest.mark.database

PAGE = "/settings/same-site"


def at(organisation: Organisation, host: str, path: str = "/a") -> Item:
    return Item.objects.create(
        organisation=organisation, title="Ny aftale", link=f"http://{host}{path}", link_key=f"{host}{path}"
    )


def test_naming_it_moves_links_and_says_what_it_did(secretariat: Organisation, annas: Client, anna: User) -> None:
    moved, twice = at(secretariat, "cms.example.org:8080", "/b"), at(secretariat, "cms.example.org:8080")
    known = at(secretariat, "kultur.example.org")
    page = annas.post(PAGE, {"alias": "http://CMS.example.org:8080/", "site": "kultur.example.org"}, follow=True)
    assert "Saved. 1 link follows it. 1 news item that was there twice is one now." in words(page)
    assert "cms.example.org:8080 is https://kultur.example.org" in words(page)
    moved.refresh_from_db()
    assert moved.link == "https://kultur.example.org/b"
    assert not Item.objects.filter(pk=known.pk).exists() or not Item.objects.filter(pk=twice.pk).exists()
    assert AuditEntry.objects.get(action="same_site_added").user == anna
    row = SameSite.objects.get()
    page = annas.post(f"{PAGE}/{row.pk}/remove", follow=True)
    assert "is a website of its own again" in words(page)
    assert not SameSite.objects.exists()


def test_what_stays_two_is_named(secretariat: Organisation, annas: Client, practice_account: Account) -> None:
    for host in ("cms.example.org", "kultur.example.org"):
        send_out(at(secretariat, host), None, practice_account)
    page = words(annas.post(PAGE, {"alias": "cms.example.org", "site": "https://kultur.example.org"}, follow=True))
    assert "1 stays two, because both were used in send-outs: “Ny aftale”" in page


@pytest.mark.parametrize(
    "data", [{}, {"alias": "x y", "site": "https://a.example.org"}, {"alias": "<b>", "site": "<i>"}]
)
def test_what_is_no_address_is_refused_and_kept_in_the_form(annas: Client, data: dict[str, str]) -> None:
    page = annas.post(PAGE, data)
    assert page.status_code == 422
    assert "<i>" not in source_of(page)
    assert 'value="&lt;b&gt;"' in source_of(page) or data.get("alias") != "<b>"
    assert not SameSite.objects.exists()


def test_a_reader_sees_and_a_stranger_does_not(secretariat: Organisation, sven: User, annas: Client) -> None:
    row = SameSite.objects.create(organisation=secretariat, alias="cms.example.org", site="https://kultur.example.org")
    readers, strangers = signed_in(reader_in(secretariat)), signed_in(sven)
    assert "cms.example.org" in words(readers.get(PAGE))
    assert "They are the same website" not in words(readers.get(PAGE))
    assert readers.post(PAGE, {"alias": "a.example.org", "site": "b.example.org"}).status_code == 403
    assert "cms.example.org" not in words(strangers.get(PAGE)).replace("cms.kommune.dk", "")
    assert strangers.post(f"{PAGE}/{row.pk}/remove").status_code == 404
    assert readers.post(f"{PAGE}/{row.pk}/remove").status_code == 403
