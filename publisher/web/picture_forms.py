"""The forms of the picture library: files to add, and what is known of a picture."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from publisher.items.content import one_line, tidy
from publisher.models import Picture

MOST_FILES = 12
ACCEPTED = "image/jpeg,image/png,image/webp,image/gif,image/avif,image/heic,image/heif,.heic,.heif"
LICENCES = (
    gettext_lazy("Our own picture"),
    gettext_lazy("Press photo"),
    gettext_lazy("Bought, for our own use"),
    "CC BY 4.0",
    "CC BY-SA 4.0",
    "CC0",
)


class FilesInput(forms.FileInput):
    """A file input that takes several at once."""

    allow_multiple_selected = True


class FilesField(forms.FileField):
    """One or several files; cleans to a list."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=FilesInput(attrs={"multiple": True, "accept": ACCEPTED}), **kwargs)

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile[Any]]:
        """Each file by itself."""
        given = list(data or [])
        if len(given) > MOST_FILES:
            words = _("%(number)s files are too many at once; %(limit)s is the most.")
            raise forms.ValidationError(words % {"number": len(given), "limit": MOST_FILES})
        return [super(FilesField, self).clean(each, initial) for each in given or [None]]


class UploadForm(forms.Form):
    """Pictures from somebody's computer or telephone."""

    pictures = FilesField(
        label=gettext_lazy("Pictures"),
        help_text=gettext_lazy(
            "Up to 12 at once, each at most 15 MB. Pictures from a telephone can be used as they are."
        ),
    )


class WordsForm(forms.Form):
    """What is said of a picture, wherever it is used from now on."""

    alt = forms.CharField(
        label=gettext_lazy("Describe the picture (read aloud)"),
        help_text=gettext_lazy("For those who cannot see it: what does the picture show?"),
        required=False,
        max_length=1500,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    caption = forms.CharField(
        label=gettext_lazy("Caption"), required=False, max_length=1000, widget=forms.Textarea(attrs={"rows": 2})
    )
    credit = forms.CharField(label=gettext_lazy("Photographer"), required=False, max_length=120)
    licence = forms.CharField(
        label=gettext_lazy("Licence"),
        help_text=gettext_lazy("Choose one, or write your own words."),
        required=False,
        max_length=120,
        widget=forms.TextInput(attrs={"list": "licences"}),
    )
    consent_by = forms.CharField(
        label=gettext_lazy("Photo consent from"),
        help_text=gettext_lazy("Who is in the picture and has said yes. Leave it empty if nobody can be recognised."),
        required=False,
        max_length=200,
    )
    consent_until = forms.DateField(
        label=gettext_lazy("Photo consent until"),
        help_text=gettext_lazy("The last day on which it may go out. Leave it empty if the consent does not end."),
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", "class": "short"}),
    )

    def clean(self) -> dict[str, Any]:
        """The words as they are kept."""
        given = dict(self.cleaned_data)
        for name in ("credit", "licence", "consent_by"):
            given[name] = one_line(given.get(name, ""))
        for name in ("alt", "caption"):
            given[name] = tidy(given.get(name, "")).strip()
        return given


class PictureForm(WordsForm):
    """All of a picture: the words, and the point that every crop keeps, in per cent."""

    focal_x = forms.IntegerField(
        label=gettext_lazy("From the left, per cent"),
        min_value=0,
        max_value=100,
        widget=forms.NumberInput(attrs={"class": "short"}),
    )
    focal_y = forms.IntegerField(
        label=gettext_lazy("From the top, per cent"),
        min_value=0,
        max_value=100,
        widget=forms.NumberInput(attrs={"class": "short"}),
    )

    def values(self) -> dict[str, Any]:
        """What to keep; ask once it is valid."""
        given = self.cleaned_data
        return given | {name: given[name] / 100 for name in ("focal_x", "focal_y")}


def words_of(picture: Picture) -> dict[str, Any]:
    """What is known of a picture, as the forms' initial values."""
    words = {name: getattr(picture, name) for name in WordsForm.base_fields}
    return words | {"focal_x": round(picture.focal_x * 100), "focal_y": round(picture.focal_y * 100)}
