"""The composer's forms: the words of mails and posts, one description per picture, and when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from publisher.audience.aims import Aim
from publisher.compose.drafts import SUBJECT_LENGTH
from publisher.errors import Explanation, InputError
from publisher.models import Campaign
from publisher.review.approval import JUST_PASSED
from publisher.schedule.times import resolve, wall_of
from publisher.templatetags.dates import write_date
from publisher.web.offered import Offered

NOW, SLOT, LATER = "now", "slot", "later"
MORNING = time(8)


class MayWait(forms.Field):
    """A field that is needed before it is sent (the checks see to that), though a draft may lack it."""

    def validate(self, value: Any) -> None:
        """Nothing is refused for being empty."""


class DraftField(MayWait, forms.CharField):
    """Words that may still be missing."""


class ChosenField(forms.TypedMultipleChoiceField):
    """Areas or topics to tick, by id."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(coerce=int, required=False, widget=forms.CheckboxSelectMultiple, **kwargs)


class DayField(MayWait, forms.DateField):
    """A day, asked for only where a time is chosen."""


class ClockField(MayWait, forms.TimeField):
    """A time of day, likewise."""


class DraftForm(forms.Form):
    """A form whose fields the browser must not refuse: what is typed is kept, whatever it is."""

    use_required_attribute = False


