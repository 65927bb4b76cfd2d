"""The forms of saved texts and of partners; a partner's has a field for each platform on which posts mention people."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from publisher.errors import InputError
from publisher.models import Partner, SavedText
from publisher.platforms import PLATFORMS
from publisher.platforms.contract import Platform

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

_ONE_LINE = {"autocomplete": "off"}
_HANDLE = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
# What ends a mention in a text: @[Name].
_NOT_IN_NAME = re.compile(r"[\[\]\n]")


class NamedForm(forms.ModelForm):  # type: ignore[type-arg]
    """Of a row that has a name which is its own within the organisation."""

    state: ClassVar[StrOrPromise] = ""

    def clean_name(self) -> str:
        """No two of the same name, whatever the letters' case."""
        name = str(self.cleaned_data["name"]).strip()
        others = type(self.instance).objects.for_organisation(self.instance.organisation).exclude(pk=self.instance.pk)
        if name.casefold() in {each.casefold() for each in others.values_list("name", flat=True)}:
            raise forms.ValidationError(_("There is one of that name already."))
        return name


class SavedTextForm(NamedForm):
    """A text that goes into posts with a press."""

    state: ClassVar[StrOrPromise] = gettext_lazy(
        "Goes into a post where the cursor is. For example your closing words, or a set of hashtags."
    )

    class Meta:
        model = SavedText
        fields = ("name", "text")
        labels: ClassVar = {"name": gettext_lazy("Name"), "text": gettext_lazy("Text")}
        help_texts: ClassVar = {"name": gettext_lazy("Stands in the menu, for example: Hashtags for music")}
        widgets: ClassVar = {
            "name": forms.TextInput(attrs=_ONE_LINE),
            "text": forms.Textarea(attrs={"rows": 5}),
        }


class PartnerForm(NamedForm):
    """Somebody whom posts mention: the name that everybody knows, and what they are called on each platform."""

    state: ClassVar[StrOrPromise] = gettext_lazy(
        "Written @[Name] in a text, each channel gets the name that its platform knows."
    )

    class Meta:
        model = Partner
        fields = ("name",)
        labels: ClassVar = {"name": gettext_lazy("Name")}
        help_texts: ClassVar = {"name": gettext_lazy("Stands in the text where a platform knows no other.")}
        widgets: ClassVar = {"name": forms.TextInput(attrs=_ONE_LINE)}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for kind, platform in mentioning().items():
            self.fields[kind] = forms.CharField(
                label=platform.label,
                required=False,
                max_length=300,
                initial=self.instance.handles.get(kind, ""),
                help_text=_("Example: %(example)s") % {"example": platform.handle_example},
                widget=forms.TextInput(attrs=_HANDLE),
            )

    def clean_name(self) -> str:
        """It must be able to stand between @[ and ]."""
        name = super().clean_name()
        if _NOT_IN_NAME.search(name):
            raise forms.ValidationError(_("A name cannot have square brackets."))
        return name

    def clean(self) -> dict[str, Any]:
        """Names as their platforms have them."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        for kind, platform in mentioning().items():
            if typed := given.get(kind):
                try:
                    given[kind] = platform.handle_of(typed)
                except InputError as error:
                    self.add_error(kind, str(error))
        return given

    def save(self, commit: bool = True) -> Partner:
        """With what was typed for each platform; those of platforms that are not here stay."""
        shown = mentioning()
        kept = {kind: handle for kind, handle in self.instance.handles.items() if kind not in shown}
        typed = {kind: self.cleaned_data[kind] for kind in shown if self.cleaned_data[kind]}
        self.instance.handles = kept | typed
        saved: Partner = super().save(commit)
        return saved


def mentioning() -> dict[str, Platform]:
    """The platforms on which a text mentions people, by kind."""
    return {kind: platform for kind, platform in PLATFORMS.items() if platform.handle_example}
