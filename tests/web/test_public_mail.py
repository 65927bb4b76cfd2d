"""A mail as a web page: for everybody once it is being sent, before that for its own staff alone."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.utils import timezone

from publisher.compose.compiled import compile_message
from publisher.compose.links import view_url
from publisher.models import Message, User
from publisher.vocabulary import MessageStatus
from tests.compose.conftest import campaign, lead_item, mail, picture, post  # noqa: F401 -- fixtures

pytestmark = pytest.mark.database


@pytest.fixture
def sent(mail: Message) -> Message:  # noqa: F811
    """The mail, compiled and sent."""
    compile_message(mail)
    return in_status(mail, MessageStatus.FINISHED, begun=True)


def in_status(message: Message, status: MessageStatus, *, begun: bool) -> Message:
    Message.objects.filter(pk=message.pk).update(status=status, started_at=timezone.now() if begun else None)
    message.refresh_from_db()
    return message


def path_of(message: Message) -> str:
    return view_url(message).removeprefix("https://opslag.test")


PUBLIC = [
    (MessageStatus.SENDING, True),
    (MessageStatus.FINISHED, True),
    (MessageStatus.PAUSED, True),
    (MessageStatus.HELD, True),
    (MessageStatus.CANCELLED, True),
]
HIDDEN = [
    (MessageStatus.DRAFT, False),
    (MessageStatus.SCHEDULED, False),
    (MessageStatus.PAUSED, False),
    (MessageStatus.HELD, False),
    (MessageStatus.CANCELLED, False),
]


@pytest.mark.parametrize(("status", "begun"), PUBLIC)
def test_everybody_reads_what_some_readers_have(
    status: MessageStatus, begun: bool, sent: Message, client: Client
) -> None:
    response = client.get(path_of(in_status(sent, status, begun=begun)))
    assert response.status_code == 200
    page = response.content.decode()
    foot = re.search(r"<nav .*</nav>\s*", page)
    assert foot and page == sent.composed_html.replace("</body>", foot[0] + "</body>")
    slug = sent.campaign.organisation.slug
    assert re.findall(r'href="([^"]+)"', foot[0]) == [f"/accessibility/{slug}", f"/privacy/{slug}"]
    assert "Privatliv" in foot[0] or "Persondata" in foot[0], "in the mail's own language"
    assert [client.get(path).status_code for path in (f"/accessibility/{slug}", f"/privacy/{slug}")] == [200, 200]
    assert "Ny kulturaftale er underskrevet" in page
    assert "/u/" not in page
    assert '<html lang="da"' in page
    assert response["Content-Language"] == "da"
    assert "public" in response["Cache-Control"]
    assert "max-age=300" in response["Cache-Control"]


@pytest.mark.parametrize(("status", "begun"), HIDDEN)
def test_nobody_outside_reads_what_has_not_begun(
    status: MessageStatus, begun: bool, sent: Message, client: Client, sven: User, anna: User
) -> None:
    path = path_of(in_status(sent, status, begun=begun))
    assert client.get(path).status_code == 404
    client.force_login(sven)
    assert client.get(path).status_code == 404
    client.force_login(anna)
    response = client.get(path)
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    assert "public" not in response["Cache-Control"]


def test_staff_see_a_draft_as_it_is_now(mail: Message, client: Client, anna: User) -> None:  # noqa: F811
    client.force_login(anna)
    assert mail.composed_html == ""
    assert "Ny kulturaftale" in client.get(path_of(mail)).content.decode()
    block = mail.blocks.first()
    assert block is not None
    block.content["title"] = "Rettet overskrift"
    block.save()
    assert "Rettet overskrift" in client.get(path_of(mail)).content.decode()


def test_staff_are_told_why_a_draft_cannot_be_shown(mail: Message, client: Client, anna: User) -> None:  # noqa: F811
    mail.newsletter.template = "no-such-template"
    mail.newsletter.save()
    client.force_login(anna)
    response = client.get(path_of(mail))
    assert response.status_code == 409
    assert "no-such-template" in response.content.decode()


def test_a_post_is_no_mail(post: Message, client: Client, anna: User) -> None:  # noqa: F811
    in_status(post, MessageStatus.FINISHED, begun=True)
    client.force_login(anna)
    assert client.get(path_of(post)).status_code == 404


def test_the_policy_suits_a_mail_and_only_this_page_has_it(sent: Message, client: Client) -> None:
    response = client.get(path_of(sent))
    policy = dict(part.split(" ", 1) for part in response["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'none'",
        "style-src": "'unsafe-inline'",
        "img-src": "'self' https://opslag.test",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'self'",
    }
    assert "unsafe" not in client.get("/sign-in/")["Content-Security-Policy"]


@pytest.mark.parametrize(
    "path", ["/m/", "/m/x", f"/m/{'0' * 32}", f"/m/{'g' * 32}", f"/m/{'0' * 33}", "/m/0-0"], ids=str
)
def test_other_addresses_are_not_found(path: str, client: Client, db: None) -> None:
    assert client.get(path).status_code == 404


def test_nothing_can_be_posted(sent: Message, client: Client) -> None:
    assert client.post(path_of(sent)).status_code == 405


def test_its_pictures_are_served(sent: Message, client: Client) -> None:
    shown = sent.blocks.get(position=0).picture
    assert shown is not None
    path = f"/media/{shown.sha256}/1200.jpg"
    assert f"https://opslag.test{path}" in sent.composed_html
    response = client.get(path)
    content = b"".join(response.streaming_content)
    assert (response.status_code, response["Content-Type"]) == (200, "image/jpeg")
    assert content.startswith(b"\xff\xd8")
    assert len(content) == int(response["Content-Length"])
    assert response["X-Content-Type-Options"] == "nosniff"
    # Not for long: a photo consent may be withdrawn.
    assert set(response["Cache-Control"].split(", ")) == {"public", "max-age=86400"}
    missing = [f"/media/{shown.sha256}/{name}" for name in ("1200.png", "1201.jpg", "0.jpg", "1200.gif", "..jpg")]
    missing += [f"/media/{'0' * 64}/1200.jpg", "/media/../../etc/passwd", f"/media/{shown.sha256.upper()}/1200.jpg"]
    for path in missing:
        response = client.get(path)
        assert response.status_code == 404, path
