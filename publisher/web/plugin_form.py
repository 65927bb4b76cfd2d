"""Forms made from a plug-in's config dataclass: its fields, words and secrets, so that no page knows a plug-in."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import MISSING, Field, fields
from types import MappingProxyType
from typing import Any, get_type_hints

from django import forms

from publisher.errors import AccountError, OpslagError
from publisher.sources.contract import Offer

_WORDS = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
_NO_OFFERS: Mapping[str, Offer] = MappingProxyType({})


class WriteOnlyInput(forms.TextInput):
    """Never filled in by us. An `open` one is seen while it is typed: mistakes in an address are not found by dots."""

    def format_value(self, value: Any) -> None:
        """Nothing, whatever is stored or was sent."""


def form_for(
    config_class: type, names: Collection[str] = (), offers: Mapping[str, Offer] = _NO_OFFERS
) -> type[forms.Form]:
    """A form class with one field per config field, or for those in `names` only, with what is offered for them.

    Secrets are write-only: what is stored is never shown. A new one may be offered (`made` in the field's metadata
    makes it), and that one is shown, since somebody has to pass it on. Fields that are `hidden` are nobody's to fill
    in.
    """
    types = get_type_hints(config_class)
    open_to_people = [each for each in fields(config_class) if not each.metadata.get("hidden")]
    wanted = [each for each in open_to_people if not names or each.name in names]
    return type(
        f"{config_class.__name__}Form",
        (forms.Form,),
        {each.name: _field(each, types[each.name], offers.get(each.name, Offer())) for each in wanted},
    )


def secret_fields(config_class: type) -> list[str]:
    """The names of the fields that are kept encrypted."""
    return [each.name for each in fields(config_class) if each.metadata.get("secret")]


def refuse(form: forms.Form, config_class: type, error: OpslagError) -> None:
    """Put a plug-in's refusal where it is mended: on the field that it names, else on the secret if we were refused for
    it, else above the form."""
    secret = secret_fields(config_class)
    refused = secret[0] if isinstance(error, AccountError) and len(secret) == 1 else None
    form.add_error(error.about if error.about in form.fields else refused, str(error))


def _field(each: Field[Any], type_: type, offer: Offer) -> forms.Field:
    default = None if each.default is MISSING else each.default
    needed = bool(each.metadata.get("needed")) or (each.default is MISSING and each.default_factory is MISSING)
    words: dict[str, Any] = {
        "label": each.metadata.get("label", each.name),
        "help_text": offer.help or each.metadata.get("help", ""),
        "required": needed,
        "initial": offer.guess or each.metadata.get("made") or default,
    }
    if type_ is bool:
        return forms.BooleanField(**words | {"required": False})
    if type_ is int:
        return forms.IntegerField(**words)
    if each.metadata.get("choices"):
        return forms.ChoiceField(choices=each.metadata["choices"], **words | {"required": True})
    if offer.choices:
        return forms.ChoiceField(choices=offer.choices, **words)
    return forms.CharField(widget=_widget(each), **words)


def _widget(each: Field[Any]) -> forms.Widget:
    if each.metadata.get("secret") and not each.metadata.get("made"):
        attributes = _WORDS | {"autocomplete": "new-password"}
        if each.metadata.get("belongs_to"):
            # The pages of a walk keep it, sealed: unlike a PasswordInput it need not be entered again.
            return WriteOnlyInput(attributes | {"type": "password"})
        return WriteOnlyInput(attributes) if each.metadata.get("open") else forms.PasswordInput(attributes)
    if lines := each.metadata.get("lines"):
        return forms.Textarea(_WORDS | {"rows": lines})
    return forms.TextInput(_WORDS)
