"""“Ny nyhed: godkend?”: the mail that a rule has written, and the way from it to an approved send-out on a phone."""

from __future__ import annotations

import re

import pytest
from django.conf import settings
from django.utils import timezone

from publisher.deliver.notice import compose
from publisher.models import Account, Campaign, Newsletter, Notice, Organisation, Rule, User
from publisher.rules.matching import apply_rules
from publisher.rules.misfire import failing, hold
from publisher.vocabulary import CampaignStatus, NoticeKind, RuleMail
from tests.rules.news import news
from tests.web.office import signed_in, source_of, words

pytestmark = pytest.mark.database


@pytest.fixture
def rule(secretariat: Organisation, practice_account: Account, bo: User) -> Rule:
    rule = Rule.objects.create(organisation=secretariat, name="Alt nyt")
    rule.accounts.add(practice_account)
    return rule


def mail(kind: NoticeKind) -> tuple[str, str, str]:
    """Subject, text and the path of the link of the only notice of that kind."""
    message = compose(Notice.objects.select_related("user", "organisation").get(kind=kind))
    text = message.get_content()
    (link,) = re.findall(r"https?://\S+", text)
    assert link.startswith(settings.OPSLAG_BASE_URL)
    return str(message["Subject"]), text, link.removeprefix(settings.OPSLAG_BASE_URL)


def test_two_taps_from_the_mail_to_an_approved_post(rule: Rule, secretariat: Organisation, bo: User) -> None:
    """The link, and the one button of the page that it opens."""
    User.objects.update(language="da")
    news(secretariat, "Åben øvelse")
    apply_rules(timezone.now())
    subject, text, path = mail(NoticeKind.NEW_ITEM)
    assert subject == "Ny nyhed: godkend? “Åben øvelse”"
    assert "Reglen “Alt nyt” har lavet en kladde af “Åben øvelse”." in text
    phone = signed_in(bo)
    page = phone.get(path)
    assert page.status_code == 200 and "Made by the rule “Alt nyt”." in words(page)
    source = source_of(page)
    assert source.count('value="approve"') == 1
    given = dict(re.findall(r'<input type="hidden" name="(revision|promised)" value="([^"]*)"', source))
    assert phone.post(f"{path}/act", given | {"do": "approve"}).status_code == 302
    assert Campaign.objects.get().status == CampaignStatus.APPROVED
    assert "the rule “Alt nyt”" in words(phone.get("/sendouts")), "the list says which rule made it"


def test_an_issue_that_began_opens_where_it_is_written_and_approved(
    rule: Rule, secretariat: Organisation, newsletter: Newsletter, bo: User
) -> None:
    Rule.objects.update(newsletter=newsletter, mail_as=RuleMail.NEXT_ISSUE)
    rule.accounts.clear()
    news(secretariat, "Åben øvelse")
    apply_rules(timezone.now())
    subject, text, path = mail(NoticeKind.NEW_ITEM)
    assert "Åben øvelse" in subject and "Kulturnyt" in text
    page = signed_in(bo).get(path, follow=True)
    assert page.redirect_chain == [(f"{path}/edit", 302)] and 'value="approve"' in source_of(page)


def test_a_rule_that_holds_itself_says_where_to_decide(
    rule: Rule, secretariat: Organisation, elsewhere: Organisation, bo: User
) -> None:
    why = failing(rule)
    assert why is None
    for number in range(3):
        rule.matches.create(item=news(secretariat, f"Nyhed {number}"), outcome="failed")
    why = failing(rule)
    assert why is not None
    hold(rule, why, timezone.now())
    _subject, text, path = mail(NoticeKind.ALERT)
    assert path == f"/settings/rules/{rule.pk}" and "3" in text
    assert words(signed_in(bo).get(path)).count("Go on") == 1
