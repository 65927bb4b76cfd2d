"""Forms made from a plug-in's config dataclass: its fields, words and secrets, so that no page knows a plug-in."""

from __future__ import annotations

from dataclasses import MISSING, Field, fields
from typing import Any, get_type_hints

from django import forms

from publisher.errors import AccountError, OpslagError

_WORDS = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


def form_for(config_class: type) -> type[forms.Form]:
    """A form class with one field per config field. Secrets are write-only: what is stored is never shown."""
    types = get_type_hints(config_class)
    return type(
        f"{config_class.__name__}Form",
        (forms.Form,),
        {each.name: _field(each, types[each.name]) for each in fields(config_class)},
    )


def secret_fields(config_class: type) -> list[str]:
    """The names of the fields that are kept encrypted."""
    return [each.name for each in fields(config_class) if each.metadata.get("secret")]


def refuse(form: forms.Form, config_class: type, error: OpslagError) -> None:
    """Put a plug-in's refusal where it is mended: on the secret if we were refused for it, else above the form."""
    secret = secret_fields(config_class)
    form.add_error(secret[0] if isinstance(error, AccountError) and len(secret) == 1 else None, str(error))


def _field(each: Field[Any], type_: type) -> forms.Field:
    default = None if each.default is MISSING else each.default
    words: dict[str, Any] = {
        "label": each.metadata.get("label", each.name),
        "help_text": each.metadata.get("help", ""),
        "required": each.default is MISSING and each.default_factory is MISSING,
        "initial": default,
    }
    if type_ is bool:
        return forms.BooleanField(**words | {"required": False})
    if type_ is int:
        return forms.IntegerField(**words)
    if each.metadata.get("secret"):
        return forms.CharField(widget=forms.PasswordInput(attrs=_WORDS | {"autocomplete": "new-password"}), **words)
    return forms.CharField(widget=forms.TextInput(attrs=_WORDS), **words)
