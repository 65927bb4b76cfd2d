"""A rule's automatic send-out never stands still over the text that Opslag wrote."""

from __future__ import annotations

import pytest
from django.utils import timezone

from publisher.items.pictures import store_picture
from publisher.models import Account, Campaign, Organisation, Rule
from publisher.platforms import PLATFORMS
from publisher.rules.matching import apply_rules
from publisher.vocabulary import CampaignStatus, RuleMode
from tests.compose.conftest import picture_of
from tests.rules.news import news

pytestmark = pytest.mark.database


def test_long_news_goes_out_by_itself_on_every_channel(secretariat: Organisation) -> None:
    rule = Rule.objects.create(organisation=secretariat, name="Alt", mode=RuleMode.AUTOMATIC)
    for kind in PLATFORMS:
        values = {"utm_source": kind, "utm_medium": "social", "utm_campaign": "{title}"}
        rule.accounts.add(Account.objects.create(organisation=secretariat, kind=kind, name=kind, link_values=values))
    item = news(secretariat, "Kulturnatten vokser: " + "ni kommuner åbner dørene samme aften " * 5)
    alt = ("Et foto af en scene med et kor foran et fyldt torv. " * 19).strip()
    item.picture = store_picture(secretariat, picture_of(), alt=alt)
    item.lead = "Ni kommuner går sammen om kulturen de næste fire år. " * 40
    item.save()
    apply_rules(timezone.now())
    campaign = Campaign.objects.get(rule=rule)
    assert campaign.status == CampaignStatus.APPROVED
    assert campaign.messages.count() == len(PLATFORMS)
