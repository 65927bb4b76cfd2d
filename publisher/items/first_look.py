"""Adding a source, or another address for one: first look at what is there and store nothing, then keep it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_noop

from publisher.errors import InputError, OpslagError, PermanentError, TransientError
from publisher.items.identity import normalise_link
from publisher.models import Organisation, Source
from publisher.sources import SOURCES
from publisher.sources.contract import Poll, Suggestion
from publisher.sources.contract import Source as Plugin
from publisher.vocabulary import SourceStatus

_NAME_LENGTH = 120
_HOST_LENGTH = 255
# From “example.org” to its page, from there to the feed.
_HOPS = 2


def first_look(kind: str, values: Mapping[str, Any]) -> Poll:
    """What a source of this kind with these fields gives right now; nothing is stored.

    Raises InputError for an unknown kind, and what the plug-in's `first_poll` raises: TransientError, PermanentError.
    """
    plugin = _plugin(kind)
    poll = plugin.first_poll(plugin.config_class(**_known(plugin, values)))
    if poll.gone:
        raise PermanentError(
            gettext_noop("The website says that what was there is gone for good. Look for its new address."),
            reason="gone",
        )
    return poll


@dataclass(frozen=True)
class Look:
    """What came of looking at a place that a person named.

    `poll` is what is there, under `values`, which differ from what was given if it was found elsewhere (`found`).
    Without it `error` says why not, and `choices` are where else it may be.
    """

    values: Mapping[str, Any]
    poll: Poll | None = None
    found: bool = False
    error: OpslagError | None = None
    choices: tuple[Suggestion, ...] = ()


def look_around(kind: str, values: Mapping[str, Any]) -> Look:
    """A first look, and if nothing is to be read there at the one place that may have been meant; nothing is stored.

    A website's name leads to its page, the page to its feed. Raises InputError for an unknown kind.
    """
    plugin, tried = _plugin(kind), dict(values)
    for hop in range(_HOPS + 1):
        try:
            return Look(tried, first_look(kind, tried), found=hop > 0)
        except (TransientError, PermanentError) as error:
            failed = error
        meant = plugin.suggestions(plugin.config_class(**_known(plugin, tried)), failed) if hop < _HOPS else ()
        if len(meant) != 1:
            return Look(values, error=failed, choices=meant)
        tried = {**tried, **meant[0].values}
    return Look(values, error=failed)


def add_source(organisation: Organisation, kind: str, values: Mapping[str, Any], name: str) -> tuple[Source, bool]:
    """Keep a source, which the workers look at at once; False if it is there already, and then unchanged.

    Raises InputError for an unknown kind.
    """
    plugin = _plugin(kind)
    config, secrets = _split(plugin, values)
    with transaction.atomic():
        # Two people who add the same source at once wait for each other here.
        Organisation.objects.select_for_update().get(pk=organisation.pk)
        for known in Source.objects.filter(organisation=organisation, kind=kind).order_by("pk"):
            if _is_same_place(plugin, known, values):
                return known, False
        fresh = Source(organisation=organisation, kind=kind, name=name[:_NAME_LENGTH], config=config)
        fresh.credentials, fresh.host = secrets, host_of(kind, values)
        fresh.save()
    return fresh, True


def with_stored_secrets(source: Source, values: Mapping[str, Any]) -> dict[str, Any]:
    """`values`, with the source's own secrets where none were given: pages never show them, so they come back empty."""
    stored: dict[str, Any] = Source.objects.only("credentials").get(pk=source.pk).credentials
    return {**values, **kept_secrets(source.kind, stored, values)}


def kept_secrets(kind: str, known: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, str]:
    """Those of the `known` secrets that stay when others are `given`.

    A secret that belongs to another one (a password to its address) does not stay when that is given anew: it would be
    sent to a server that it was never meant for.
    """
    owners = {each.name: str(each.metadata.get("belongs_to", "")) for each in fields(_plugin(kind).config_class)}

    def is_for_the_old(name: str) -> bool:
        owner = owners.get(name, "")
        return bool(given.get(owner)) and given[owner] != known.get(owner)

    return {name: secret for name, secret in known.items() if not given.get(name) and not is_for_the_old(name)}


def change_source(source: Source, values: Mapping[str, Any]) -> None:
    """Read the source from another place or in another way from now on, at once and with a clean record.

    Look there first: what is at a new place becomes its back catalogue. Raises InputError if another source is there
    already.
    """
    plugin = _plugin(source.kind)
    config, secrets = _split(plugin, values)
    with transaction.atomic():
        Organisation.objects.select_for_update().get(pk=source.organisation_id)
        others = Source.objects.filter(organisation=source.organisation_id, kind=source.kind).exclude(pk=source.pk)
        for other in others:
            if _is_same_place(plugin, other, values):
                raise InputError(gettext_noop("You have this source already: “%(name)s”."), name=other.name)
        stays = _is_same_place(plugin, Source.objects.get(pk=source.pk), values) and source.first_poll_done
        # Whoever reads the old place now has lost the claim, so that its memory is not written here.
        Source.objects.filter(pk=source.pk).update(
            config=config, credentials=secrets, host=host_of(source.kind, values), state={}, first_poll_done=stays,
            status=SourceStatus.ACTIVE, failures=0, failing_since=None, told_at=None, quiet_since=None, strikes=0,
            last_error={}, next_poll_at=None, claim_id=None, lease_until=None,
        )  # fmt: skip
    source.refresh_from_db()


def host_of(kind: str, values: Mapping[str, Any]) -> str:
    """The server that a source with these fields is read from, as its row keeps it."""
    plugin = _plugin(kind)
    return plugin.host(plugin.config_class(**_known(plugin, values)))[:_HOST_LENGTH]


def _split(plugin: Plugin, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Open fields, and those that are kept encrypted."""
    given = _known(plugin, values)
    secret = {each.name for each in fields(plugin.config_class) if each.metadata.get("secret")}
    config = {name: value for name, value in given.items() if name not in secret}
    return config, {name: value for name, value in given.items() if name in secret and value}


def _plugin(kind: str) -> Plugin:
    if kind not in SOURCES:
        raise InputError(gettext_noop("This installation does not know the kind of source “%(kind)s”."), kind=kind)
    return SOURCES[kind]


def _known(plugin: Plugin, values: Mapping[str, Any]) -> dict[str, Any]:
    names = {each.name for each in fields(plugin.config_class)}
    return {name: value.strip() if isinstance(value, str) else value for name, value in values.items() if name in names}


def _is_same_place(plugin: Plugin, source: Source, values: Mapping[str, Any]) -> bool:
    """Whether a source with `values` would be this very source."""
    there = _place(plugin, {**source.config, **source.credentials})
    return bool(there) and there == _place(plugin, _known(plugin, values))


def _place(plugin: Plugin, values: Mapping[str, Any]) -> dict[str, Any]:
    """In the form in which two ways of writing one address are equal."""
    return {name: normalise_link(str(value)) or value for name, value in plugin.place(values).items()}
