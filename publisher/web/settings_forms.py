"""Forms of the settings pages: the organisation and its newsletters."""

from __future__ import annotations

import re
from datetime import time
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.urls import reverse_lazy
from django.utils.dates import WEEKDAYS
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from publisher.models import Newsletter, Organisation
from publisher.vocabulary import LinkCounting

# What the part before the @ looks like, letters only, where nobody reads what comes in.
_NOBODY = re.compile(r"noreply|donotreply|dontreply|ingensvar|svarikke|ikkesvar|besvaresikke")
_ADDRESS = {"autocomplete": "off", "spellcheck": "false"}


class ColourField(forms.CharField):
    """A colour as “#0B5FA5”; the page says how readable it is while one chooses."""

    def __init__(self, **words: Any) -> None:
        looks = {
            "type": "color",
            "class": "short",
            "hx-get": reverse_lazy("colour-check"),
            "hx-target": "#colour",
            "hx-trigger": "input changed delay:200ms",
        }
        super().__init__(max_length=7, min_length=7, widget=forms.TextInput(attrs=looks), **words)

    def clean(self, value: Any) -> str:
        """In capitals. Raises ValidationError for anything but six hexadecimal digits after a #."""
        colour = str(super().clean(value)).upper()
        if not re.fullmatch(r"#[0-9A-F]{6}", colour):
            raise forms.ValidationError(_("Choose a colour, or write it as for example #0B5FA5."))
        return colour


class OrganisationForm(forms.ModelForm):  # type: ignore[type-arg]
    """Who we are."""

    website = forms.URLField(label=gettext_lazy("Website"), assume_scheme="https", required=False, max_length=200)
    brand_colour = ColourField(
        label=gettext_lazy("Colour"), help_text=gettext_lazy("For buttons, links and lines on your pages.")
    )

    class Meta:
        model = Organisation
        fields = ("name", "postal_line", "email", "website", "uncertain_policy", "brand_colour")
        labels: ClassVar = {
            "name": pgettext_lazy("organisation", "Name"),
            "postal_line": gettext_lazy("Postal address"),
            "email": gettext_lazy("Office address"),
            "uncertain_policy": gettext_lazy("If nobody can know whether a mail left"),
        }
        help_texts: ClassVar = {
            "postal_line": gettext_lazy("In one line; stands at the foot of every newsletter, as the law demands."),
            "email": gettext_lazy("Where residents can write to you."),
            "uncertain_policy": gettext_lazy(
                "It happens when a server or the power fails in mid-mail. On the send-out you can decide otherwise."
            ),
        }
        widgets: ClassVar = {"email": forms.EmailInput(attrs=_ADDRESS)}


class NewsletterForm(forms.ModelForm):  # type: ignore[type-arg]
    """How a newsletter stands in the inbox, where replies go, and whether some get it first."""

    language = forms.ChoiceField(label=gettext_lazy("Language"), choices=settings.LANGUAGES)
    brand_colour = ColourField(
        label=gettext_lazy("Colour"), help_text=gettext_lazy("For buttons, links and lines in the mail.")
    )
    first_wave = forms.IntegerField(
        label=gettext_lazy("Send to so many first"),
        help_text=gettext_lazy("For example 200: if many of them come back, the rest is held. 0: everybody at once."),
        min_value=0,
        max_value=1_000_000,
        required=False,
        widget=forms.NumberInput(attrs={"class": "short"}),
    )
    first_wave_minutes = forms.IntegerField(
        label=gettext_lazy("Then wait so many minutes"),
        help_text=gettext_lazy("Before the rest follows. Only used if some get it first."),
        min_value=1,
        max_value=24 * 60,
        required=False,
        widget=forms.NumberInput(attrs={"class": "short"}),
    )

    issue_days = forms.TypedMultipleChoiceField(
        label=gettext_lazy("Goes out on"),
        help_text=gettext_lazy("A new issue is then suggested for the next of these days. Nothing is sent by itself."),
        coerce=int,
        choices=[(day, capfirst(name)) for day, name in WEEKDAYS.items()],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    issue_time = forms.TimeField(
        label=pgettext_lazy("issue", "At"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time", "class": "short"}, format="%H:%M"),
        input_formats=["%H:%M", "%H.%M"],
        error_messages={"invalid": gettext_lazy("Write the time as hours and minutes, for example 09:00.")},
    )
    link_counting = forms.ChoiceField(
        label=gettext_lazy("Count clicks on links"),
        widget=forms.RadioSelect,
        choices=[
            (LinkCounting.NONE, gettext_lazy("Not at all. Links lead straight to where they say.")),
            (
                LinkCounting.TOGETHER,
                gettext_lazy(
                    "Together: how many clicks each link got. We keep a number and nothing about persons, so nobody "
                    "has to be asked."
                ),
            ),
            (
                LinkCounting.ONE_BY_ONE,
                gettext_lazy(
                    "One by one for those who have said yes: also how many of them clicked. The law demands a consent "
                    "of its own, apart from the subscription. Each reader gives it, and takes it back, on the page of "
                    "their unsubscribe link; of everybody else only the number is kept."
                ),
            ),
        ],
        initial=LinkCounting.TOGETHER,
        help_text=gettext_lazy(
            "We never note who opened a mail. A link that tells readers apart needs their consent (the e-Privacy "
            "Directive, article 5(3), in Denmark the executive order on cookies; GDPR). Ask your data protection "
            "adviser if in doubt. Takes effect for clicks at once, for links with the next mail."
        ),
    )

    class Meta:
        model = Newsletter
        fields = (
            *("name", "sender_name", "sender_email", "reply_to", "language"),
            *("issue_days", "issue_time", "first_wave", "first_wave_minutes", "link_counting", "brand_colour"),
        )
        labels: ClassVar = {
            "name": pgettext_lazy("newsletter", "Name"),
            "sender_name": gettext_lazy("Sender’s name"),
            "sender_email": gettext_lazy("Sender’s address"),
            "reply_to": gettext_lazy("Replies go to"),
        }
        help_texts: ClassVar = {
            "sender_name": gettext_lazy("What the inbox shows first. Use the name that people know."),
            "sender_email": gettext_lazy("Your mail server must be allowed to send for its domain."),
            "reply_to": gettext_lazy("A mailbox that somebody reads: people reply to newsletters."),
        }
        widgets: ClassVar = {
            "sender_email": forms.EmailInput(attrs=_ADDRESS),
            "reply_to": forms.EmailInput(attrs=_ADDRESS),
        }

    def clean_issue_time(self) -> time | None:
        """A day and a time belong together."""
        at: time | None = self.cleaned_data["issue_time"]
        if bool(self.cleaned_data.get("issue_days")) != (at is not None):
            raise forms.ValidationError(_("Choose both days and a time, or neither."))
        return at

    def clean_first_wave(self) -> int:
        """Left empty: everybody at once."""
        return int(self.cleaned_data["first_wave"] or 0)

    def clean_first_wave_minutes(self) -> int:
        """Left empty: as it was."""
        return int(self.cleaned_data["first_wave_minutes"] or self.instance.first_wave_minutes)

    def clean_reply_to(self) -> str:
        """An address behind which nobody reads is refused: it turns people who have something to say away."""
        address: str = self.cleaned_data["reply_to"]
        letters = re.sub(r"[^a-z]", "", address.lower().partition("@")[0])
        if _NOBODY.search(letters):
            raise forms.ValidationError(
                _("Nobody reads a no-reply address. Give one where a person sees what people answer.")
            )
        return address
