"""A rule as a person sets it up: which news, to where, when, and who decides."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from publisher.items.choices import areas_for, topics_for
from publisher.models import Account, Newsletter, Organisation, Rule, Slot, Source
from publisher.vocabulary import AccountStatus, RuleMode, RuleTiming

MONTH_MINUTES = 30 * 24 * 60
YEAR_HOURS = 365 * 24


class RuleForm(forms.ModelForm):  # type: ignore[type-arg]
    """Everything about a rule except whether it is on. `may_send`: this person may let it publish by itself."""

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
        min_value=1,
        max_value=YEAR_HOURS,
        initial=72,
        widget=forms.NumberInput(attrs={"class": "short"}),
    )

    class Meta:
        model = Rule
        fields = (
            "name", "sources", "topics", "areas", "newsletter", "accounts",
            "timing", "delay_minutes", "mode", "daily_cap", "max_age_hours",
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

    def clean(self) -> dict[str, Any]:
        """The parts must fit together."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if not given.get("newsletter") and not given.get("accounts"):
            self.add_error(None, _("Choose where to: a newsletter, a channel or both."))
        if given.get("timing") == RuleTiming.AFTER_MINUTES and given.get("delay_minutes") == 0:
            self.add_error("delay_minutes", _("Write how many minutes."))
        if given.get("timing") == RuleTiming.NEXT_SLOT and not given.get("accounts"):
            self.add_error("timing", _("Posting times belong to channels: choose a channel, or another time."))
        elif given.get("timing") == RuleTiming.NEXT_SLOT and not self._has_slots(given):
            self.add_error("timing", _("None of the chosen channels has posting times. Choose another time."))
        if given.get("mode") == RuleMode.AUTOMATIC and not self.may_send:
            self.add_error("mode", _("Only who may approve can let a rule publish by itself. Choose a ready draft."))
        return given

    def _has_slots(self, given: dict[str, Any]) -> bool:
        chosen = given.get("accounts") or ()
        return Slot.objects.for_organisation(self.organisation).filter(account__in=chosen).exists()

    def _offer(self, name: str, rows: Any) -> None:
        """Only the organisation's own rows; a choice of nothing is left out."""
        field = self.fields[name]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = rows
        if name in {"topics", "areas"} and not rows.exists():
            del self.fields[name]
