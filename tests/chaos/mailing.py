"""The send-out that chaos and benchmarks send: a real item, composed, approved and due now, for many residents."""

from __future__ import annotations

from django.utils import timezone

from publisher.compose.drafts import create_campaign
from publisher.models import Item, Message
from publisher.review.approval import approve
from tests.audience_factory import own_newsletter, residents

BODY = "<p>Orkestret åbner dørene for alle. Læs <a href='https://kultur.example.org/om'>mere om øvelsen</a>.</p>" * 6


def send_out(recipients: int, *, name: str = "Kulturnyt") -> Message:
    """Make everything a newsletter needs, approve one issue for now, and answer its message."""
    newsletter = own_newsletter(name)
    organisation = newsletter.organisation
    residents(newsletter, recipients)
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
