"""What the tests of the daily pages share: what a person typed, how many questions a page asks, plain markup."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from publisher.models import Campaign, Item, Organisation
from publisher.web.draft import Draft

UNTIDY = re.compile(r"""\sstyle\s*=|<style|\son\w+\s*=\s*["']|<script(?![^>]*\ssrc=)|javascript:""")


def typed(campaign: Campaign, **changes: str) -> dict[str, Any]:
    """What the composer's form sends when it was just opened, with `changes` made by hand (field names with “-”
    written as “__”)."""
    draft = Draft(Campaign.objects.get(pk=campaign.pk))
    data: dict[str, Any] = {"revision": draft.revision}
    for form in [*draft.forms(), draft.when]:
        for field in form:
            value = field.value()
            if isinstance(value, list):
                data[field.html_name] = value
            elif value not in (None, False):
                data[field.html_name] = (
                    value.strftime("%H:%M") if field.name == "clock" else "on" if value is True else str(value)
                )
    return data | {name.replace("__", "-"): value for name, value in changes.items()}


def live(client: Client, path: str, data: Mapping[str, Any]) -> HttpResponse:
    """Send a form as htmx does."""
    return client.post(path, data, headers={"HX-Request": "true"})


def questions(client: Client, path: str) -> int:
    """How many statements a page needs; the page must be well and tidy."""
    client.get(path)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        response = client.get(path)
    assert response.status_code == 200
    assert UNTIDY.findall(response.content.decode()) == []
    return len(asked)


def more_items(organisation: Organisation, number: int) -> list[Item]:
    """Some more news items."""
    return [
        Item.objects.create(
            organisation=organisation,
            title=f"Nyhed nummer {n}",
            link=f"https://kultur.example.org/{n}",
            link_key=f"kultur.example.org/{n}",
        )
        for n in range(number)
    ]
