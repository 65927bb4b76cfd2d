"""Said when a channel is connected: whether its platform, if it fetches pictures from us, gets them at all."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest

from publisher.compose.public_pictures import check_reachable
from publisher.errors import OpslagError
from publisher.models import Account


def warn_where_unreachable(request: HttpRequest, account: Account) -> None:
    """The channel stays connected: our address may be mended later, and until then its posts say the same."""
    try:
        check_reachable(account)
    except OpslagError as error:
        messages.warning(request, f"{account}: {error}")
