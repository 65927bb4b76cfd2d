"""What narrows the list of news: a form that is sent as an address, and a chip for each choice that is on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from publisher.items.choices import area_word, areas_for, topics_for
from publisher.items.search import UNDESCRIBED, WITH_PICTURE, WITHOUT_PICTURE, Wanted
from publisher.models import Organisation, Source

BY_HAND = "hand"
PERIODS = (
    ("", gettext_lazy("Any time")),
    ("7", gettext_lazy("The last 7 days")),
    ("30", gettext_lazy("The last 30 days")),
    ("365", gettext_lazy("The last year")),
)
PICTURES = (
    ("", gettext_lazy("With or without")),
    (WITH_PICTURE, gettext_lazy("With a picture")),
    (WITHOUT_PICTURE, gettext_lazy("Without a picture")),
    (UNDESCRIBED, gettext_lazy("With a picture that nobody has described")),
)


@dataclass(frozen=True)
class Chip:
    """A choice that is on, and the address of the list without it."""

    label: str
    url: str


class NewsFilter(forms.Form):
    """Source, topic, area, time, picture, events. What it does not know (an old address) it leaves out."""

    q = forms.CharField(label=gettext_lazy("Search the news"), required=False, max_length=200)
    source = forms.ChoiceField(label=gettext_lazy("News source"), required=False)
    topic = forms.ChoiceField(label=gettext_lazy("Topic"), required=False)
    area = forms.ChoiceField(required=False)
    period = forms.ChoiceField(label=gettext_lazy("Published"), choices=PERIODS, required=False)
    picture = forms.ChoiceField(label=gettext_lazy("Picture"), choices=PICTURES, required=False)
    events = forms.BooleanField(label=gettext_lazy("Only events"), required=False)

    def __init__(self, organisation: Organisation, given: QueryDict) -> None:
        super().__init__(given, auto_id="filter_%s")
        self._given = given
        sources = Source.objects.for_organisation(organisation).defer("credentials", "state").order_by("name", "pk")
        self.sources = {str(row.pk): row for row in sources}
        self.topics = {str(row.pk): row for row in topics_for(organisation)}
        self.areas = {str(row.pk): row for row in areas_for(organisation)}
        self._offer("source", [*_named(self.sources), (BY_HAND, _("Written here"))])
        self._offer("topic", _named(self.topics))
        self._offer("area", _named(self.areas))
        self.fields["area"].label = _area_word(organisation)
        self.is_valid()

    def wanted(self) -> Wanted:
        """What the list is narrowed to."""
        chosen = self.cleaned_data
        return Wanted(
            words=chosen.get("q", ""),
            source=self.sources.get(chosen.get("source", "")),
            by_hand=chosen.get("source") == BY_HAND,
            topic=self.topics.get(chosen.get("topic", "")),
            area=self.areas.get(chosen.get("area", "")),
            days=int(chosen["period"]) if chosen.get("period") else None,
            picture=chosen.get("picture", ""),
            events=chosen.get("events", False),
        )

    def chips(self) -> list[Chip]:
        """Each choice that is on, in the order of the form."""
        return [
            Chip(self._chosen(name), self.address(without=name)) for name in self.fields if self.cleaned_data.get(name)
        ]

    def address(self, *, without: str) -> str:
        """The list's own parameters without one of them, from the first page on."""
        kept = self._given.copy()
        for name in (without, "page"):
            kept.pop(name, None)
        return f"?{kept.urlencode()}"

    def address_of(self, view: str) -> str:
        """Another view of the list, narrowed as this one."""
        kept = self._given.copy()
        kept.pop("page", None)
        kept["show"] = view
        return f"?{kept.urlencode()}"

    def everything(self) -> str:
        """The same view with nothing that narrows it."""
        show = self._given.get("show", "")
        return f"?{urlencode({'show': show})}" if show else "?"

    @property
    def folded(self) -> int:
        """How many of the choices are on that stand in the fold-out."""
        return sum(bool(self.cleaned_data.get(name)) for name in self.fields if name != "q")

    def _offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        self.fields[name].choices = [("", _("All")), *choices]  # type: ignore[attr-defined]

    def _chosen(self, name: str) -> str:
        if name == "q":
            return _("“%(words)s”") % {"words": self.cleaned_data["q"]}
        field = self.fields[name]
        if isinstance(field, forms.BooleanField):
            return str(field.label)
        word = dict(field.choices)[self.cleaned_data[name]]  # type: ignore[attr-defined]
        return f"{field.label}: {word}"


def _named(rows: dict[str, Any]) -> list[tuple[str, str]]:
    return [(key, str(row)) for key, row in rows.items()]


def _area_word(organisation: Organisation) -> str:
    cooperation = organisation.cooperations.first()
    return area_word(cooperation, several=False) if cooperation else _("Area")
