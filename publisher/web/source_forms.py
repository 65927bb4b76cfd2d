"""Forms about news sources."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class NameForm(forms.Form):
    """What a source is called among us."""

    name = forms.CharField(
        label=pgettext_lazy("source", "Name"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=_("What you call it among yourselves. Readers do not see it."),
    )
