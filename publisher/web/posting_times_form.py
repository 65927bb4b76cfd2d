"""Posting times as a person sees and enters them: a time on some weekdays, or words for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TYPE_CHECKING

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.utils.dates import WEEKDAYS
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from publisher.accounts.posting_words import LONGEST, Times, read
from publisher.errors import InputError
from publisher.models import Account, Slot
from publisher.schedule.quiet import Quiet
from publisher.templatetags.dates import write_date

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True)
class PostingTime:
    """A posting time with its time of day in the reader's way of writing it; `quiet`: it is left out."""

    pk: int
    words: str
    quiet: bool = False


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
    def times(self) -> Times:
        """The time on each of the chosen weekdays."""
        return frozenset((day, self.cleaned_data["time"]) for day in self.cleaned_data["days"])


class PostingWordsForm(forms.Form):
    """All posting times in one line of words. `understood`: what the page has shown them to mean, as words again."""

    words = forms.CharField(
        label=_("Write them as words"),
        max_length=LONGEST,
        help_text=_("Example: weekdays 8:15 and 16:30, Saturday 10"),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": _("Write days and times of day, for example: weekdays 8:15 and 16:30.")},
    )
    understood = forms.CharField(required=False, max_length=4 * LONGEST, widget=forms.HiddenInput)

    def clean_words(self) -> str:
        """Only what is clear."""
        words = str(self.cleaned_data["words"])
        try:
            self.times = read(words)
        except InputError as error:
            raise forms.ValidationError(str(error)) from error
        return words

    @property
    def is_shown(self) -> bool:
        """Whether the page has said what these very words mean."""
        return bool(self.cleaned_data["understood"] == week_words(self.times))


@dataclass(frozen=True)
class Understood:
    """What words mean: `words` for people, how many posting times a week that is, and how many of them are new.

    Those in the channel's quiet hours are not counted: `left_out` says so, "" without any. `adds`: there is something
    new, counted or not.
    """

    words: str
    number: int
    fresh: int
    left_out: str
    adds: bool


@dataclass(frozen=True)
class TimesForms:
    """The two ways to enter posting times."""

    ticks: PostingTimesForm
    words: PostingWordsForm

    def understood(self, account: Account) -> Understood | None:
        """What the words mean; None while there is nothing, or nothing clear."""
        if not self.words.is_bound or not self.words.is_valid():
            return None
        known = {(slot.weekday, slot.time) for slot in account.slots.all()}
        times = self.words.times
        counted = times - _quiet_ones(account, times)
        return Understood(
            words=week_words(times),
            number=len(counted),
            fresh=len(counted - known),
            left_out=left_out(account, times),
            adds=bool(times - known),
        )


def _quiet_ones(account: Account, times: Times) -> Times:
    quiet = Quiet.of_account(account)
    return frozenset((day, at) for day, at in times if quiet.covers_daily(at))


def left_out(account: Account, times: Times) -> str:
    """That some posting times are in the channel's quiet hours, in a sentence; "" if none is."""
    number = len(_quiet_ones(account, times))
    if not number:
        return ""
    words = ngettext(
        "%(number)s posting time is in the quiet hours, %(hours)s, and is left out.",
        "%(number)s posting times are in the quiet hours, %(hours)s, and are left out.",
        number,
    )
    hours = (account.quiet_from, account.quiet_until)
    return words % {"number": number, "hours": "–".join(_clock(at) for at in hours if at)}


def say_left_out(request: HttpRequest, account: Account, times: Times) -> None:
    """Warn of those posting times that are left out."""
    words = left_out(account, times)
    if words:
        messages.warning(request, words)


def week_words(times: Iterable[tuple[int, time]]) -> str:
    """“hverdage kl. 08.15 og 16.30; lørdag kl. 10.00”: days with the same times together; may be read in again."""
    by_day: dict[int, list[time]] = {}
    for day, at in sorted(times):
        by_day.setdefault(day, []).append(at)
    days_at: dict[tuple[time, ...], list[int]] = {}
    for day, clocks in by_day.items():
        days_at.setdefault(tuple(clocks), []).append(day)
    words = pgettext("posting times", "%(days)s at %(times)s")
    said = [words % {"days": _days_words(days), "times": _times_words(clocks)} for clocks, days in days_at.items()]
    return "; ".join(said)


def _days_words(days: list[int]) -> str:
    if days == list(WEEKDAYS):
        return gettext("every day")
    if days == list(WEEKDAYS)[:5]:
        return gettext("weekdays")
    return _and([str(WEEKDAYS[day]) for day in days])


def _times_words(clocks: Iterable[time]) -> str:
    return _and([_clock(at) for at in clocks])


def _clock(at: time) -> str:
    return write_date(datetime.combine(date.min, at), "time")


def _and(words: list[str]) -> str:
    if len(words) == 1:
        return words[0]
    return gettext("%(first)s and %(last)s") % {"first": ", ".join(words[:-1]), "last": words[-1]}


def week_of(slots: Iterable[Slot], names: Mapping[int, StrOrPromise] = WEEKDAYS, quiet: Quiet | None = None) -> Week:
    """Posting times by weekday, from Monday, without the days that have none; `names` are those of the weekdays.

    Those in `quiet` hours are marked.
    """
    by_day: dict[int, list[PostingTime]] = {}
    for slot in sorted(slots, key=lambda slot: (slot.weekday, slot.time)):
        is_quiet = quiet is not None and quiet.covers_daily(slot.time)
        by_day.setdefault(slot.weekday, []).append(PostingTime(slot.pk, _clock(slot.time), is_quiet))
    return [(str(names[day]), times) for day, times in by_day.items()]
