"""A rule as a person sets it up: which news, to where, when, and who decides."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from publisher.items.choices import areas_for, topics_for
from publisher.items.words import words_in
from publisher.models import Account, Newsletter, Organisation, Rule, Slot, Source
from publisher.schedule.quiet import Quiet
from publisher.vocabulary import AccountStatus, RuleMail, RuleMode, RuleTiming

A_MONDAY = date(2024, 1, 1)
WEEK_MINUTES = 7 * 24 * 60
MONTH_MINUTES = 30 * 24 * 60
YEAR_HOURS = 365 * 24


class WordsField(forms.CharField):
    """Words or phrases between commas or on lines of their own; gives them as a list."""

    def __init__(self, **words: Any) -> None:
        super().__init__(required=False, widget=forms.Textarea(attrs={"rows": 2}), **words)

    def prepare_value(self, value: Any) -> Any:
        """As a person writes it."""
        return ", ".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        """Each once."""
        return words_in(str(super().clean(value)))


def _clock(label: Any, help_text: Any = "") -> forms.TimeField:
    return forms.TimeField(
        label=label,
        help_text=help_text,
        required=False,
        widget=forms.TimeInput(attrs={"type": "time", "class": "short"}, format="%H:%M"),
        input_formats=["%H:%M", "%H.%M"],
        error_messages={"invalid": gettext_lazy("Write the time as hours and minutes, for example 09:00.")},
    )


class RuleForm(forms.ModelForm):  # type: ignore[type-arg]
    """Everything about a rule except whether it is on. `may_send`: this person may let it publish by itself."""

    words = WordsField(
        label=gettext_lazy("With one of these words"),
        help_text=gettext_lazy(
            "In the headline, the lead or the text; with commas between them. “*kunst*” also finds “kunstner” "
            "and “samtidskunst”."
        ),
    )
    without_words = WordsField(
        label=gettext_lazy("Without these words"), help_text=gettext_lazy("News with one of them is left alone.")
    )
    mail_as = forms.ChoiceField(
        label=gettext_lazy("In the newsletter"),
        help_text=gettext_lazy(
            "The next issue is a draft that gathers news until somebody hands it in. It is always approved by a person."
        ),
        choices=RuleMail.choices,
        initial=RuleMail.NEXT_ISSUE,
        required=False,
        widget=forms.RadioSelect,
    )
    min_gap_minutes = forms.IntegerField(
        label=gettext_lazy("Minutes between two"),
        help_text=gettext_lazy("What comes too soon waits for its turn."),
        min_value=0,
        max_value=WEEK_MINUTES,
        required=False,
        widget=forms.NumberInput(attrs={"class": "short"}),
    )
    quiet_from = _clock(
        gettext_lazy("Quiet from"), gettext_lazy("What comes in the quiet hours waits until they are over.")
    )
    quiet_until = _clock(gettext_lazy("Quiet until"))
    delay_minutes = forms.IntegerField(
        label=gettext_lazy("Minutes to wait"),
        help_text=gettext_lazy("Only for “After a number of minutes”."),
        min_value=0,
        max_value=MONTH_MINUTES,
        required=False,
        widget=forms.NumberInput(attrs={"class": "short"}),
    )
    daily_cap = forms.IntegerField(
        label=gettext_lazy("At most a day"),
        help_text=gettext_lazy("What comes beyond that is left out, so that nobody is flooded."),
        min_value=1,
        max_value=100,
        initial=3,
        widget=forms.NumberInput(attrs={"class": "short"}),
    )
    max_age_hours = forms.IntegerField(
        label=gettext_lazy("Nothing older than (hours)"),
        help_text=gettext_lazy("24 hours are a day, 72 are three days. At most 8760, which is a year."),
        error_messages={
            "min_value": gettext_lazy("Write at least 1 hour."),
            "max_value": gettext_lazy("Write at most 8760 hours: that is a year."),
        },
        min_value=1,
        max_value=YEAR_HOURS,
        initial=72,
        widget=forms.NumberInput(attrs={"class": "short"}),
    )

    class Meta:
        model = Rule
        fields = (
            "name", "sources", "topics", "areas", "words", "without_words", "newsletter", "mail_as", "accounts",
            "timing", "delay_minutes", "mode", "daily_cap", "min_gap_minutes", "quiet_from", "quiet_until",
            "quiet_weekends", "quiet_holidays", "max_age_hours",
        )  # fmt: skip
        labels: ClassVar = {
            "name": pgettext_lazy("rule", "Name"),
            "sources": gettext_lazy("News sources"),
            "topics": gettext_lazy("Topics"),
            "areas": gettext_lazy("Areas"),
            "newsletter": gettext_lazy("Newsletter"),
            "accounts": gettext_lazy("Channels"),
            "timing": gettext_lazy("When"),
            "mode": gettext_lazy("Who decides"),
            "quiet_weekends": gettext_lazy("Nothing on Saturdays and Sundays"),
            "quiet_holidays": gettext_lazy("Nothing on Danish public holidays"),
        }
        help_texts: ClassVar = {
            "sources": gettext_lazy("Without a choice: all sources."),
            "topics": gettext_lazy("Without a choice: all topics."),
            "areas": gettext_lazy("Without a choice: all areas."),
            "mode": gettext_lazy("Automatic means that it goes out without anybody looking at it first."),
            "timing": gettext_lazy("For an automatic rule. A draft waits for a person in any case."),
        }
        widgets: ClassVar = {
            "name": forms.TextInput(attrs={"autocomplete": "off"}),
            "sources": forms.CheckboxSelectMultiple,
            "topics": forms.CheckboxSelectMultiple,
            "areas": forms.CheckboxSelectMultiple,
            "accounts": forms.CheckboxSelectMultiple,
            "timing": forms.RadioSelect,
            "mode": forms.RadioSelect,
        }

    def __init__(self, organisation: Organisation, *args: Any, may_send: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.organisation = organisation
        self.may_send = may_send
        connected = Account.objects.for_organisation(organisation).exclude(status=AccountStatus.DISCONNECTED)
        self._offer("sources", Source.objects.for_organisation(organisation).order_by("name"))
        self._offer("topics", topics_for(organisation))
        self._offer("areas", areas_for(organisation))
        self._offer("accounts", connected.order_by("name"))
        self._offer("newsletter", Newsletter.objects.for_organisation(organisation).order_by("name"))
        newsletter = self.fields["newsletter"]
        assert isinstance(newsletter, forms.ModelChoiceField)
        newsletter.empty_label = _("No mail")

    def clean_delay_minutes(self) -> int:
        """Left empty it is none."""
        return self.cleaned_data["delay_minutes"] or 0

    def clean_min_gap_minutes(self) -> int:
        """Left empty it is none."""
        return self.cleaned_data["min_gap_minutes"] or 0

    def clean_mail_as(self) -> str:
        """Left out it is what it was."""
        return str(self.cleaned_data["mail_as"] or self.instance.mail_as)

    def clean(self) -> dict[str, Any]:
        """The parts must fit together."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if not given.get("newsletter") and not given.get("accounts"):
            self.add_error(None, _("Choose where to: a newsletter, a channel or both."))
        if given.get("timing") == RuleTiming.AFTER_MINUTES and given.get("delay_minutes") == 0:
            self.add_error("delay_minutes", _("Write how many minutes."))
        if given.get("timing") == RuleTiming.NEXT_SLOT and not given.get("accounts"):
            self.add_error("timing", _("Posting times belong to channels: choose a channel, or another time."))
        elif given.get("timing") == RuleTiming.NEXT_SLOT:
            self._check_slots(given)
        self._check_quiet(given)
        if given.get("mode") == RuleMode.AUTOMATIC and not self.may_send:
            self.add_error("mode", _("Only who may approve can let a rule publish by itself. Choose a ready draft."))
        return given

    def _check_slots(self, given: dict[str, Any]) -> None:
        chosen = given.get("accounts") or ()
        slots = list(Slot.objects.for_organisation(self.organisation).filter(account__in=chosen))
        if not slots:
            self.add_error("timing", _("None of the chosen channels has posting times. Choose another time."))
        elif given.get("mode") == RuleMode.AUTOMATIC and all(_is_quiet(given, slot) for slot in slots):
            self.add_error("timing", _("All posting times of the chosen channels are in the quiet hours."))

    def _check_quiet(self, given: dict[str, Any]) -> None:
        begins, ends = given.get("quiet_from"), given.get("quiet_until")
        if {"quiet_from", "quiet_until"} & set(self.errors):
            return
        if (begins is None) != (ends is None):
            missing = "quiet_from" if begins is None else "quiet_until"
            self.add_error(missing, _("Write both when the quiet hours begin and when they end, or neither."))
        elif begins is not None and begins == ends:
            self.add_error("quiet_until", _("The quiet hours must end at another time than they begin."))

    def _offer(self, name: str, rows: Any) -> None:
        """Only the organisation's own rows; a choice of nothing is left out."""
        field = self.fields[name]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = rows
        if name in {"topics", "areas"} and not rows.exists():
            del self.fields[name]


def _is_quiet(given: dict[str, Any], slot: Slot) -> bool:
    """Whether a posting time lies in the quiet hours of every week."""
    quiet = Quiet("UTC", given.get("quiet_from"), given.get("quiet_until"), bool(given.get("quiet_weekends")))
    return quiet.covers(datetime.combine(A_MONDAY + timedelta(days=slot.weekday), slot.time, UTC))
