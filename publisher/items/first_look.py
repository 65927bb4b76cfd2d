"""Adding a source: first look at what is there and store nothing, then keep it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_noop

from publisher.errors import InputError, PermanentError
from publisher.items.identity import normalise_link
from publisher.models import Organisation, Source
from publisher.sources import SOURCES
from publisher.sources.contract import Poll
from publisher.sources.contract import Source as Plugin

_NAME_LENGTH = 120


def first_look(kind: str, values: Mapping[str, Any]) -> Poll:
    """What a source of this kind with these fields gives right now; nothing is stored.

    Raises InputError for an unknown kind, and what the plug-in's `poll` raises: TransientError, PermanentError.
    """
    plugin = _plugin(kind)
    poll = plugin.poll(plugin.config_class(**_known(plugin, values)), {})
    if poll.gone:
        raise PermanentError(
            gettext_noop("The website says that what was there is gone for good. Look for its new address."),
            reason="gone",
        )
    return poll


def add_source(organisation: Organisation, kind: str, values: Mapping[str, Any], name: str) -> tuple[Source, bool]:
    """Keep a source, which the workers look at at once; False if it is there already, and then unchanged.

    Raises InputError for an unknown kind.
    """
    plugin = _plugin(kind)
    given = _known(plugin, values)
    secret = {each.name for each in fields(plugin.config_class) if each.metadata.get("secret")}
    config = {field: value for field, value in given.items() if field not in secret}
    secrets: dict[str, Any] = {"credentials": {field: value for field, value in given.items() if field in secret}}
    with transaction.atomic():
        # Two people who add the same source at once wait for each other here.
        Organisation.objects.select_for_update().get(pk=organisation.pk)
        for known in Source.objects.filter(organisation=organisation, kind=kind).order_by("pk"):
            if _place(known.config) == _place(config):
                return known, False
        fresh = Source.objects.create(
            organisation=organisation, kind=kind, name=name[:_NAME_LENGTH], config=config, **secrets
        )
    return fresh, True


def _plugin(kind: str) -> Plugin:
    if kind not in SOURCES:
        raise InputError(gettext_noop("This installation does not know the kind of source “%(kind)s”."), kind=kind)
    return SOURCES[kind]


def _known(plugin: Plugin, values: Mapping[str, Any]) -> dict[str, Any]:
    names = {each.name for each in fields(plugin.config_class)}
    return {name: value.strip() if isinstance(value, str) else value for name, value in values.items() if name in names}


def _place(config: Mapping[str, Any]) -> dict[str, Any]:
    """Open fields in the form in which two ways of writing one address are equal."""
    return {name: normalise_link(str(value)) or value for name, value in config.items()}
