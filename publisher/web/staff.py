"""What all staff views share: who may come in, how a refused action is said, one row of one's own organisation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django_htmx.middleware import HtmxDetails

from publisher.access.roles import can, require
from publisher.errors import InputError, TransitionError
from publisher.models import Campaign, Message, Organisation, Role
from publisher.models.scoped import Row, ScopedQuerySet
from publisher.review.moves import CHANGED_MEANWHILE
from publisher.web.middleware import StaffRequest

P = ParamSpec("P")


class OwnRequest(StaffRequest):
    """A request by somebody who works in `organisation`."""

    role: Role
    organisation: Organisation
    htmx: HtmxDetails


StaffView = Callable[Concatenate[OwnRequest, P], HttpResponse]


def staff(action: str = "view") -> Callable[[StaffView[P]], Callable[Concatenate[HttpRequest, P], HttpResponse]]:
    """Let in only who may do `action` (see access.roles) in the organisation they work in; others get the 403 page."""

    def decorate(view: StaffView[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            mine = cast("OwnRequest", request)
            if cast("StaffRequest", request).organisation is None:
                raise PermissionDenied
            require(mine.user, action, mine.organisation)
            return view(mine, *args, **kwargs)

        return guarded

    return decorate


def may(request: OwnRequest, action: str) -> bool:
    """Whether the user may do `action` where they work now."""
    return can(request.user, action, request.organisation)


def own(rows: ScopedQuerySet[Row], pk: int) -> Row:
    """The row `pk` of rows that are already the organisation's own; Http404 if there is none."""
    row = rows.filter(pk=pk).first()
    if row is None:
        raise Http404
    return row


def id_in(text: str) -> int:
    """The id that a form or an address names; 0, which no row has, if it names none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def way_back(request: HttpRequest, otherwise: str) -> str:
    """Where the page with the pressed button is (the field “next”), if it is one of ours."""
    onward = request.POST.get("next", "")
    ours = url_has_allowed_host_and_scheme(onward, {request.get_host()}, require_https=request.is_secure())
    return onward if ours else otherwise


def own_campaign(request: OwnRequest, campaign_id: int) -> Campaign:
    """A campaign of the organisation, with what its pages need. Raises Http404."""
    campaigns = Campaign.objects.for_organisation(request.organisation)
    return own(campaigns.select_related("organisation", "rule", "created_by", "approved_by"), campaign_id)


def own_message(request: OwnRequest, campaign_id: int, message_id: int) -> Message:
    """A message of a campaign of the organisation. Raises Http404."""
    found = Message.objects.for_organisation(request.organisation).filter(campaign=campaign_id)
    return own(found.select_related("campaign__organisation", "newsletter__organisation", "account"), message_id)


@contextmanager
def refusals_said(request: OwnRequest) -> Iterator[None]:
    """Say a refused action in words on the next page instead of failing; what was refused changed nothing."""
    try:
        yield
    except TransitionError:
        # The page showed a button that no longer fits: somebody or the sending engine was faster.
        messages.error(request, gettext(CHANGED_MEANWHILE))
    except InputError as error:
        messages.error(request, str(error))
