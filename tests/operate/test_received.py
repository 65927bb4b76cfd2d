"""A mail as it arrived: what the doctor reads from it."""

from __future__ import annotations

import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.utils import timezone, translation
from hypothesis import given
from hypothesis import strategies as st

from publisher import cli
from publisher.cli import doctor as doctor_command
from publisher.compose.trial_key import new_trial_key, trial_key_in
from publisher.models import Newsletter
from publisher.operate import trial_mail
from publisher.operate.findings import Level
from publisher.operate.received import Signature, examine_received, look_at_last_received
from publisher.operate.trial_mail import links_of
from tests.audience_factory import own_newsletter
from tests.imap_server import imap_server
from tests.smtp_sink import running_sink

BOTH = "from:to:subject:list-unsubscribe:list-unsubscribe-post"
GMAIL = (
    "mx.google.com; dkim=pass header.i=@kultur.example.org header.s=s1; "
    "spf=pass (google.com: domain of x) smtp.mailfrom=x; dmarc=pass (p=NONE) header.from=kultur.example.org"
)
LEAVE = "List-Unsubscribe: <https://opslag.test/u/abc>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
LINK = '<a href="https://opslag.test/u/abc">Afmeld</a>'


def signature(headers: str = BOTH, domain: str = "kultur.example.org") -> str:
    return (
        f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d={domain}; s=s1;\r\n"
        f"\th={headers.replace(':', ' : ')};\r\n\tbh=abc=; b=def\r\n ghi==\r\n"
    )


def mail(
    *signatures: str,
    html: str = LINK,
    results: str = GMAIL,
    leave: str = LEAVE,
    trial: str = "",
) -> bytes:
    if trial:
        html = "".join(f'<a href="{link}">x</a>' for link in links_of(trial)) + (html if html != LINK else "")
        leave = f"X-Opslag-Test: {trial}\r\n{leave}"
    said = f"Authentication-Results: {results}\r\n" if results else ""
    head = f"From: Kulturnyt <nyt@kultur.example.org>\r\nSubject: x\r\nMessage-ID: <d1.2@x>\r\n{leave}"
    return (
        f"{said}{''.join(signatures)}{head}MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{html}"
    ).encode()


def said(raw: bytes) -> dict[Level, list[str]]:
    with translation.override("en"):
        found: dict[Level, list[str]] = {level: [] for level in Level}
        for finding in examine_received(raw):
            found[finding.level].append(str(finding.explanation))
    return found


def test_a_mail_that_arrived_well_is_told_so() -> None:
    found = said(mail(signature(), trial=new_trial_key(datetime(2026, 11, 26, 7, tzinfo=UTC))))
    assert not found[Level.FAIL] and not found[Level.WARN]
    assert "2026-11-26 08:00" in found[Level.OK][0], "how old what is said here is"
    assert "signed by kultur.example.org" in found[Level.OK][1]
    assert "dkim=pass, spf=pass, dmarc=pass" in found[Level.OK][2]
    assert "as they left" in found[Level.OK][3]


NOT_OURS = "not a test mail"


def others(found: dict[Level, list[str]]) -> list[str]:
    """What is said as a warning, but for that it is no test mail."""
    return [words for words in found[Level.WARN] if NOT_OURS not in words]


def test_any_other_mail_is_looked_at_and_not_believed() -> None:
    found = said(mail(signature()))
    assert not found[Level.FAIL] and NOT_OURS in found[Level.WARN][0]
    assert "where they should" in found[Level.OK][2]


@pytest.mark.parametrize(
    "spoil", [lambda key: key[:-1] + ("0" if key[-1] != "0" else "1"), lambda key: "test-" + "a" * 32]
)
def test_a_key_that_we_did_not_make_is_none(spoil: Any) -> None:
    key = new_trial_key(timezone.now())
    assert trial_key_in(f"<{key}@x>") is not None
    assert trial_key_in(f"<{spoil(key)}@x>") is None and NOT_OURS in said(mail(trial=spoil(key)))[Level.WARN][0]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('<a href="https://r.esp.example/tr/cl/x">x</a>', "click tracking"),
        ('<a href="https://opslag.test/?utm_source=esp">x</a>', "click tracking"),
        ('<img src="https://esp.example/o.gif" width="600">', "open tracking"),
    ],
)
def test_whatever_our_test_mail_did_not_hold_was_put_in(more: str, words: str) -> None:
    found = said(mail(signature(), html=more, trial=new_trial_key(timezone.now())))
    assert words in " ".join(found[Level.FAIL]) and "as they left" not in " ".join(found[Level.OK])


