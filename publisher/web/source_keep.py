"""Keeping a new source, or another way to read one, once somebody has seen what is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from publisher.access.audit import record
from publisher.items.first_look import add_source, change_source
from publisher.models import Source
from publisher.sources import SOURCES
from publisher.web.staff import OwnRequest


def keep(request: OwnRequest, kind: str, values: Mapping[str, Any], name: str) -> HttpResponse:
    """Add the source under a name, say so, and show its page."""
    source, made = add_source(request.organisation, kind, values, name)
    if made:
        record(request.organisation, request.user, "source_added", source, gettext_noop("added the source"))
        is_polled = SOURCES[kind].polled
        words = (
            _("“%(name)s” is added and is being read.")
            if is_polled
            else _("“%(name)s” is added. Now it needs a token.")
        )
        messages.success(request, words % {"name": source.name})
    else:
        messages.info(request, _("You have this source already: “%(name)s”.") % {"name": source.name})
    return redirect("source", pk=source.pk)


def change(request: OwnRequest, found: Source, values: Mapping[str, Any]) -> None:
    """Read a source from another place, or in another way, and note who said so. Raises InputError."""
    is_mapping = bool(SOURCES[found.kind].steps)
    words = gettext_noop("changed how it is read") if is_mapping else gettext_noop("changed the address")
    with transaction.atomic():
        change_source(found, values)
        record(request.organisation, request.user, "source_moved", found, words)
