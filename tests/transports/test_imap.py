"""Signing in to a mailbox: by password only, and a refusal says what kind of mailbox would do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.utils import translation

from publisher.errors import AccountError
from publisher.transports.imap import MailboxAddress, OpenMailbox
from tests.imap_server import ImapServer, imap_server


@pytest.fixture
def mailbox(settings: pytest.FixtureRequest) -> Iterator[ImapServer]:
    """A mailbox, and settings that lead to it; its password has been changed since."""
    with imap_server() as server:
        settings.OPSLAG_INBOUND_IMAP_URL = server.url
        server.password = "et andet"
        yield server


def refusal() -> AccountError:
    with pytest.raises(AccountError) as raised:
        OpenMailbox(MailboxAddress.from_settings())
    return raised.value


def test_a_wrong_password_is_called_so(mailbox: ImapServer) -> None:
    assert refusal().explanation.msgid == "The mailbox refused the user name or password: %(detail)s"


@pytest.mark.parametrize("offered", [" AUTH=PLAIN AUTH=XOAUTH2", " SASL-IR AUTH=OAUTHBEARER"])
def test_where_oauth_is_offered_the_refusal_says_which_password_may_do(mailbox: ImapServer, offered: str) -> None:
    mailbox.sign_in = offered
    with translation.override("en"):
        said = str(refusal())
    assert "wrong name or password. Its server also knows OAuth 2.0" in said and "app password" in said


def test_no_password_is_shown_to_a_server_that_takes_none(mailbox: ImapServer) -> None:
    mailbox.sign_in = " AUTH=XOAUTH2 LOGINDISABLED"
    assert "takes no password on this connection" in refusal().explanation.msgid
    assert "LOGIN" not in mailbox.commands


def test_a_server_that_knows_oauth_and_takes_the_password_will_do(mailbox: ImapServer) -> None:
    mailbox.sign_in, mailbox.password = " AUTH=PLAIN AUTH=XOAUTH2", "hemmeligt"
    with OpenMailbox(MailboxAddress.from_settings()) as opened:
        assert opened.waiting(1) == []