@pytest.mark.parametrize(
    ("covered", "missing"),
    [
        ("from:to:list-unsubscribe", "List-Unsubscribe-Post"),
        ("from:to:list-unsubscribe-post", "List-Unsubscribe"),
        ("from:to:subject", "List-Unsubscribe, List-Unsubscribe-Post"),
        ("", "List-Unsubscribe, List-Unsubscribe-Post"),
    ],
)
def test_the_header_that_is_not_signed_is_named_with_what_to_do(covered: str, missing: str) -> None:
    found = said(mail(signature(covered)))
    assert f"does not cover {missing}:" in found[Level.FAIL][0]
    assert all(program in others(found)[0] for program in ("OpenDKIM", "rspamd", "Exim", "Exchange"))


def test_one_signature_that_covers_both_is_enough() -> None:
    found = said(mail(signature("from:to", "esp.example"), signature()))
    assert not found[Level.FAIL] and not others(found)


def test_two_halves_are_no_whole() -> None:
    found = said(mail(signature("from:list-unsubscribe"), signature("from:list-unsubscribe-post")))
    assert found[Level.FAIL]


def test_a_strangers_signature_is_worth_a_word() -> None:
    assert "kultur.example.org" in others(said(mail(signature(domain="esp.example"))))[0]
    assert not others(said(mail(signature(domain="example.org"))))


def test_no_signature_at_all() -> None:
    assert "not signed" in said(mail())[Level.FAIL][0]


def test_headers_that_did_not_arrive_are_named() -> None:
    found = said(mail(signature(), leave=""))[Level.FAIL]
    assert [header for header in ("List-Unsubscribe:", "List-Unsubscribe-Post:") if header in " ".join(found)]
    assert len(found) == 2
    twice = "List-Unsubscribe: <https://esp.example/u>\r\n" * 2 + "List-Unsubscribe-Post: x\r\n"
    assert "more than once" in said(mail(signature(), leave=twice))[Level.FAIL][0]


@pytest.mark.parametrize(
    ("results", "level"),
    [
        ("mx; dkim=fail (bad signature) header.i=@kultur.example.org; spf=pass; dmarc=pass", Level.FAIL),
        ("mx; dkim=pass header.i=@x; spf=softfail; dmarc=fail (p=NONE)", Level.FAIL),
        ("mx; dkim=fail header.i=@esp; dkim=pass header.i=@kultur.example.org; dmarc=pass", Level.OK),
        ("", Level.WARN),
        ("mx; none", Level.WARN),
    ],
)
def test_what_the_receiving_server_said(results: str, level: Level) -> None:
    found = said(mail(signature(), results=results))
    assert found[level]
    assert (level is Level.FAIL) == bool(found[Level.FAIL])


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ('<a href="https://u1.ct.sendibt3.com/tr/cl/xyz">Afmeld</a>', "click tracking"),
        (
            '<a href="https://email.mg.example.org/c/eJw">x</a><a href="https://email.mg.example.org/c/eJx">y</a>',
            "click",
        ),
        (f'{LINK}<a href="https://click.pstmrk.it/3s/a/b">x</a>', "pstmrk"),
        (f'{LINK}<img src="https://esp.example/o.gif" width="1" height="1">', "open tracking"),
        (f'{LINK}<img src="https://esp.example/o.gif" style="height: 1px; width: 1px">', "esp.example"),
        (f'{LINK}<img src="https://abc.mjt.lu/oo/x.gif">', "open tracking"),
    ],
)
def test_what_a_service_puts_in_is_seen(html: str, words: str) -> None:
    assert words in " ".join(said(mail(signature(), html=html))[Level.FAIL])


def test_links_and_pictures_of_the_newsletter_itself_are_fine() -> None:
    html = (
        f'{LINK}<a href="https://museum.example.org/">Museet</a><img src="https://opslag.test/media/x.jpg" width="552">'
    )
    assert not said(mail(signature(), html=html))[Level.FAIL]


def test_what_is_no_mail_is_told_so() -> None:
    assert "no mail" in said(b"")[Level.FAIL][0]


@given(st.binary(max_size=400))
def test_no_bytes_break_it(raw: bytes) -> None:
    for start in (
        b"",
        b"DKIM-Signature: ",
        b"From: ",
        b"Content-Type: text/html; charset=",
        b"Authentication-Results: ",
    ):
        assert said(start + raw)


@given(st.lists(st.sampled_from(["v=1", "h=a:b", "d=X", "h", "=", "h=", ";;", "d = x.dk ", "h= From :To"])))
def test_tags_are_read_in_any_order(tags: list[str]) -> None:
    read = Signature.read(";".join(tags))
    assert read.domain == read.domain.lower() and "" not in read.headers