class MailForm(DraftForm):
    """How a mail announces itself in the inbox."""

    subject = DraftField(
        label=gettext_lazy("Subject"), max_length=SUBJECT_LENGTH, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    preview_text = forms.CharField(
        label=gettext_lazy("Preview text"),
        max_length=SUBJECT_LENGTH,
        required=False,
        help_text=gettext_lazy("Stands after the subject in the inbox."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class StoryForm(DraftForm):
    """A story's own words in the mail, and whom it is shown to; the news item itself stays as it is.

    `choices` are the areas and topics to choose among, as (id, name).
    """

    title = DraftField(label=gettext_lazy("Headline"), max_length=300)
    lead = forms.CharField(label=gettext_lazy("Lead"), required=False, widget=forms.Textarea(attrs={"rows": 3}))
    for_areas = ChosenField()
    for_topics = ChosenField(label=gettext_lazy("Topics"))

    def __init__(self, data: Any, *, choices: Offered, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.fields["for_areas"].label = choices.areas_word
        for name, offered in (("for_areas", choices.areas), ("for_topics", choices.topics)):
            self.fields[name].choices = offered  # type: ignore[attr-defined]
            if not offered:
                del self.fields[name]

    def aim(self) -> Aim:
        """Whom it is shown to, by what is ticked; ask once it is valid."""
        areas, topics = (self.cleaned_data.get(name, []) for name in ("for_areas", "for_topics"))
        return Aim(frozenset(areas), frozenset(topics))


class PictureForm(DraftForm):
    """The description of one picture, wherever the send-out shows it."""

    alt = DraftField(
        label=gettext_lazy("Describe the picture (read aloud)"),
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class SharedForm(DraftForm):
    """The text of all posts that have none of their own."""

    text = DraftField(label=gettext_lazy("Text of the posts"), widget=forms.Textarea(attrs={"rows": 6}))


class OwnForm(DraftForm):
    """One channel's own text."""

    own = forms.BooleanField(label=gettext_lazy("Change only here"), required=False)
    text = DraftField(label=gettext_lazy("Text"), widget=forms.Textarea(attrs={"rows": 6}))


class WhenForm(DraftForm):
    """When it goes out. After `is_valid`, `at` is the instant (None: at once), `wall` how it was meant.

    `times` are the next free posting times of its channels, by message (None where a channel has none).
    `suggestions` are the times beside one that does not exist: (for the field, for people).
    """

    timing = forms.ChoiceField(label=gettext_lazy("When"), widget=forms.RadioSelect)
    day = DayField(
        label=gettext_lazy("Day"),
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", "class": "short"}),
    )
    clock = ClockField(
        label=gettext_lazy("Time of day"),
        input_formats=["%H:%M", "%H.%M", "%H:%M:%S"],
        widget=forms.TimeInput(format="%H:%M", attrs={"type": "time", "class": "short"}),
    )

    def __init__(
        self, campaign: Campaign, times: Mapping[int, datetime | None], *, at_slots: bool = False, data: Any = None
    ) -> None:
        planned = _planned(campaign)
        found = [at for at in times.values() if at is not None]
        self.slot = slot = min(found, default=None)
        super().__init__(data, prefix="when", initial=_initial(campaign, planned, slot, at_slots=at_slots))
        self.zone = campaign.organisation.timezone
        self.at_first = planned or slot
        self.at: datetime | None = None
        self.wall: datetime | None = None
        self.note: Explanation | None = None
        self.suggestions: list[tuple[str, str]] = []
        choices = [(NOW, _("Now")), (LATER, _("At a time"))]
        if slot:
            words = _("At the next posting time: %(time)s")
            if len(found) > 1:
                words = _("At each channel’s next posting time, the first %(time)s")
            choices.insert(1, (SLOT, words % {"time": write_date(slot, "short", self.zone)}))
        self.fields["timing"].choices = choices  # type: ignore[attr-defined]
        if self.zone != settings.TIME_ZONE:
            self.fields["clock"].help_text = _("Time in %(zone)s.") % {"zone": self.zone}

    def known(self) -> bool:
        """Whether it says when."""
        return self.is_valid() if self.is_bound else True

    def instant(self) -> datetime | None:
        """The instant that the form shows as chosen; None means at once, or that it is not `known`."""
        if not self.is_bound:
            return self.at_first
        return self.at if self.is_valid() else None

    @property
    def is_at_slots(self) -> bool:
        """Whether each channel's own next posting time is chosen."""
        chosen = self.cleaned_data.get("timing") if self.known() and self.is_bound else self.initial["timing"]
        return bool(chosen == SLOT) and self.known()

    @property
    def is_changed(self) -> bool:
        """Whether another time, or one time instead of several, was chosen than the page had when it was drawn."""
        if not self.is_bound or not self.is_valid():
            return False
        return (self.at, self.is_at_slots) != (self.at_first, self.initial["timing"] == SLOT)

    def clean(self) -> dict[str, Any]:
        """Find the instant that is meant; a time that does not exist is refused with the two beside it."""
        given = dict(self.cleaned_data)
        timing = given.get("timing")
        if timing == SLOT:
            self.at = self.slot
        elif timing == LATER and not self.errors:
            self._find(given.get("day"), given.get("clock"))
        if timing != NOW and self.at is not None and self.at < timezone.now() - JUST_PASSED:
            self.add_error("day", _("That time has passed; choose a later one."))
            self.note = None
        return given

    def _find(self, day: date | None, clock: time | None) -> None:
        if day is None:
            self.add_error("day", _("Choose a day."))
        if clock is None:
            self.add_error("clock", _("Choose a time of day."))
        if day is None or clock is None:
            return
        wall = datetime.combine(day, clock)
        try:
            found = resolve(wall, self.zone)
        except InputError as error:
            self.add_error("clock", str(error))
            self.suggestions = _beside(error.explanation)
            return
        self.at, self.wall, self.note = found.at, wall, found.note


def _beside(refusal: Explanation) -> list[tuple[str, str]]:
    """The times of day that a refusal offers: as the field takes them, and as its sentence writes them."""
    offered = [refusal.params[name] for name in ("before", "after") if name in refusal.params]
    return [(clock.replace(".", ":"), clock) for clock in offered]


def _planned(campaign: Campaign) -> datetime | None:
    """The time that the draft was meant for, if that is still ahead; to the minute, as the fields show it."""
    at = campaign.scheduled_at
    return at.replace(second=0, microsecond=0) if at and at > timezone.now() else None


def _initial(campaign: Campaign, planned: datetime | None, slot: datetime | None, *, at_slots: bool) -> dict[str, Any]:
    zone = campaign.organisation.timezone
    tomorrow = datetime.combine(wall_of(timezone.now(), zone).date() + timedelta(days=1), MORNING)
    wall = wall_of(planned, zone) if planned else tomorrow
    return {
        "timing": SLOT if slot and (at_slots or not planned) else LATER if planned else NOW,
        "day": wall.date(),
        "clock": wall.time(),
    }
