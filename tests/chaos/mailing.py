"""The send-out that chaos and benchmarks send: a real item, composed, approved and due now, for many residents."""

from __future__ import annotations

from importlib import import_module

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.utils import timezone

from publisher.compose.drafts import create_campaign
from publisher.models import Item, Message, Role, User
from publisher.review.approval import approve
from publisher.vocabulary import RoleKind
from tests.audience_factory import own_newsletter
from tests.bench.crowd import crowd

BODY = "<p>Orkestret åbner dørene for alle. Læs <a href='https://kultur.example.org/om'>mere om øvelsen</a>.</p>" * 6


def send_out(recipients: int, *, name: str = "Kulturnyt") -> Message:
    """Make everything a newsletter needs, approve one issue for now, and answer its message."""
    newsletter = own_newsletter(name)
    organisation = newsletter.organisation
    crowd(newsletter, recipients)
    item = Item.objects.create(
        organisation=organisation,
        title="Åben øvelse på Ærø: kom & hør",
        lead="Orkestret åbner dørene. Alle er velkomne.",
        body_html=BODY,
        body_text="Orkestret åbner dørene for alle.",
        link="https://kultur.example.org/nyheder/oevelse",
    )
    campaign = create_campaign(organisation, [item], newsletter=newsletter)
    approve(campaign, None, scheduled_at=timezone.now())
    return Message.objects.get(campaign=campaign)


def staff_cookie(message: Message) -> str:
    """The cookie of somebody of the staff who has signed in and may see the send-out."""
    user = User.objects.create_user("olga@kultur.example.org", name="Olga")
    Role.objects.create(user=user, organisation=message.campaign.organisation, kind=RoleKind.OWNER)
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[-1]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"
