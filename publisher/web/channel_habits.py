"""A channel's habits: its language, who sees its posts, what is put behind its links, when its posting times are left
out, and whether staff get a mail a day about new comments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from django.views.decorators.http import require_http_methods

from publisher.access.audit import record
from publisher.compose.social import abilities_of
from publisher.models import Account
from publisher.track.comments import tell_daily
from publisher.vocabulary import Visibility
from publisher.web.figures import tells
from publisher.web.kept_words import keeps_words
from publisher.web.posting_times_form import say_left_out
from publisher.web.staff import OwnRequest, own, staff

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

_OWN_FIELDS = ("language", "visibility", "writes_link", "quiet_from", "quiet_until", "keeps_holidays")
LINK_VALUES = ("utm_source", "utm_medium", "utm_campaign")


class HabitsForm(forms.Form):
    """Language and visibility, the parameters of its links, quiet hours, public holidays, the mail about comments."""

    language = forms.ChoiceField(
        label=gettext_lazy("Language of the posts"),
        choices=settings.LANGUAGES,
        help_text=gettext_lazy("For screen readers and translations, and for the words that Opslag adds itself."),
    )
    visibility = forms.ChoiceField(
        label=gettext_lazy("Who sees the posts"),
        help_text=gettext_lazy("May be changed for each post. Drafts that are begun keep what they have."),
    )
    utm_source = forms.CharField(
        max_length=80,
        required=False,
        label=gettext_lazy("Source (utm_source)"),
        help_text=gettext_lazy("Stands behind every link, for your website’s statistics. For example: mastodon"),
    )
    utm_medium = forms.CharField(
        max_length=80,
        required=False,
        label=gettext_lazy("Kind (utm_medium)"),
        help_text=gettext_lazy("Example: social"),
    )
    utm_campaign = forms.CharField(
        max_length=80,
        required=False,
        label=gettext_lazy("Send-out (utm_campaign)"),
        help_text=gettext_lazy("{title} becomes the send-out’s title."),
    )
    writes_link = forms.BooleanField(
        label=gettext_lazy("Write the link’s address in the text"),
        required=False,
        help_text=gettext_lazy(
            "Nobody can click it there. Without this, the text says “Link in our profile”: put the link into your "
            "profile yourselves."
        ),
    )
    quiet_from = forms.TimeField(
        label=gettext_lazy("Quiet from"),
        required=False,
        input_formats=["%H:%M", "%H.%M", "%H:%M:%S"],
        widget=forms.TimeInput(attrs={"type": "time", "class": "short"}, format="%H:%M"),
        help_text=gettext_lazy("Posting times in the quiet hours are left out, also over midnight."),
    )
    quiet_until = forms.TimeField(
        label=gettext_lazy("Quiet until"),
        required=False,
        input_formats=["%H:%M", "%H.%M", "%H:%M:%S"],
        widget=forms.TimeInput(attrs={"type": "time", "class": "short"}, format="%H:%M"),
    )
    keeps_holidays = forms.BooleanField(
        label=gettext_lazy("Leave out posting times on Danish public holidays"), required=False
    )

    tells_of_comments = forms.BooleanField(
        label=gettext_lazy("Send us a mail a day about new comments"),
        required=False,
        help_text=gettext_lazy("At 8 in the morning, to all who may write here; never on days without new ones."),
    )

    def __init__(self, data: Any, account: Account) -> None:
        super().__init__(data, initial=_initial(account))
        offered = visibility_choices(account)
        self.fields["visibility"].choices = offered  # type: ignore[attr-defined]
        if len(offered) < 2:
            del self.fields["visibility"]
        if abilities_of(account).clickable_links:
            del self.fields["writes_link"]
        if "replies" not in tells(account):
            del self.fields["tells_of_comments"]

    def clean(self) -> dict[str, Any]:
        """Quiet hours have a beginning and an end, or neither."""
        given = dict(self.cleaned_data)
        begins, ends = given.get("quiet_from"), given.get("quiet_until")
        if "quiet_from" in given and "quiet_until" in given:
            if (begins is None) != (ends is None):
                self.add_error("quiet_until" if begins else "quiet_from", _("Write both times, or neither."))
            elif begins is not None and begins == ends:
                self.add_error("quiet_until", _("The two times are the same, so no hours would be quiet."))
        return given


def visibility_choices(account: Account) -> list[tuple[str, StrOrPromise]]:
    """Who may see a post on a channel: what can be chosen there, in words."""
    words = dict(Visibility.choices)
    return [(each, words.get(each, each)) for each in abilities_of(account).visibilities]


@keeps_words
@staff("edit")
@require_http_methods(["GET", "HEAD", "POST"])
def channel_habits(request: OwnRequest, pk: int) -> HttpResponse:
    """Change them; what is planned already keeps its time."""
    account = own(Account.objects.for_organisation(request.organisation), pk)
    form = HabitsForm(request.POST or None, account)
    if request.method == "POST" and form.is_valid():
        _store(account, form.cleaned_data)
        words = gettext_noop("changed its links, quiet hours and mails")
        record(request.organisation, request.user, "channel_habits", account, words)
        messages.success(request, _("Saved."))
        say_left_out(request, account, frozenset(account.slots.values_list("weekday", "time")))
        return redirect("channel", pk=pk)
    context = {
        "title": _("Language, links, quiet hours and mails"),
        "state": str(account),
        "form": form,
        "button": _("Save"),
        "back_url": reverse("channel", args=[pk]),
        "back_label": str(account),
    }
    return render(request, "web/one_form.html", context, status=422 if form.errors else 200)


def _initial(account: Account) -> dict[str, Any]:
    links = {name: account.link_values.get(name, "") for name in LINK_VALUES}
    return links | {name: getattr(account, name) for name in (*_OWN_FIELDS, "tells_of_comments")}


def _store(account: Account, given: dict[str, Any]) -> None:
    kept = {name: value for name, value in account.link_values.items() if name not in LINK_VALUES}
    account.link_values = kept | {name: given[name] for name in LINK_VALUES if given[name]}
    for name in _OWN_FIELDS:
        setattr(account, name, given.get(name, getattr(account, name)))
    account.save(update_fields=["link_values", *_OWN_FIELDS])
    if "tells_of_comments" in given:
        tell_daily(account, given["tells_of_comments"], timezone.now())
