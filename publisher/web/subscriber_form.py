"""Adding one person by hand: the address, their choices, and where their yes comes from."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from publisher.audience.addresses import normalise_address
from publisher.errors import InputError
from publisher.items.choices import offered_areas, offered_topics
from publisher.models import Newsletter

# Stored with the consent as its evidence; the words are for the page.
BY_STAFF = "staff"
DECLARED = {
    "staff: paper": _("on paper"),
    "staff: mail": _("in a mail to us"),
    "staff: phone": _("by phone"),
    "staff: person": _("in person, for example at an event"),
}
CONSENTS = DECLARED | {
    BY_STAFF: _("asked us to"),
    "link": _("by the link in a mail"),
    "one-click": _("by the button in their mail program"),
    "samples": _("in the sample data"),
    "import": _("in an imported list"),
    "undo": _("by coming back after leaving"),
}


class SubscriberForm(forms.Form):
    """One person; choices are offered only where the newsletter has any."""

    address = forms.CharField(
        label=_("E-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    name = forms.CharField(label=pgettext_lazy("person", "Name"), max_length=120, required=False)
    areas: forms.ModelMultipleChoiceField[Any] = forms.ModelMultipleChoiceField(
        label=_("Areas"),
        queryset=None,
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text=_("Without a choice: news from everywhere."),
    )
    topics: forms.ModelMultipleChoiceField[Any] = forms.ModelMultipleChoiceField(
        label=_("Topics"),
        queryset=None,
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text=_("Without a choice: news about everything."),
    )
    consent = forms.ChoiceField(
        label=_("How did the person say yes?"),
        widget=forms.RadioSelect,
        choices=[(source, capfirst(words)) for source, words in DECLARED.items()],
        help_text=_("Kept as evidence. Nobody is added who has not asked for it."),
    )
    declared = forms.BooleanField(
        label=_("The person has asked for this newsletter themselves"),
        error_messages={"required": _("Without the person’s own yes you must not add them.")},
    )

    def __init__(self, newsletter: Newsletter, data: Any = None) -> None:
        super().__init__(data)
        self._offer("areas", offered_areas(newsletter))
        self._offer("topics", offered_topics(newsletter))

    def _offer(self, name: str, labels: QuerySet[Any]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ModelMultipleChoiceField)
        field.queryset = labels
        if not labels.exists():
            del self.fields[name]

    def clean_address(self) -> str:
        """As mail servers want it."""
        try:
            return normalise_address(self.cleaned_data["address"])
        except InputError as error:
            raise forms.ValidationError(str(error)) from error
