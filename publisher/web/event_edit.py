"""An event's facts, put right by a colleague: day and hours as the organisation's clocks show them."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from publisher.access.audit import record
from publisher.compose.event_words import price_words
from publisher.errors import InputError
from publisher.items.event_by_hand import Given, correct_event
from publisher.items.events import PLACE_LENGTH, PRICE_LENGTH
from publisher.models import Item
from publisher.schedule.times import resolve
from publisher.sources.event_times import FREE
from publisher.vocabulary import EventStatus
from publisher.web.kept_words import keeps_words
from publisher.web.staff import OwnRequest, own, staff

_DAY = {"type": "date"}
_HOUR = {"type": "time", "class": "short"}
CHANGED = "changed_meanwhile"


class EventForm(forms.Form):
    """When, where and what it costs. Without a time of day it lasts whole days; without a day it is no event."""

    day = forms.DateField(
        label=gettext_lazy("Day"),
        help_text=gettext_lazy("Empty it if this is no event."),
        required=False,
        widget=forms.DateInput(attrs=_DAY, format="%Y-%m-%d"),
    )
    begins = forms.TimeField(
        label=gettext_lazy("Begins at"),
        help_text=gettext_lazy("Leave it empty if it lasts all day."),
        required=False,
        widget=forms.TimeInput(attrs=_HOUR, format="%H:%M"),
    )
    ends = forms.TimeField(
        label=gettext_lazy("Ends at"), required=False, widget=forms.TimeInput(attrs=_HOUR, format="%H:%M")
    )
    last_day = forms.DateField(
        label=gettext_lazy("Last day"),
        help_text=gettext_lazy("Only if it goes on over several days."),
        required=False,
        widget=forms.DateInput(attrs=_DAY, format="%Y-%m-%d"),
    )
    place = forms.CharField(label=gettext_lazy("Place"), max_length=PLACE_LENGTH, required=False)
    price = forms.CharField(label=gettext_lazy("Price"), max_length=PRICE_LENGTH, required=False)
    booking_url = forms.CharField(
        label=gettext_lazy("Booking link"),
        max_length=1000,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "url", "autocomplete": "off"}),
    )
    status = forms.ChoiceField(
        label=gettext_lazy("Does it take place?"), choices=EventStatus.choices, widget=forms.RadioSelect
    )
    revision = forms.IntegerField(widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        """The parts must fit together; what was not given is taken from what was."""
        given = dict(self.cleaned_data)
        if self.errors:
            return given
        if not given["day"] and any(given[name] for name in ("begins", "ends", "last_day", "place", "price")):
            self.add_error("day", _("Write the day on which it begins."))
        if given["ends"] and not given["begins"]:
            self.add_error("begins", _("Write when it begins, too."))
        if given["day"] and given["last_day"] and given["last_day"] < given["day"]:
            self.add_error("last_day", _("The last day cannot be before the first."))
        if given["last_day"] and given["begins"] and not given["ends"]:
            self.add_error("ends", _("Write when it ends on the last day."))
        return given

    def given(self, zone: str) -> Given:
        """What was typed, as instants. Raises InputError for a time that no clock in `zone` shows."""
        said = self.cleaned_data
        begins, ends = said["begins"], said["ends"]
        last = said["last_day"] or (said["day"] if ends else None)
        return Given(
            starts_at=_instant(said["day"], begins, zone),
            ends_at=_instant(last, ends, zone),
            all_day=bool(said["day"]) and begins is None,
            place=said["place"],
            price=FREE if said["price"] == price_words(FREE) else said["price"],
            booking_url=said["booking_url"],
            status=said["status"],
        )


def _instant(day: date | None, hour: time | None, zone: str) -> datetime | None:
    return resolve(datetime.combine(day, hour or time()), zone).at if day else None


def _initial(item: Item) -> dict[str, Any]:
    zone = ZoneInfo(item.organisation.timezone)
    begins, ends = (at.astimezone(zone) if at else None for at in (item.event_starts_at, item.event_ends_at))
    timed = begins is not None and not item.event_all_day
    return {
        "day": begins and begins.date(),
        "begins": begins if timed else None,
        "ends": ends if timed else None,
        "last_day": ends.date() if begins and ends and ends.date() != begins.date() else None,
        "place": item.event_place,
        "price": price_words(item.event_price),
        "booking_url": item.event_booking_url,
        "status": item.event_status or EventStatus.SCHEDULED,
        "revision": item.revision,
    }


@keeps_words
@staff("edit")
def event_edit(request: OwnRequest, item_id: int) -> HttpResponse:
    """The form of an item's event, and saving it."""
    item = own(Item.objects.for_organisation(request.organisation).select_related("organisation"), item_id)
    form = EventForm(request.POST or None, initial=_initial(item))
    if request.method == "POST" and form.is_valid():
        try:
            changed = correct_event(item, form.given(request.organisation.timezone), request.user, revision=_read(form))
        except InputError as error:
            _refuse(form, error, item)
        else:
            if changed:
                words = gettext_noop("put the event's facts right")
                record(request.organisation, request.user, "event_corrected", item, words)
            messages.success(request, _("The event is saved."))
            return redirect("item", item.pk)
    context = {
        "title": _("When and where"),
        "state": item.title,
        "form": form,
        "button": _("Save"),
        "back_url": reverse("item", args=[item.pk]),
        "back_label": _("The news item"),
    }
    return render(request, "web/one_form.html", context, status=422 if form.errors else 200)


def _read(form: EventForm) -> int:
    return int(form.cleaned_data["revision"])


def _refuse(form: EventForm, error: InputError, item: Item) -> None:
    """Say it at the field that it is about; who saves again has seen that the item has changed."""
    field = {"event_ends_at": "ends", "event_booking_url": "booking_url"}.get(error.reason)
    form.add_error(field, str(error))
    if error.reason == CHANGED:
        item.refresh_from_db()
        form.data = {**form.data.dict(), "revision": str(item.revision)}  # type: ignore[attr-defined]
