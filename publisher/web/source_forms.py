"""Forms about news sources."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from publisher.sources import SOURCES


class NameForm(forms.Form):
    """What a source is called among us."""

    name = forms.CharField(
        label=pgettext_lazy("source", "Name"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=_("What you call it among yourselves. Readers do not see it."),
    )


def other_kinds(kind: str) -> list[tuple[str, object]]:
    """The kinds that may be added instead of this one, with what they are called."""
    return [(other, source.label) for other, source in SOURCES.items() if other != kind]
