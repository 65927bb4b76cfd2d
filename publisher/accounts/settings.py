"""An account's connection fields: read from the row for its plug-in, or from a form into the row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from typing import Any

from django.utils.translation import gettext_noop

from publisher.errors import AccountError, InputError
from publisher.models import Account
from publisher.platforms import PLATFORMS
from publisher.platforms.contract import Platform
from publisher.vocabulary import Reason


def platform_of(account: Account) -> Platform:
    """The plug-in that serves the account. Raises AccountError if this installation no longer has it."""
    try:
        return PLATFORMS[account.kind]
    except KeyError as error:
        raise AccountError(
            gettext_noop("This installation cannot publish to “%(kind)s”."), reason=Reason.ACCOUNT, kind=account.kind
        ) from error


def config_of(account: Account) -> Any:
    """The plug-in's own config, from the row's open fields and its decrypted secrets.

    Raises AccountError where a field is missing, for example after the account was disconnected.
    """
    return typed(platform_of(account).config_class, {**account.config, **account.credentials})


def typed(config_class: type, stored: Mapping[str, Any]) -> Any:
    """A `config_class` of what is stored under its fields' names. Raises AccountError where one is missing."""
    if _missing(config_class, stored):
        raise AccountError(gettext_noop("The channel must be connected again."), reason=Reason.ACCOUNT)
    return config_class(**{each.name: stored[each.name] for each in fields(config_class) if each.name in stored})


def changed(account: Account, config_class: type, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The row's open fields and secrets with some of the `config_class`'s fields given anew."""
    secret = {each.name: bool(each.metadata.get("secret")) for each in fields(config_class)}
    known = {name: value for name, value in values.items() if name in secret}
    return (
        account.config | {name: value for name, value in known.items() if not secret[name]},
        account.credentials | {name: value for name, value in known.items() if secret[name]},
    )


def split_values(config_class: type, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a person filled in, as (open fields, secrets); blanks around texts are dropped, unknown names too.

    Raises InputError naming the first required field that is empty.
    """
    given = {name: value.strip() if isinstance(value, str) else value for name, value in values.items()}
    for missing in _missing(config_class, {name: value for name, value in given.items() if value != ""}):
        raise InputError(gettext_noop("Fill in “%(field)s”."), field=missing.metadata.get("label", missing.name))
    known = {each.name: bool(each.metadata.get("secret")) for each in fields(config_class) if each.name in given}
    return (
        {name: given[name] for name, secret in known.items() if not secret},
        {name: given[name] for name, secret in known.items() if secret},
    )


def _missing(config_class: type, values: Mapping[str, Any]) -> list[Field[Any]]:
    return [
        each
        for each in fields(config_class)
        if each.default is MISSING and each.default_factory is MISSING and each.name not in values
    ]
