"""From chosen news to a draft: which newsletter, which channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from publisher.compose.already_out import Earlier, earlier_uses
from publisher.errors import InputError
from publisher.models import Account, Item, Newsletter, Organisation
from publisher.review.drafting import start_draft
from publisher.rules.waiting import turns_of
from publisher.vocabulary import AccountStatus, ItemState
from publisher.web.news import back_to_news
from publisher.web.staff import OwnRequest, id_in, staff

NO_NEWSLETTER = "none"
MOST_ITEMS = 40


class OutletsForm(forms.Form):
    """Where it goes: at most one newsletter, any number of channels."""

    newsletter = forms.ChoiceField(label=gettext_lazy("Newsletter"), widget=forms.RadioSelect, required=True)
    accounts = forms.MultipleChoiceField(
        label=gettext_lazy("Channels"), widget=forms.CheckboxSelectMultiple, required=False
    )

    def __init__(self, organisation: Organisation, items: Sequence[Item], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.newsletters = list(Newsletter.objects.for_organisation(organisation).order_by("name"))
        self.channels = list(
            Account.objects.for_organisation(organisation)
            .exclude(status=AccountStatus.DISCONNECTED)
            .order_by("name", "pk")
        )
        self.known = earlier_uses(items, self.newsletters, self.channels)
        newsletters = [(str(row.pk), row.name) for row in self.newsletters]
        self.fields["newsletter"].choices = [*newsletters, (NO_NEWSLETTER, _("No newsletter"))]  # type: ignore[attr-defined]
        self.fields["accounts"].choices = [(str(row.pk), _channel(row)) for row in self.channels]  # type: ignore[attr-defined]
        # Where all of it is known already, nobody is led to send it again.
        told = {each.outlet: set[int]() for each in self.known}
        for each in self.known:
            told[each.outlet].add(each.item_id)
        full = {outlet for outlet, ids in told.items() if len(ids) == len(items)}
        fresh = [str(row.pk) for row in self.newsletters if (row.pk, None) not in full]
        self.initial.setdefault("newsletter", fresh[0] if fresh else NO_NEWSLETTER)
        ready = [row for row in self.channels if _works(row) and (None, row.pk) not in full]
        self.initial.setdefault("accounts", [str(row.pk) for row in ready])
        if not newsletters:
            del self.fields["newsletter"]
        if not self.channels:
            del self.fields["accounts"]

    def clean(self) -> dict[str, Any]:
        """Somewhere it must go."""
        chosen = dict(self.cleaned_data)
        if not self.errors and not self.chosen_newsletter() and not self.chosen_accounts():
            raise forms.ValidationError(_("Choose a newsletter or a channel to send to."))
        return chosen

    def chosen_newsletter(self) -> Newsletter | None:
        """The chosen newsletter."""
        chosen = self.cleaned_data.get("newsletter")
        return next((row for row in self.newsletters if str(row.pk) == chosen), None)

    def chosen_accounts(self) -> list[Account]:
        """The chosen channels."""
        chosen = self.cleaned_data.get("accounts", [])
        return [row for row in self.channels if str(row.pk) in chosen]


def _works(account: Account) -> bool:
    return account.status == AccountStatus.CONNECTED


def _channel(account: Account) -> str:
    if account.mended_there:
        return f"{account}: {account.mended_there}"
    return str(account) if _works(account) else _("%(name)s: must be connected again") % {"name": account}


def refusal(item: Item) -> str:
    """Why no send-out can be planned of an item; "" if one can."""
    if item.withdrawn_at:
        words = _("“%(title)s” is withdrawn: nothing is planned with it unless the withdrawal is taken back.")
    elif item.state == ItemState.HELD:
        words = _("“%(title)s” is held back: nothing is planned with it until somebody says whether it is new.")
    else:
        return ""
    return words % {"title": item.title}


def _known(form: OutletsForm, items: Sequence[Item]) -> list[tuple[Item, list[Earlier]]]:
    """Each item that is known somewhere it may be sent to, with the last time for each place."""
    last: dict[tuple[int, tuple[int | None, int | None]], Earlier] = {}
    for each in form.known:
        last.setdefault((each.item_id, each.outlet), each)
    rows = [(item, [each for each in last.values() if each.item_id == item.pk]) for item in items]
    return [(item, places) for item, places in rows if places]


@staff("edit")
def plan(request: OwnRequest, item_id: int | None = None) -> HttpResponse:
    """Choose outlets for one item, or for those ticked in the list (?item=…); a press of the button makes the draft."""
    items = _chosen(request, item_id)
    if not items:
        return back_to_news(request, _("Choose at least one news item."))
    if refusals := [words for item in items if (words := refusal(item))]:
        messages.error(request, " ".join(refusals))
        return redirect("item", item_id) if item_id else redirect("news")
    form = OutletsForm(request.organisation, items, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            draft = start_draft(
                request.organisation,
                items,
                request.user,
                newsletter=form.chosen_newsletter(),
                accounts=form.chosen_accounts(),
            )
            return redirect("composer", draft.pk)
        except InputError as error:
            form.add_error(None, str(error))
    context = {
        "title": _("Plan a send-out"),
        "state": ngettext("From one news item.", "From %(number)s news items; the first one leads.", len(items))
        % {"number": len(items)},
        "items": items,
        "single": items[0] if item_id is not None else None,
        "form": form,
        "known": _known(form, items),
        "turns": turns_of(request.organisation, items),
        "nowhere": not form.newsletters and not form.channels,
    }
    return render(request, "web/news/plan.html", context, status=422 if form.errors else 200)


def _chosen(request: OwnRequest, item_id: int | None) -> list[Item]:
    """The items in the order in which they were ticked. Raises Http404 for one that is not the organisation's."""
    ticked = request.POST.getlist("item") if request.method == "POST" else request.GET.getlist("item")
    wanted = [item_id] if item_id is not None else [pk for text in ticked if (pk := id_in(text))]
    wanted = list(dict.fromkeys(wanted))[:MOST_ITEMS]
    rows = Item.objects.for_organisation(request.organisation).select_related("picture").in_bulk(wanted)
    if len(rows) != len(wanted):
        raise Http404
    return [rows[pk] for pk in wanted]
