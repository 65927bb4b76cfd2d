"""The page of caught mail: one's own organisation's, found and shown as it would have arrived, whatever is in it."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from publisher.models import User
from publisher.operate import caught
from publisher.operate.caught import LARGEST_SHOWN

pytestmark = pytest.mark.database

HTML = '<html lang="da"><body><h1>Åben øvelse</h1><script>alert(1)</script></body></html>'


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    """The catcher's folder."""
    settings.OPSLAG_CATCHER_DIR = str(tmp_path / "mail")
    (tmp_path / "mail").mkdir()
    return tmp_path / "mail"


def keep(
    folder: Path,
    subject: str = "Kulturnyt",
    *,
    to: str = "anne@example.org",
    stream: str = "Feedback-ID: c1:kulturnyt:kulturfaellesskabet:opslag\r\n",
    at: float = 1_700_000_000,
    content: bytes | None = None,
) -> str:
    """One mail as the catcher writes it; answers its id."""
    body = (
        f"X-Mail-From: nyt@kultur.example.org\r\nX-Rcpt-To: {to}\r\nFrom: =?utf-8?q?Kulturf=C3=A6llesskabet?="
        f" <nyt@kultur.example.org>\r\nSubject: {subject}\r\n{stream}MIME-Version: 1.0\r\n"
        'Content-Type: multipart/alternative; boundary="b"\r\n\r\n--b\r\n'
        "Content-Type: text/plain; charset=utf-8\r\n\r\n"
        f"Åben øvelse på torvet\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{HTML}\r\n--b--\r\n"
    )
    path = folder / f"{uuid.uuid4().hex}.eml"
    path.write_bytes(content if content is not None else body.encode())
    os.utime(path, (at, at))
    return path.stem


@pytest.fixture
def annas(client: Client, anna: User) -> Client:
    client.force_login(anna)
    return client


def test_strangers_are_asked_to_sign_in(client: Client, folder: Path, db: None) -> None:
    mail_id = keep(folder)
    for path in ("/catcher/", f"/catcher/{mail_id}", f"/catcher/{mail_id}/html", f"/catcher/{mail_id}.eml"):
        assert client.get(path)["Location"].startswith("/sign-in/")


def test_without_a_catcher_there_is_no_page(annas: Client, settings: Any) -> None:
    settings.OPSLAG_CATCHER_DIR = ""
    assert annas.get("/catcher/").status_code == 404
    assert annas.get(f"/catcher/{'0' * 32}").status_code == 404


def test_an_empty_folder_or_none_yet_says_what_will_come(annas: Client, folder: Path) -> None:
    assert '<div class="empty">' in annas.get("/catcher/").content.decode()
    folder.rmdir()
    assert '<div class="empty">' in annas.get("/catcher/").content.decode()


def test_the_newest_stand_first_in_pages(annas: Client, folder: Path) -> None:
    for number in range(30):
        keep(folder, f"Nummer {number}.", at=1_700_000_000 + number)
    first = annas.get("/catcher/").content.decode()
    assert first.count('class="title"') == 25
    assert first.index("Nummer 29.") < first.index("Nummer 28.")
    assert "Nummer 4." in annas.get("/catcher/", {"page": 2}).content.decode()


def test_search_by_recipient_and_subject(annas: Client, folder: Path) -> None:
    keep(folder, "=?utf-8?q?=C3=98vre_torv?=", to="bo@example.org")
    keep(folder, "Kulturnyt", to="anne@example.org")
    assert annas.get("/catcher/", {"q": "øvre"}).content.decode().count('class="title"') == 1
    assert "bo@example.org" not in annas.get("/catcher/", {"q": "ANNE@"}).content.decode()
    assert '<div class="empty">' in annas.get("/catcher/", {"q": "ingen"}).content.decode()


def test_nobody_sees_another_organisations_mail(folder: Path, anna: User, sven: User) -> None:
    ours = keep(folder, "Vores")
    theirs = keep(folder, "Deres", stream="Feedback-ID: c1:nyt:museet:opslag\r\n")
    notice = keep(folder, "Til Sven", to=sven.email.upper(), stream="")
    nobodys = keep(folder, "Fra andre", stream="")
    everything = [ours, theirs, notice, nobodys]
    for user, sees in ((anna, {ours}), (sven, {theirs, notice})):
        client = Client()
        client.force_login(user)
        page = client.get("/catcher/").content.decode()
        for mail_id in everything:
            assert (mail_id in page) == (mail_id in sees)
            for path in (f"/catcher/{mail_id}", f"/catcher/{mail_id}/html", f"/catcher/{mail_id}.eml"):
                assert client.get(path).status_code == (200 if mail_id in sees else 404)


