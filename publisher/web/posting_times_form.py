"""Posting times as a person sees and enters them: a time on some weekdays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from django import forms
from django.utils.dates import WEEKDAYS
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from publisher.models import Slot
from publisher.templatetags.dates import write_date

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True)
class PostingTime:
    """A posting time with its time of day in the reader's way of writing it."""

    pk: int
    words: str


Week = list[tuple[str, list[PostingTime]]]


class PostingTimesForm(forms.Form):
    """Weekdays and a time of day."""

    days = forms.TypedMultipleChoiceField(
        label=_("On these days"),
        coerce=int,
        widget=forms.CheckboxSelectMultiple,
        choices=[(number, capfirst(name)) for number, name in WEEKDAYS.items()],
        error_messages={"required": _("Choose at least one day.")},
    )
    time = forms.TimeField(
        label=pgettext_lazy("posting time", "At"),
        widget=forms.TimeInput(attrs={"type": "time", "class": "short"}, format="%H:%M"),
        input_formats=["%H:%M", "%H.%M"],
        error_messages={"invalid": _("Write the time as hours and minutes, for example 09:00.")},
    )

    @property
    def weekdays(self) -> list[int]:
        """The chosen weekdays, Monday 0."""
        return list(self.cleaned_data["days"])


def week_of(slots: Iterable[Slot], names: Mapping[int, StrOrPromise] = WEEKDAYS) -> Week:
    """Posting times by weekday, from Monday, without the days that have none; `names` are those of the weekdays."""
    by_day: dict[int, list[PostingTime]] = {}
    for slot in sorted(slots, key=lambda slot: (slot.weekday, slot.time)):
        words = write_date(datetime.combine(date.min, slot.time), "time")
        by_day.setdefault(slot.weekday, []).append(PostingTime(slot.pk, words))
    return [(str(names[day]), times) for day, times in by_day.items()]
