"""What the tests of the staff's set-up pages share: signing in, a reader, the words of a page."""

from __future__ import annotations

import html
import re

from django.http import HttpResponse
from django.test import Client

from publisher.models import Organisation, Role, User
from publisher.vocabulary import RoleKind


def signed_in(user: User, language: str = "en") -> Client:
    """A browser in which `user` works, in English unless said otherwise."""
    User.objects.filter(pk=user.pk).update(language=language)
    client = Client()
    client.force_login(user)
    return client


def reader_in(organisation: Organisation) -> User:
    """Rita, who may look and nothing else."""
    user = User.objects.create_user("rita@example.org", name="Rita")
    Role.objects.create(user=user, organisation=organisation, kind=RoleKind.READER)
    return user


def words(response: HttpResponse) -> str:
    """What a page says, without markup and in one line; its status must be `ok` or a refused form."""
    text = re.sub(r"<[^>]*>", " ", response.content.decode())
    return " ".join(html.unescape(text).split())


def source_of(response: HttpResponse) -> str:
    """The page's own HTML."""
    return str(response.content.decode())