def test_a_superuser_sees_all(folder: Path, client: Client, db: None) -> None:
    keep(folder, "Fra andre", stream="")
    client.force_login(User.objects.create_superuser("root@example.org"))
    assert "Fra andre" in client.get("/catcher/").content.decode()


def test_one_mail(annas: Client, folder: Path) -> None:
    mail_id = keep(folder, "=?utf-8?q?=C3=85ben_=C3=B8velse?=")
    page = annas.get(f"/catcher/{mail_id}").content.decode()
    assert "<h1>Åben øvelse</h1>" in page
    assert "Kulturfællesskabet &lt;nyt@kultur.example.org&gt;" in page
    assert "Åben øvelse på torvet" in page
    assert "<dt>Feedback-ID</dt>" in page
    assert "alert(1)" not in page
    assert f'src="/catcher/{mail_id}/html"' in page
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page


def test_its_html_is_a_box_in_which_nothing_runs(annas: Client, folder: Path) -> None:
    response = annas.get(f"/catcher/{keep(folder)}/html")
    assert response.content.decode().strip() == HTML
    policy = response["Content-Security-Policy"]
    assert "script-src 'none'" in policy
    assert "sandbox allow-popups allow-popups-to-escape-sandbox" in policy
    assert "allow-scripts" not in policy
    assert "no-store" in response["Cache-Control"]


def test_its_raw_bytes(annas: Client, folder: Path) -> None:
    mail_id = keep(folder)
    response = annas.get(f"/catcher/{mail_id}.eml")
    assert b"".join(response.streaming_content) == (folder / f"{mail_id}.eml").read_bytes()
    assert response["Content-Type"] == "message/rfc822"
    assert response["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize("name", ["..%2F..%2Fetc%2Fpasswd", "0" * 32, "0" * 31, "A" * 32, "x", "../keys/secret_key"])
def test_no_other_file_is_ever_read(name: str, annas: Client, folder: Path) -> None:
    for path in (f"/catcher/{name}", f"/catcher/{name}.eml", f"/catcher/{name}/html"):
        assert annas.get(path).status_code == 404


def test_a_symbolic_link_is_not_followed(annas: Client, folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("X-Rcpt-To: a\r\nFeedback-ID: c1:n:kulturfaellesskabet:opslag\r\n\r\nsecret")
    link = folder / f"{'a' * 32}.eml"
    link.symlink_to(secret)
    assert link.stem not in annas.get("/catcher/").content.decode()
    assert annas.get(f"/catcher/{link.stem}.eml").status_code == 404


BROKEN = [
    b"",
    b"\xff\xfe\x00\x01" * 50,
    b"Content-Type: text/html; charset=no-such-charset\r\n\r\n<p>x</p>",
    b"Content-Type: multipart/alternative\r\n\r\nno boundary",
    b"Content-Transfer-Encoding: base64\r\nContent-Type: text/plain\r\n\r\n!!!!",
    b"Subject: =?no-such?q?x?= =?utf-8?b?####?=\r\n\r\nx",
    b"From: <<<>>>@@\r\nTo: ,,,;:\r\nDate: never\r\nContent-Type: ;;;=\r\n\r\nx",
    b"Subject: " + b"x" * 200_000,
    b"Content-Type: message/rfc822\r\n\r\n" * 200,
]


@pytest.mark.parametrize("rest", BROKEN, ids=range(len(BROKEN)))
def test_a_mail_that_breaks_the_rules_breaks_no_page(rest: bytes, annas: Client, folder: Path) -> None:
    stream = b"X-Rcpt-To: anne@example.org\r\nFeedback-ID: c1:kulturnyt:kulturfaellesskabet:opslag\r\n"
    mail_id = keep(folder, content=stream + rest)
    assert mail_id in annas.get("/catcher/").content.decode()
    assert annas.get(f"/catcher/{mail_id}").status_code == 200
    assert annas.get(f"/catcher/{mail_id}/html").status_code in {200, 404}


def test_a_huge_mail_is_for_download_only(annas: Client, folder: Path) -> None:
    mail_id = keep(folder)
    with (folder / f"{mail_id}.eml").open("r+b") as file:
        file.truncate(LARGEST_SHOWN + 1)
    page = annas.get(f"/catcher/{mail_id}").content.decode()
    assert "<iframe" not in page
    assert "notice-info" in page


def test_only_the_newest_are_looked_through(folder: Path) -> None:
    original = folder / f"{keep(folder)}.eml"
    for number in range(caught.LOOKED_THROUGH):
        (folder / f"{number:032x}.eml").hardlink_to(original)
    found, older = caught.newest(folder, lambda mail: True)
    assert (len(found), older) == (caught.LOOKED_THROUGH, True)
