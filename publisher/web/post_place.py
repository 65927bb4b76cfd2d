"""A person says that an unconfirmed post is public, and where: what that makes possible is said before."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from publisher.accounts.settings import platform_of
from publisher.deliver.by_address import Unplaced, settle_at, unplaced
from publisher.errors import InputError
from publisher.models import Account, Delivery, Message
from publisher.platforms.post_address import LONGEST
from publisher.review.settling import settle
from publisher.templatetags.dates import number
from publisher.vocabulary import DeliveryStatus
from publisher.web.staff import OwnRequest, own_message, refusals_said, staff


class AddressForm(forms.Form):
    """The post's public address, as the person's browser has it."""

    # No URL field: what is wrong with it the platform says, and a scheme may be missing.
    address = forms.CharField(
        label=gettext_lazy("The post’s address"),
        max_length=LONGEST,
        error_messages={"required": gettext_lazy("Paste the address of the post.")},
        widget=forms.TextInput({"inputmode": "url", "autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, data: Any, account: Account) -> None:
        super().__init__(data)
        words = _("Open the post on the channel, and copy its address. It looks like this: %(example)s")
        self.fields["address"].help_text = words % {"example": platform_of(account).address_example}


@staff("send")
@require_http_methods(["GET", "HEAD", "POST"])
def post_place(request: OwnRequest, campaign_id: int, message_id: int) -> HttpResponse:
    """Ask where it is; with the address it is known again, without it a person alone knows of it."""
    message = own_message(request, campaign_id, message_id)
    delivery, account = _delivery_of(message), message.account
    place = unplaced(delivery) if delivery else None
    if delivery is None or account is None or place is None:
        messages.info(request, _("It is known by now what became of the post. This page shows it."))
        return redirect("sendout", campaign_id)
    form = AddressForm(request.POST if request.POST.get("do") == "at" else None, account)
    if request.POST.get("do") == "nowhere" and place.is_open:
        with refusals_said(request):
            settle(message, request.user, "sent", DeliveryStatus.UNCERTAIN)
            messages.success(request, _("It counts as public. Opslag does not know where it is."))
        return redirect("sendout", campaign_id)
    if form.is_bound and form.is_valid() and place.takes_address:
        try:
            settle_at(delivery, request.user, form.cleaned_data["address"])
        except InputError as error:
            form.add_error("address", str(error))
        else:
            messages.success(request, _goes_on(place))
            return redirect("sendout", campaign_id)
    return render(
        request, "web/sendouts/place.html", _context(message, place, form), status=422 if form.errors else 200
    )


def _delivery_of(message: Message) -> Delivery | None:
    rows = Delivery.objects.for_organisation(message.campaign.organisation).filter(message=message)
    known = rows.select_related("message__campaign__organisation", "account")
    return known.filter(account__isnull=False).first()


def _goes_on(place: Unplaced) -> str:
    if not place.rest:
        return _("Opslag knows the post now. It can be corrected and withdrawn.")
    words = ngettext(
        "Opslag knows the post now. The %(number)s post that is missing is published beneath it.",
        "Opslag knows the post now. The %(number)s posts that are missing are published beneath it.",
        place.rest,
    )
    return words % {"number": number(place.rest)}


def _context(message: Message, place: Unplaced, form: AddressForm) -> dict[str, Any]:
    return {
        "title": _("Where is the post?"),
        "message": message,
        "place": place,
        "form": form,
        "sentences": list(_sentences(place)),
        "back_url": reverse("sendout", args=[message.campaign_id]),
        "back_label": message.campaign.title,
    }


def _sentences(place: Unplaced) -> list[str]:
    """What happens with its address, and what does not without it."""
    rest = {"number": number(place.rest)}
    found = []
    if place.takes_address and place.rest:
        words = ngettext(
            "With its address the %(number)s post that is missing in the thread is published beneath it.",
            "With its address the %(number)s posts that are missing in the thread are published beneath it.",
            place.rest,
        )
        found.append(words % rest)
    elif place.takes_address:
        found.append(_("With its address Opslag can correct the post and take it down later."))
    if place.takes_address and not place.is_checked:
        found.append(_("Opslag cannot look at this channel itself, and takes your word for the address."))
    if place.is_open and place.rest:
        words = ngettext(
            "Without it the %(number)s post that is missing stays unpublished, and the post can only be corrected or "
            "taken down on the channel itself.",
            "Without it the %(number)s posts that are missing stay unpublished, and the post can only be corrected or "
            "taken down on the channel itself.",
            place.rest,
        )
        found.append(words % rest)
    elif place.is_open:
        found.append(_("Without it the post can only be corrected or taken down on the channel itself."))
    return found