@pytest.fixture
def newsletter(db: None) -> Newsletter:
    return own_newsletter("Kulturnyt")


@pytest.mark.database
def test_the_test_mail_is_as_newsletters_are(
    settings: Any, newsletter: Newsletter, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.OPSLAG_ESP = "mailjet"
    with running_sink(tmp_path / "sink") as sink:
        settings.OPSLAG_SMTP_URL = sink.url
        assert cli.main(["doctor", "--send-test", "anna@example.org"]) == 0
        (arrived,) = sink.messages()
    assert newsletter.sender_email in capsys.readouterr().out
    for line in (
        b"List-Unsubscribe: <https://opslag.test/u/test-",
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        b"X-Mailjet-TrackOpen: 0",
        b"X-Opslag-Test: test-",
    ):
        assert line in arrived
    found = said(arrived.partition(b"\r\n")[2])
    assert len(found[Level.FAIL]) == 1 and "not signed" in found[Level.FAIL][0], "only the relay's signature is missing"
    rewritten = arrived.replace(b'<a href=3D"https://opslag.test/', b'<a href=3D"https://links.example/')
    assert rewritten != arrived and "click tracking" in " ".join(said(rewritten)[Level.FAIL])


@pytest.mark.database
def test_nothing_is_sent_where_nothing_may_be(
    settings: Any, newsletter: Newsletter, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.OPSLAG_NEVER_SEND = True
    assert cli.main(["doctor", "--send-test", "anna@example.org"]) == 1
    assert "OPSLAG_NEVER_SEND" in capsys.readouterr().err
    settings.OPSLAG_NEVER_SEND = False
    assert cli.main(["doctor", "--send-test", "no address"]) == 1


def remembered() -> str:
    (level,) = (level for level, _msgid, _params in look_at_last_received())
    return str(level)


@pytest.mark.database
def test_a_file_and_the_terminal_are_read_and_remembered(
    db: None, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    saved, key = tmp_path / "original.eml", new_trial_key(timezone.now())
    saved.write_bytes(mail(signature()))
    assert cli.main(["doctor", "--received", str(saved)]) == 0
    assert remembered() == "warn", "it was anybody's"
    saved.write_bytes(mail(signature(), trial=key))
    assert cli.main(["doctor", "--received", str(saved)]) == 0
    assert remembered() == "ok"
    with time_machine.travel(timezone.now() + timedelta(days=91), tick=False):
        assert remembered() == "warn", "long ago"
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(mail(trial=key))))
    assert cli.main(["doctor", "--received", "-"]) == 1
    assert remembered() == "fail"
    assert "kultur.example.org" in capsys.readouterr().out
    assert cli.main(["doctor", "--received", str(tmp_path / "none.eml")]) == 1
    assert "none.eml" in capsys.readouterr().err


@pytest.mark.database
def test_without_an_address_it_is_looked_at_in_our_own_mailbox(
    settings: Any, newsletter: Newsletter, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    assert cli.main(["doctor", "--send-test"]) == 1
    assert "OPSLAG_INBOUND_IMAP_URL" in capsys.readouterr().err
    monkeypatch.setattr(trial_mail, "_LOOK_EVERY_S", 0.05)
    with running_sink(tmp_path / "sink") as sink, imap_server() as mailbox:
        settings.OPSLAG_SMTP_URL, settings.OPSLAG_INBOUND_IMAP_URL = sink.url, mailbox.url
        settings.OPSLAG_BOUNCE_ADDRESS = "retur+{token}@nyt.example.org"

        def relay() -> None:
            while not sink.messages():
                time.sleep(0.05)
            mailbox.put(b"Subject: another\r\n\r\nx", signature().encode() + sink.messages()[0])

        carrier = threading.Thread(target=relay)
        carrier.start()
        code = cli.main(["doctor", "--send-test"])
        carrier.join()
        assert [each.flags for each in mailbox.mails] == [set(), set()], "the mailbox is as it was"
    said_so = capsys.readouterr().out
    assert code == 0 and "retur+test@nyt.example.org" in said_so and "kultur.example.org" in said_so
    with running_sink(tmp_path / "other") as sink, imap_server() as mailbox:
        settings.OPSLAG_SMTP_URL, settings.OPSLAG_INBOUND_IMAP_URL = sink.url, mailbox.url
        monkeypatch.setattr(doctor_command, "WAIT_S", 0.1)
        assert cli.main(["doctor", "--send-test"]) == 1
