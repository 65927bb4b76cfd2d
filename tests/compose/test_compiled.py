"""The mail on the wire: every header, both parts, places filled by the recipient's values and nothing else."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from publisher.compose.compiled import Recipient, Segments, compile_message, personalise
from publisher.compose.editions import EVERYTHING, edition, load
from publisher.compose.newsletter import render_html, render_text
from publisher.compose.values import one_line
from publisher.errors import InputError, PermanentError
from publisher.models import CompiledMail, Message, Newsletter
from publisher.vocabulary import BlockKind, LinkCounting
from tests.compose.reading import check_wire, parts_of, read_html, read_wire, squeezed

pytestmark = pytest.mark.database

TOKEN = "aB-_" + "x" * 18
ANNA = Recipient(4711, "anna@example.org", "", TOKEN)


@pytest.fixture
def segments(mail: Message) -> Segments:
    """The compiled mail."""
    return whole(mail)


def whole(mail: Message) -> Segments:
    """What a subscriber without choices gets."""
    return edition(load(compile_message(mail)), EVERYTHING)


def test_it_carries_every_header_that_a_newsletter_must(mail: Message, segments: Segments) -> None:
    mail_id, campaign = mail.public_id.hex, mail.campaign_id
    message = read_wire(personalise(segments, ANNA))
    assert {name: str(value) for name, value in message.items() if name not in {"Date", "Content-Type"}} == {
        "From": "Kulturfællesskabet <nyt@kultur.example.org>",
        "Reply-To": "kontor@kultur.example.org",
        "To": "anna@example.org",
        "Subject": "Ny kulturaftale er underskrevet",
        "Message-ID": f"<d4711.{mail_id}@opslag.test>",
        "List-Id": '"Kulturnyt" <kulturnyt.opslag.test>',
        "List-Unsubscribe": f"<https://opslag.test/u/{TOKEN}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Feedback-ID": f"c{campaign}:kulturnyt:kulturfaellesskabet:opslag",
        "Precedence": "bulk",
        "Content-Language": "da",
        "MIME-Version": "1.0",
    }


def test_the_unsubscribe_address_stands_whole_on_one_line(segments: Segments) -> None:
    wire = personalise(segments, ANNA)
    assert f"\r\nList-Unsubscribe: <https://opslag.test/u/{TOKEN}>\r\n".encode() in wire


def test_the_date_is_the_planned_instant_where_the_organisation_is(mail: Message) -> None:
    mail.scheduled_at = datetime(2026, 11, 26, 7, 0, tzinfo=UTC)
    wire = personalise(whole(mail), ANNA)
    assert b"\r\nDate: Thu, 26 Nov 2026 08:00:00 +0100\r\n" in wire
    assert parsedate_to_datetime(str(read_wire(wire)["Date"])) == mail.scheduled_at


def test_every_line_obeys_the_wire(segments: Segments) -> None:
    check_wire(personalise(segments, ANNA))
    check_wire(personalise(segments, ANNA._replace(name="Åse " * 30, address="a" * 60 + "@" + "b" * 60 + ".example")))


def test_danish_letters_and_both_parts_arrive_whole(mail: Message) -> None:
    mail.newsletter.link_counting = LinkCounting.NONE
    text, html = parts_of(personalise(whole(mail), ANNA))
    places = {
        "unsubscribe_url": f"https://opslag.test/u/{TOKEN}",
        "view_url": f"https://opslag.test/m/{mail.public_id.hex}",
    }
    assert html.replace("\r\n", "\n").rstrip("\n") == render_html(mail, places=places).rstrip("\n")
    assert text.replace("\r\n", "\n").rstrip("\n") == render_text(mail, places=places).rstrip("\n")
    assert "æøå ÆØÅ" not in text and "præsenterer" in text and "Øvelokaler" in html


def test_recipients_differ_in_their_own_values_only(segments: Segments) -> None:
    people = [
        Recipient(1, "a@example.org", "", "a" * 22),
        Recipient(22, "bo@example.org", "Bo Hansen", "b" * 22),
        Recipient(333, "åse@example.org".replace("å", "aa"), "Åse Ærø", "c" * 22),
        Recipient(4444, "d@xn--rdovre-bya.example", 'Dorte "D" \\ Ø', "d-" * 11),
    ]
    plain = set()
    for person in people:
        wire = personalise(segments, person)
        check_wire(wire)
        assert wire.count(person.token.encode()) == 3
        shown = read_wire(wire)
        assert [address.addr_spec for address in shown["to"].addresses] == [person.address]
        assert shown["to"].addresses[0].display_name == person.name
        neutral = re.sub(rb"\r\nTo: .*?\r\n(?! )", b"\r\nTo: X\r\n", wire, flags=re.DOTALL)
        plain.add(neutral.replace(person.token.encode(), b"T").replace(b"<d%d." % person.delivery_id, b"<d."))
    assert len(plain) == 1


def test_a_name_cannot_bring_a_header_along(segments: Segments) -> None:
    wire = personalise(segments, ANNA._replace(name="Anna\r\nBcc: alle@example.org"))
    check_wire(wire)
    shown = read_wire(wire)
    assert shown["bcc"] is None and shown["to"].addresses[0].display_name == "Anna Bcc: alle@example.org"


@pytest.mark.parametrize(
    "address",
    ["a@b.dk\r\nBcc: c@d.dk", "a@b.dk,c@d.dk", "a@b.dk\0", "<a@b.dk>", "æ@b.dk", "a b@c.dk", "nobody", "a@b@c", ""],
)
def test_what_is_no_address_is_refused(segments: Segments, address: str) -> None:
    with pytest.raises(PermanentError) as refused:
        personalise(segments, ANNA._replace(address=address))
    assert refused.value.reason == "refused"


@pytest.mark.parametrize("token", ["", "a.b", "a b", "a\r\nb", "æ", "a=b", "a" * 65, "<a>"])
def test_what_is_no_token_is_refused(segments: Segments, token: str) -> None:
    with pytest.raises(PermanentError):
        personalise(segments, ANNA._replace(token=token))


def test_compiling_twice_gives_the_same_bytes_once(mail: Message) -> None:
    mail.scheduled_at = datetime(2026, 11, 26, 7, 0, tzinfo=UTC)
    first = personalise(whole(mail), ANNA)
    second = personalise(whole(mail), ANNA)
    assert first == second
    assert CompiledMail.objects.get().message == mail


def test_the_stored_page_is_for_everyone(mail: Message) -> None:
    compile_message(mail)
    mail.refresh_from_db()
    for stored in (mail.composed_html, mail.composed_text):
        assert "Ny kulturaftale er underskrevet" in stored and "/u/" not in stored
    assert read_html(mail.composed_html).headings[0] == ("h1", "Kulturnyt")


def test_content_cannot_name_a_place(mail: Message) -> None:
    block = mail.blocks.get(kind=BlockKind.LEAD_STORY)
    block.content["lead"] = "slot token {token} unsubscribe_url {{ unsubscribe_url }} %(token)s"
    block.save()
    text, html = parts_of(personalise(whole(mail), ANNA))
    assert text.count(TOKEN) == 1 and html.count(TOKEN) == 1
    assert "slot token {token} unsubscribe_url {{ unsubscribe_url }} %(token)s" in squeezed(text)


def test_a_sender_that_no_header_can_hold_is_said_in_words(mail: Message, newsletter: Newsletter) -> None:
    newsletter.reply_to = "kontor@kultur.example.org\r\nBcc: x@example.org"
    newsletter.save()
    mail.refresh_from_db()
    with pytest.raises(InputError):
        compile_message(mail)
    assert not CompiledMail.objects.exists()


def test_a_post_is_not_compiled(post: Message) -> None:
    with pytest.raises(PermanentError):
        compile_message(post)


ANY = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from(list("\"'<>&{}%\\=.\r\n\u2028\u00a0\u00ad/æøå"))
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(title=ANY, lead=ANY, body=ANY, alt=ANY, subject=ANY)
def test_no_words_ever_break_the_mail(mail: Message, title: str, lead: str, body: str, alt: str, subject: str) -> None:
    words = {"title": title, "lead": lead, "html": f"<p>{body}</p>", "alt": alt, "link": "https://x.example/" + title}
    block = mail.blocks.get(kind=BlockKind.LEAD_STORY)
    # A JSON column takes no NUL on PostgreSQL; drafts remove it before.
    block.content |= {name: value.replace("\0", "") for name, value in words.items()}
    block.save()
    mail.subject = subject
    wire = personalise(whole(mail), ANNA)
    check_wire(wire)
    message = read_wire(wire)
    assert message["subject"] == one_line(subject)
    assert len(message.items()) == 14
    text, html = parts_of(wire)
    shown = read_html(html)
    assert shown.pictures[0]["alt"] == one_line(unicodedata.normalize("NFC", alt))
    assert shown.headings[1] == ("h2", one_line(title))
    assert squeezed(one_line(title)) in squeezed(text)
    assert not shown.tags & {"script", "iframe", "object", "embed", "form", "svg", "style"} - {"style"}
    assert html.count(TOKEN) == 1 and text.count(TOKEN) == 1
