"""Said when a channel is connected or checked: whether its platform gets our pictures, if it fetches them from us."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest

from publisher.compose.public_pictures import check_reachable
from publisher.errors import OpslagError
from publisher.models import Account


def warn_where_unreachable(request: HttpRequest, account: Account) -> bool:
    """Whether it does. The channel stays connected: our address may be mended later, and until then posts say so."""
    try:
        check_reachable(account)
    except OpslagError as error:
        messages.warning(request, f"{account}: {error}")
        return False
    return True
