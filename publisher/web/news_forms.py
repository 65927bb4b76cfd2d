"""The form for writing a news item, or correcting one."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from publisher.errors import InputError
from publisher.items.choices import area_word, areas_for, topics_for
from publisher.items.content import MAX_HTML, one_line
from publisher.items.entries import LONGEST_LEAD, TITLE_LENGTH
from publisher.items.identity import web_address
from publisher.items.library import describe
from publisher.items.picture_words import describe_here
from publisher.items.pictures import MAX_BYTES, store_picture
from publisher.items.writing import Words
from publisher.models import Area, Item, Organisation, Picture, Topic, User
from publisher.schedule.times import recurring, wall_of
from publisher.web.picture_forms import ACCEPTED
from publisher.web.staff import id_in

_PLAIN = {"autocomplete": "off"}


class WritingForm(forms.Form):
    """All that a colleague gives an item. `picture` is the one that is kept while a refused form is mended."""

    title = forms.CharField(
        label=gettext_lazy("Headline"), max_length=TITLE_LENGTH, widget=forms.TextInput(attrs=_PLAIN)
    )
    lead = forms.CharField(
        label=gettext_lazy("Lead"),
        max_length=LONGEST_LEAD,
        required=False,
        help_text=gettext_lazy("Stands under the headline, and in posts. Left empty, it is the text’s first lines."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    body = forms.CharField(
        label=gettext_lazy("Text"),
        max_length=MAX_HTML,
        required=False,
        help_text=gettext_lazy(
            "An empty line begins a new paragraph. What you paste keeps its headings, lists and links."
        ),
        widget=forms.Textarea(attrs={"rows": 14, "data-rich": ""}),
    )
    upload = forms.FileField(
        label=gettext_lazy("Picture"),
        required=False,
        widget=forms.FileInput(attrs={"accept": ACCEPTED}),
    )
    kept = forms.IntegerField(required=False, widget=forms.HiddenInput)
    without_picture = forms.BooleanField(label=gettext_lazy("Leave the picture out"), required=False)
    alt = forms.CharField(
        label=gettext_lazy("Describe the picture (read aloud)"),
        max_length=1500,
        required=False,
        help_text=gettext_lazy("What is seen, for those who cannot see it. Needed when there is a picture."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    credit = forms.CharField(
        label=gettext_lazy("Photographer"), max_length=120, required=False, widget=forms.TextInput(attrs=_PLAIN)
    )
    author = forms.CharField(label=gettext_lazy("Author"), max_length=200, required=False)
    topics: forms.ModelMultipleChoiceField[Topic] = forms.ModelMultipleChoiceField(
        queryset=None, label=gettext_lazy("Topics"), required=False, widget=forms.CheckboxSelectMultiple
    )
    areas: forms.ModelMultipleChoiceField[Area] = forms.ModelMultipleChoiceField(
        queryset=None, required=False, widget=forms.CheckboxSelectMultiple
    )
    link = forms.CharField(
        label=gettext_lazy("Link"),
        max_length=1000,
        required=False,
        help_text=gettext_lazy("The page on your website where one can read on."),
        widget=forms.URLInput(attrs=_PLAIN),
    )
    day = forms.DateField(
        label=gettext_lazy("Published on"),
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", "class": "short"}),
    )
    clock = forms.TimeField(
        label=gettext_lazy("Time of day"),
        input_formats=["%H:%M", "%H.%M", "%H:%M:%S"],
        widget=forms.TimeInput(format="%H:%M", attrs={"type": "time", "class": "short"}),
    )
    revision = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, organisation: Organisation, item: Item | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.organisation, self.item = organisation, item
        self.fields["topics"].queryset = topics_for(organisation)  # type: ignore[attr-defined]
        self.fields["areas"].queryset = areas_for(organisation)  # type: ignore[attr-defined]
        cooperation = organisation.cooperations.first()
        self.fields["areas"].label = area_word(cooperation, several=True) if cooperation else _("Areas")
        for name in ("topics", "areas"):
            if not self.fields[name].queryset.exists():  # type: ignore[attr-defined]
                del self.fields[name]
        self.picture = self._own_picture(self["kept"].value())
        if self.picture is None:
            del self.fields["without_picture"]

    def clean_title(self) -> str:
        """Something must be left of it when white space is gone."""
        return str(self.cleaned_data["title"]).strip()

    def clean_link(self) -> str:
        """A web address, or nothing."""
        link = str(self.cleaned_data["link"]).strip()
        if link and not web_address(link):
            raise forms.ValidationError(_("This is not a web address. It must begin with https:// or http://."))
        return web_address(link)

    def clean_upload(self) -> UploadedFile[Any] | None:
        """Stored at once: a browser cannot give a file back to a form that is refused for something else."""
        upload: UploadedFile[Any] | None = self.cleaned_data["upload"]
        if upload is None:
            return None
        try:
            # One byte more than may be, so that a longer file is seen to be.
            self.picture = store_picture(self.organisation, upload.read(MAX_BYTES + 1), file_name=upload.name or "")
        except InputError as error:
            raise forms.ValidationError(str(error)) from error
        return upload

    def clean(self) -> dict[str, Any]:
        """A picture comes with its description; nothing is dated ahead."""
        chosen = dict(self.cleaned_data)
        if chosen.get("without_picture") and not chosen.get("upload"):
            self.picture = None
        if self.picture and not chosen.get("alt", "").strip():
            self.add_error("alt", _("Describe what is seen in the picture."))
        if "day" in chosen and "clock" in chosen and self._at(chosen) > timezone.now():
            self.add_error("day", _("That is ahead of us. When it goes out is decided when you plan the send-out."))
        return chosen

    def words(self) -> Words:
        """What was typed; ask once it is valid, in a transaction. Describes the picture, too."""
        chosen, alt = self.cleaned_data, ""
        if self.picture:
            describe(self.picture, {"credit": one_line(chosen["credit"])})
            alt = describe_here(self.picture, chosen["alt"], self.item)
        return Words(
            title=chosen["title"],
            lead=chosen["lead"],
            body=chosen["body"],
            author=chosen["author"],
            link=chosen["link"],
            published_at=self._at(chosen),
            picture=self.picture,
            picture_alt=alt,
            topics=list(chosen.get("topics", [])),
            areas=list(chosen.get("areas", [])),
        )

    def read_again(self, revision: int) -> None:
        """The item was changed meanwhile: who saves the refused form again has seen what it says now."""
        typed = cast("QueryDict", self.data).copy()
        typed["revision"] = str(revision)
        self.data = typed

    def _at(self, chosen: dict[str, Any]) -> datetime:
        """The minute that was typed; the very instant where it was left as it stood."""
        wall = datetime.combine(chosen["day"], chosen["clock"])
        before: datetime | None = self.initial.get("published_at")
        zone = self.organisation.timezone
        if before and wall_of(before, zone).replace(second=0, microsecond=0) == wall.replace(second=0):
            return before
        return recurring(wall, zone)

    def _own_picture(self, kept: Any) -> Picture | None:
        usable = Picture.objects.for_organisation(self.organisation).filter(withdrawn_at=None)
        return usable.filter(pk=id_in(str(kept or ""))).first()


def blank(user: User, organisation: Organisation) -> dict[str, Any]:
    """What a new item's form begins with."""
    return {"author": user.name, **_when(timezone.now(), organisation)}


def filled(item: Item, organisation: Organisation) -> dict[str, Any]:
    """What an item says, as its form shows it."""
    return {
        "title": item.title,
        "lead": item.lead,
        "body": item.body_html,
        "kept": item.picture_id,
        "alt": item.alt,
        "credit": item.picture.credit if item.picture else "",
        "author": item.author,
        "topics": list(item.topics.all()),
        "areas": list(item.areas.all()),
        "link": item.link,
        "revision": item.revision,
        **_when(item.published_at or item.first_seen_at, organisation),
    }


def _when(at: datetime, organisation: Organisation) -> dict[str, Any]:
    wall = wall_of(at, organisation.timezone)
    return {"published_at": at, "day": wall.date(), "clock": wall.time()}
