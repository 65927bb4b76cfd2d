"""Withdrawing a news item by hand, and taking that back."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from publisher.items.withdrawing import restore, withdraw
from publisher.models import Item
from publisher.vocabulary import Withdrawal
from publisher.web.staff import OwnRequest, own, staff


@staff("edit")
@require_POST
def item_withdraw(request: OwnRequest, item_id: int) -> HttpResponse:
    """It is no news any more: no rule takes it, and what waits to be sent with it is held."""
    item = own(Item.objects.for_organisation(request.organisation), item_id)
    if withdraw(item, Withdrawal.BY_HAND, request.user):
        messages.success(
            request,
            _("“%(title)s” is withdrawn. Send-outs that use it wait until somebody decides.") % {"title": item.title},
        )
    return redirect("item", item.pk)


@staff("edit")
@require_POST
def item_restore(request: OwnRequest, item_id: int) -> HttpResponse:
    """It is news again."""
    item = own(Item.objects.for_organisation(request.organisation), item_id)
    if restore(item, request.user):
        messages.success(request, _("“%(title)s” is news again.") % {"title": item.title})
    return redirect("item", item.pk)
