"""The living page of all components in all states, in development only (`OPSLAG_DEBUG=1`)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import quote

from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.clickjacking import xframe_options_sameorigin

from publisher.models import Account, Organisation
from publisher.templatetags.marks import LOOKS
from publisher.vocabulary import DeliveryStatus
from publisher.web.figures import FIGURE_WORDS
from publisher.web.frame import RailEntry
from publisher.web.show_as import Option, ShowAs

PICTURE = "data:image/svg+xml," + quote(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1200 800"><rect width="1200" height="800" fill="#c9d6dc"/>'
    '<path d="M0 620 340 360l210 190 190-250 460 400v100H0z" fill="#6f8a8f"/><circle cx="930" cy="210" r="80" '
    'fill="#f3e3b3"/></svg>'
)
TEXT = (
    "De ni kommuner har skrevet under på en ny kulturaftale. Musik, ungekultur og kultur for et bedre liv er i "
    "højsædet de næste fire år. #kulturaftale\n\nLæs den her: https://kultur.example.org/nyheder/ny-kulturaftale"
)


class SampleForm(forms.Form):
    """One field of each kind."""

    subject = forms.CharField(label="Emne", max_length=100, help_text="Det første, modtageren ser i sin indbakke.")
    address = forms.EmailField(label="E-mailadresse")
    kind = forms.ChoiceField(label="Nyhedsbrev", choices=[("nyt", "Kulturnyt"), ("unge", "Kultur for unge")])
    lead = forms.CharField(label="Manchet", widget=forms.Textarea(attrs={"rows": 3}), required=False)
    timing = forms.ChoiceField(
        label="Hvornår", widget=forms.RadioSelect, choices=[("now", "Nu"), ("later", "På et bestemt tidspunkt")]
    )
    areas = forms.MultipleChoiceField(
        label="Kommuner",
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text="Uden valg: alle kommuner.",
        choices=[("ishoj", "Ishøj"), ("koge", "Køge"), ("roskilde", "Roskilde")],
    )
    agree = forms.BooleanField(label="Send til godkendelse hos en kollega", help_text="Kollegaen får en mail.")


def _frame() -> dict[str, Any]:
    words = ("I dag", "Nyheder", "Udsendelser", "Kalender", "Tilmeldte", "Kanaler", "Indstillinger")
    icons = ("sun", "newspaper", "send", "calendar", "users", "megaphone", "settings")
    return {
        "organisation": Organisation(name="Kulturfællesskabet"),
        "other_organisations": [Organisation(pk=2, name="Museet i Svendborg")],
        "user": "Mette Holm",
        "rail": [
            RailEntry("#main", word, icon, word == "Udsendelser") for word, icon in zip(words, icons, strict=True)
        ],
        "stop_url": "#main",
        "title": "Ny kulturaftale er underskrevet",
        "state": "Mailen sendes lige nu: 3 912 af 4 200 er afsendt. Opslaget er udgivet.",
    }


def _sending() -> dict[str, Any]:
    counts = {
        DeliveryStatus.SENT: 3912, DeliveryStatus.SENDING: 120, DeliveryStatus.UNCERTAIN: 2, DeliveryStatus.FAILED: 3,
        DeliveryStatus.SUPPRESSED: 81, DeliveryStatus.CANCELLED: 22, DeliveryStatus.PENDING: 60,
    }  # fmt: skip
    now = timezone.now()
    return {
        "counts": counts,
        "finished": {DeliveryStatus.SENT: 1},
        "many": {DeliveryStatus.SENT: 99_999, DeliveryStatus.FAILED: 1},
        "looks": [(cycle, [str(value) for value in looks]) for cycle, (_, looks) in LOOKS.items()],
        "moments": [now, now + timedelta(days=3), now - timedelta(days=2000)],
        "history": [
            {"at": now - timedelta(hours=4), "who": "Mette Holm", "text": "skrev udkastet"},
            {"at": now - timedelta(hours=2), "who": "Bo Lund", "text": "godkendte"},
            {"at": now, "who": "", "text": "begyndte at sende til 4 200 modtagere"},
        ],
    }


def _posts() -> dict[str, Any]:
    mastodon = {"kind": "mastodon", "name": "Kulturfællesskabet", "handle": "@kultur@social.example.org", "when": "2 t"}
    card = {
        "url": "https://kultur.example.org/nyheder/ny-kulturaftale", "host": "kultur.example.org",
        "title": "Ny kulturaftale er underskrevet", "description": "Det er med glæde og stolthed, at vi nu kan …",
        "picture_url": PICTURE,
    }  # fmt: skip
    shot = {"url": PICTURE, "alt": "Tegning af bakker under en lav sol"}
    return {
        "mastodon": mastodon | {"text": TEXT, "pictures": [shot]},
        "practice": {"kind": "practice", "name": "Prøvekanal", "handle": "@proeve", "text": TEXT, "card": card},
        "galleries": [
            mastodon | {"text": "Nye værker i parken.", "pictures": [shot] * number, "one_at_a_time": leafed}
            for number, leafed in ((2, False), (3, False), (4, False), (7, False), (6, True))
        ],
        "show_as": ShowAs(
            url="",
            areas_word="Kommune",
            areas=[Option(1, "Køge", chosen=True), Option(2, "Roskilde", chosen=False)],
            topics=[Option(1, "Musik", chosen=False)],
            left_out=["Åben øvelse i Herlev"],
            skipped=False,
        ),
        "fits": {"used": 214, "limit": 500},
        "too_long": {"used": 523, "limit": 500},
    }


def _got() -> dict[str, Any]:
    message = {
        "campaign_id": 1, "campaign": {"title": "Ny kulturaftale er underskrevet"}, "started_at": timezone.now(),
        "account": Account(kind="mastodon", name="Kulturfællesskabet"),
    }  # fmt: skip
    there = {"message": message, "address": "https://social.example.org/@kultur/1"}
    counted = [(str(word), number) for word, number in zip(FIGURE_WORDS.values(), (41, 12, 3, None), strict=True)]
    return {
        "figures": [
            {
                "posted": there | {"read_at": timezone.now()},
                "cells": counted,
                "why": ["Mastodon oplyser ikke: visninger."],
            },
            {"posted": there | {"gone": True}, "cells": [], "why": ["Opslaget er der ikke længere."]},
        ],
        "comments": [there | {"number": 3, "as_seen": ["1-3"]}, {"message": message, "number": 1}],
    }


@login_not_required
def design(request: HttpRequest) -> HttpResponse:
    """All components in all states. 404 unless this is a development installation."""
    if not settings.DEBUG:
        raise Http404
    context = _frame() | _sending() | _posts() | _got()
    context |= {
        "form": SampleForm(prefix="new", auto_id="id_%s"),
        "refused": SampleForm({"refused-subject": "", "refused-kind": "nyt"}, prefix="refused"),
        "page": Paginator(range(300), 25).page(2),
        "tabs": [
            {"url": "#main", "label": "Planlagte", "current": True, "count": 3},
            {"url": "#main", "label": "Udkast", "count": 12},
            {"url": "#main", "label": "Afsendte"},
        ],
        "stopped": {"stopped_by": "Mette Holm", "stopped_at": timezone.now()},
        "head": ["Nyhedsbrev", "Tilmeldte", "Frameldte"],
        "rows": [[("Nyhedsbrev", "Kulturnyt"), ("Tilmeldte", "4 200"), ("Frameldte", "12")]],
    }
    return render(request, "web/design.html", context)


@login_not_required
def design_public(request: HttpRequest) -> HttpResponse:
    """A residents' page with a brand of its own."""
    if not settings.DEBUG:
        raise Http404
    brand = {"name": "Museet i Svendborg", "colour": "#7A1F3D", "website": "https://museet.example.org/",
             "postal_line": "Museet i Svendborg, Kajen 3, 5700 Svendborg"}  # fmt: skip
    context = {"title": "Tilmeld dig Kulturnyt", "brand": brand, "form": SampleForm(),
               "accessibility_url": "#main", "privacy_url": "#main"}  # fmt: skip
    return render(request, "web/design_public.html", context)


@login_not_required
@xframe_options_sameorigin
def design_mail(request: HttpRequest) -> HttpResponse:
    """A mail for the design page's preview frame."""
    if not settings.DEBUG:
        raise Http404
    return render(request, "web/design_mail.html")
