"""Correcting or withdrawing a published send-out everywhere, from one page that says before what will happen where."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from publisher.compose.news_page import links_here
from publisher.compose.social import abilities_of
from publisher.errors import Explanation, InputError
from publisher.models import Campaign, Operation
from publisher.platforms.abilities import Abilities, FollowUp
from publisher.review import afterwards
from publisher.review.afterwards import Wish
from publisher.review.by_hand import NEEDS_PERSON
from publisher.review.outs import Out, outs
from publisher.templatetags.dates import number
from publisher.vocabulary import PUBLIC_STEPS, AccountStatus, OperationKind, OperationStatus, Outlet
from publisher.web.afterwards_forms import DOWN, EDIT, CommonForm, NoteForm, PostForm
from publisher.web.kept_words import keeps_words
from publisher.web.staff import OwnRequest, own, own_campaign, refusals_said, staff


class Row:
    """One outlet on the page: what will happen there, and what cannot."""

    def __init__(self, out: Out, data: Any, *, withdraw: bool) -> None:
        self.out = out
        self.name = out.message.newsletter or out.message.account
        self.is_mail = out.message.outlet == Outlet.EMAIL
        self.form = None if self.is_mail or withdraw or out.is_planned else PostForm(data, out)
        self.sentences = [str(each) for each in self._sentences(withdraw)]

    def _sentences(self, withdraw: bool) -> list[object]:
        out, found = self.out, list[object]()
        if out.is_planned:
            return [_("It has not gone out yet. It is cancelled, and nothing of it goes out.")]
        if out.unsent:
            words = ngettext("%(number)s that waits is never sent.", "%(number)s that wait are never sent.", out.unsent)
            found.append(words % {"number": number(out.unsent)})
        if self.is_mail:
            found.append(_("The web page of the mail says what was wrong."))
            found.append(_("A mail that was delivered cannot be called back."))
            return found
        if links_here(out.message, told=not withdraw):
            found.append(
                _("Our page that it links to is taken down, and says what was wrong.")
                if withdraw
                else _("Our page that it links to says what was wrong, and what the news item says now.")
            )
        abilities = out.abilities
        if out.unconfirmed:
            found.append(
                _("Unconfirmed: nobody knows yet whether all of it is public. It is done as soon as that is known.")
            )
        if not (out.parts or out.unconfirmed) or abilities is None or out.message.account is None:
            return [*found, _("Nothing of it is public.")]
        if out.message.account.status != AccountStatus.CONNECTED:
            found.append(_("The channel must be connected again first. What you choose is done then."))
        return [*found, *(self._of_withdrawal(abilities) if withdraw else self._of_correction(abilities))]

    def _of_withdrawal(self, abilities: Abilities) -> list[object]:
        if not self.out.deletes:
            found: list[object] = [_("The post cannot be taken down from here. Take it down on the platform itself.")]
        else:
            found = [_("The post is taken down.")]
        return [*found, *([abilities.delete_note] if abilities.delete_note else [])]

    def _of_correction(self, abilities: Abilities) -> list[object]:
        found: list[object] = [abilities.edit_note] if abilities.edit_note else []
        if not self.out.edits and not found:
            found.append(_("A published post cannot be changed on this platform."))
        if self.out.deletes and abilities.delete_note:
            found.append(_("If you take the post down: %(note)s") % {"note": abilities.delete_note})
        return found


@keeps_words
@staff("send")
@require_http_methods(["GET", "HEAD", "POST"])
def correct(request: OwnRequest, campaign_id: int) -> HttpResponse:
    """Correct it: new words for the posts that can change, the rest left or taken down."""
    return _page(request, own_campaign(request, campaign_id), withdraw=False)


@keeps_words
@staff("send")
@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: OwnRequest, campaign_id: int) -> HttpResponse:
    """Withdraw it: everything down that can be."""
    return _page(request, own_campaign(request, campaign_id), withdraw=True)


def _page(request: OwnRequest, campaign: Campaign, *, withdraw: bool) -> HttpResponse:
    found = outs(campaign)
    if not found:
        return redirect("sendout", campaign.pk)
    if any(out.message.withdrawn_at for out in found):
        messages.info(request, _("It is withdrawn already. What became of each post stands on this page."))
        return redirect("sendout", campaign.pk)
    data = request.POST if request.method == "POST" else None
    form = NoteForm(data, found)
    rows = [Row(out, data, withdraw=withdraw) for out in found]
    common = CommonForm(data, [row.form for row in rows if row.form])
    asked = [form, common, *(row.form for row in rows if row.form)]
    if data is not None and all(each.is_valid() for each in asked):
        try:
            made = afterwards.carry_through(campaign, _wish(form, common, rows, withdraw), request.user)
        except InputError as error:
            form.add_error(None, str(error))
        else:
            return _done(request, campaign, made)
    name = {"name": campaign.title}
    context = {
        "title": (_("Withdraw “%(name)s”?") if withdraw else _("Correct “%(name)s”")) % name,
        "form": form,
        "common": common,
        "rows": rows,
        "withdraw": withdraw,
        "button": _("Withdraw everywhere") if withdraw else _("Correct everywhere"),
        "back_url": reverse("sendout", args=[campaign.pk]),
        "back_label": campaign.title,
    }
    return render(request, "web/sendouts/afterwards.html", context, status=422 if data is not None else 200)


def _wish(note: NoteForm, common: CommonForm, rows: list[Row], withdraw: bool) -> Wish:
    chosen = {row.out.message.pk: row.form for row in rows if row.form is not None}
    texts = [form.texts for form in chosen.values() if form.cleaned_data["do"] == EDIT]
    return Wish(
        note=note.cleaned_data["note"],
        withdraw=withdraw,
        texts={pk: text for each in [*texts, common.texts] for pk, text in each.items()},
        down=frozenset(pk for pk, form in chosen.items() if form.cleaned_data["do"] == DOWN),
        mail=bool(note.cleaned_data.get("mail")),
    )


def _done(request: OwnRequest, campaign: Campaign, made: Campaign | None) -> HttpResponse:
    if made is None:
        messages.success(request, _("It is under way. This page shows what has happened on each channel."))
        return redirect("sendout", campaign.pk)
    messages.success(request, _("Here is the mail to those who got it. Nothing is sent before somebody approves it."))
    return redirect("composer", made.pk)


@staff("send")
@require_POST
def settle(request: OwnRequest, campaign_id: int, operation_id: int) -> HttpResponse:
    """Try a change again, or say that it is made."""
    campaign = own_campaign(request, campaign_id)
    rows = Operation.objects.for_organisation(request.organisation).filter(part__delivery__message__campaign=campaign)
    operation = own(rows.select_related("part__delivery__message__campaign__organisation"), operation_id)
    with refusals_said(request):
        if request.POST.get("do") == "done":
            afterwards.say_done(operation, request.user)
        else:
            afterwards.try_again(operation, request.user)
    return redirect("sendout", campaign.pk)


def operation_rows(campaign: Campaign) -> list[dict[str, Any]]:
    """The later changes of a send-out as its page shows them."""
    return [
        {
            "operation": operation,
            "account": operation.part.delivery.account,
            "part": _part_of(operation),
            "words": _why(operation),
            # What is to be deleted by hand stands among what needs a person, a post at a time.
            "may_settle": operation.status in NEEDS_PERSON and operation.kind != OperationKind.DELETE,
            "waits": afterwards.waits_for_channel(operation),
        }
        for operation in afterwards.operations_of(campaign)
    ]


def _part_of(operation: Operation) -> str:
    """Which part of the post, "" for the post itself."""
    account, position = operation.part.delivery.account, operation.part.position
    if not position or account is None:
        return ""
    if abilities_of(account).follow_up == FollowUp.COMMENT:
        return _("first comment")
    return _("post %(number)s in the thread") % {"number": number(position + 1)}


def _why(operation: Operation) -> str:
    """What a change waits for, or why it could not be made."""
    if operation.status == OperationStatus.DONE:
        return ""
    if operation.part.step not in PUBLIC_STEPS:
        return _("It is carried out once it is known that the post is public.")
    if afterwards.waits_for_channel(operation):
        return _("It waits until the channel is connected again. Or make it on the platform itself, and say so here.")
    return str(Explanation.from_json(operation.last_error)) if operation.last_error else ""
