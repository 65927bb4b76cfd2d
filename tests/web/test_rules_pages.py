"""Rules: made switched off, shown with what they would have made, automatic only by those who may approve."""

from __future__ import annotations

from datetime import time, timedelta

import pytest
from django.utils import timezone

from publisher.models import Account, Area, AuditEntry, Item, Newsletter, Organisation, Rule, Slot, Source, Topic, User
from publisher.rules.matching import apply_rules
from publisher.vocabulary import RuleMail, RuleMode, RuleTiming
from tests.web.office import reader_in, signed_in, source_of, words

pytestmark = pytest.mark.database

ADD = "/settings/rules/add"


@pytest.fixture
def given(newsletter: Newsletter, practice_account: Account) -> dict[str, object]:
    """A form filled in as most people would."""
    return {
        "name": "Alt nyt",
        "newsletter": newsletter.pk,
        "accounts": [practice_account.pk],
        "timing": RuleTiming.AT_ONCE,
        "mode": RuleMode.REVIEW,
        "daily_cap": 3,
        "max_age_hours": 72,
    }


@pytest.fixture
def rule(secretariat: Organisation, newsletter: Newsletter) -> Rule:
    """A rule that is on and makes drafts."""
    return Rule.objects.create(organisation=secretariat, name="Drafts", newsletter=newsletter)


@pytest.fixture
def automatic(secretariat: Organisation, newsletter: Newsletter) -> Rule:
    """A rule that publishes by itself, switched off."""
    return Rule.objects.create(
        organisation=secretariat, name="By itself", newsletter=newsletter, mode=RuleMode.AUTOMATIC, active=False
    )


def news(organisation: Organisation, number: int) -> None:
    for n in range(number):
        at = timezone.now() - timedelta(days=n, hours=1)
        Item.objects.create(organisation=organisation, title=f"Nyhed {n}", link_key=f"k/{n}", published_at=at)


def test_a_new_rule_is_off_and_shows_what_it_would_have_made(
    anna: User, secretariat: Organisation, given: dict[str, object]
) -> None:
    news(secretariat, 5)
    page = signed_in(anna).post(ADD, given, follow=True)
    rule = Rule.objects.get()
    assert not rule.active
    assert rule.organisation == secretariat
    assert "The rule is off" in words(page)
    assert "5 send-outs in 30 days." in words(page) and "Nyhed 4" in words(page)
    assert apply_rules(timezone.now()) == []
    assert AuditEntry.objects.get(action="rule_added").user == anna


@pytest.mark.parametrize(
    ("posts", "says"),
    [
        (False, "5 news items put into the issues of Kulturnyt in 30 days."),
        (True, "5 send-outs in 30 days, and their news items put into the issues of Kulturnyt."),
    ],
)
def test_what_goes_into_an_issue_is_no_send_out(
    anna: User, rule: Rule, secretariat: Organisation, practice_account: Account, posts: bool, says: str
) -> None:
    news(secretariat, 5)
    Rule.objects.update(mail_as=RuleMail.NEXT_ISSUE)
    if posts:
        rule.accounts.add(practice_account)
    for address in (f"/settings/rules/{rule.pk}", f"/settings/rules/{rule.pk}/made"):
        assert says in words(signed_in(anna).get(address))


def test_the_page_says_when_a_new_rule_asks(anna: User, rule: Rule) -> None:
    page = words(signed_in(anna).get(f"/settings/rules/{rule.pk}"))
    assert (
        "In its first week, and on the day it is switched on, it asks if a day brings more than 10 news items." in page
    )
    Rule.objects.update(daily_cap=20)
    assert "more than 60 news items." in words(signed_in(anna).get(f"/settings/rules/{rule.pk}"))


def test_sources_topics_and_areas_narrow_it(anna: User, secretariat: Organisation, source: Source, given: dict) -> None:
    topic = Topic.objects.create(organisation=secretariat, name="Musik", slug="musik")
    area = Area.objects.create(organisation=secretariat, name="Køge", slug="koege")
    news(secretariat, 3)
    Item.objects.get(title="Nyhed 1").topics.add(topic)
    given |= {"topics": [topic.pk]}
    page = words(signed_in(anna).post(ADD, given, follow=True))
    assert "1 send-out in 30 days." in page and "Nyhed 1" in page and "Nyhed 2" not in page
    rule = Rule.objects.get()
    signed_in(anna).post(f"/settings/rules/{rule.pk}/change", given | {"sources": [source.pk], "areas": [area.pk]})
    assert "Nothing: no item of the last 30 days fits." in words(signed_in(anna).get(f"/settings/rules/{rule.pk}"))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"newsletter": "", "accounts": []}, "__all__"),
        ({"timing": RuleTiming.AFTER_MINUTES}, "delay_minutes"),
        ({"timing": RuleTiming.AFTER_MINUTES, "delay_minutes": 99_999_999}, "delay_minutes"),
        ({"timing": RuleTiming.NEXT_SLOT}, "timing"),
        ({"timing": RuleTiming.NEXT_SLOT, "accounts": []}, "timing"),
        ({"timing": "whenever"}, "timing"),
        ({"daily_cap": 0}, "daily_cap"),
        ({"max_age_hours": 0}, "max_age_hours"),
        ({"max_age_hours": 8761}, "max_age_hours"),
        ({"mode": RuleMode.AUTOMATIC}, "mode"),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(anna: User, given: dict, change: dict, field: str) -> None:
    response = signed_in(anna).post(ADD, given | change)
    assert response.status_code == 422
    assert list(response.context["form"].errors) == [field]
    assert not Rule.objects.exists()


@pytest.mark.parametrize(
    ("hours", "says"), [(1, "than 1 hour."), (24, "than 24 hours."), (71, "than 71 hours."), (168, "than 7 days.")]
)
def test_the_oldest_is_said_in_days_where_they_are_whole(anna: User, given: dict, hours: int, says: str) -> None:
    signed_in(anna).post(ADD, given | {"max_age_hours": hours})
    assert f"nothing older {says}" in words(signed_in(anna).get("/settings/rules"))
    too_much = words(signed_in(anna).post(ADD, given | {"max_age_hours": 9000}))
    assert "Write at most 8760 hours: that is a year." in too_much


def test_without_a_channel_there_are_no_posting_times_to_miss(anna: User, given: dict) -> None:
    page = words(signed_in(anna).post(ADD, given | {"timing": RuleTiming.NEXT_SLOT, "accounts": []}))
    assert "Posting times belong to channels" in page and "None of the chosen channels" not in page


def test_the_next_posting_time_needs_posting_times(anna: User, practice_account: Account, given: dict) -> None:
    Slot.objects.create(account=practice_account, weekday=0, time=time(9))
    signed_in(anna).post(ADD, given | {"timing": RuleTiming.NEXT_SLOT})
    assert Rule.objects.get().timing == RuleTiming.NEXT_SLOT


def test_a_neighbours_rows_cannot_be_chosen(anna: User, elsewhere: Organisation, given: dict) -> None:
    account = Account.objects.create(organisation=elsewhere, kind="practice", name="Museets kanal")
    source = Source.objects.create(organisation=elsewhere, kind="feed", name="Museets nyheder")
    client = signed_in(anna)
    assert "Museets" not in words(client.get(ADD))
    response = client.post(ADD, given | {"accounts": [account.pk], "sources": [source.pk]})
    assert sorted(response.context["form"].errors) == ["accounts", "sources"]


def test_switching_on_and_off(anna: User, rule: Rule) -> None:
    client = signed_in(anna)
    at = f"/settings/rules/{rule.pk}"
    assert client.get(at + "/off").status_code == 405
    assert "is off" in words(client.post(at + "/off", follow=True))
    rule.refresh_from_db()
    assert not rule.active
    assert "is on" in words(client.post(at + "/on", follow=True))
    rule.refresh_from_db()
    assert rule.active
    assert list(AuditEntry.objects.values_list("action", flat=True)) == ["rule_off", "rule_on"]


def test_a_rule_that_lost_its_only_topic_says_why_it_stays_off(anna: User, rule: Rule) -> None:
    Rule.objects.filter(pk=rule.pk).update(active=False, lost=["topics"])
    rule.topics.clear()
    page = words(signed_in(anna).post(f"/settings/rules/{rule.pk}/on", follow=True))
    assert "Choose a topic for it first" in page and "is off" in page
    rule.refresh_from_db()
    assert not rule.active


def test_only_those_who_may_approve_let_a_rule_publish_by_itself(
    anna: User, bo: User, automatic: Rule, given: dict
) -> None:
    at = f"/settings/rules/{automatic.pk}"
    editor, approver = signed_in(anna), signed_in(bo)
    assert editor.post(at + "/on").status_code == 403
    page = words(editor.get(at))
    assert "Switch on" not in page and "A colleague who may approve has to switch it on." in page
    change = given | {"mode": RuleMode.AUTOMATIC}
    assert list(editor.post(at + "/change", change).context["form"].errors) == ["mode"]
    assert approver.post(at + "/change", change).status_code == 302
    approver.post(at + "/on")
    automatic.refresh_from_db()
    assert automatic.active and automatic.name == "Alt nyt"
    editor.post(at + "/off")
    automatic.refresh_from_db()
    assert not automatic.active, "stopping is for everybody who edits"


def test_a_rule_that_is_on_is_made_automatic_only_by_those_who_may_approve(
    anna: User, bo: User, rule: Rule, given: dict
) -> None:
    at, change = f"/settings/rules/{rule.pk}/change", given | {"mode": RuleMode.AUTOMATIC}
    refused = signed_in(anna).post(at, change)
    assert refused.status_code == 422
    assert "Only who may approve can let a rule publish by itself." in words(refused)
    rule.refresh_from_db()
    assert (rule.name, rule.mode, rule.active) == ("Drafts", RuleMode.REVIEW, True), "nothing of it was saved"
    assert not AuditEntry.objects.exists()
    signed_in(bo).post(at, change)
    rule.refresh_from_db()
    assert (rule.mode, rule.active) == (RuleMode.AUTOMATIC, True)
    assert AuditEntry.objects.get(action="rule_changed").user == bo


@pytest.mark.parametrize("language", ["en", "da"])
def test_the_list_says_each_rule_in_words(
    anna: User, secretariat: Organisation, rule: Rule, source: Source, language: str
) -> None:
    rule.sources.add(source)
    page = signed_in(anna, language).get("/settings/rules")
    assert f'<html lang="{language}">' in source_of(page)
    assert ("News from “Nyheder” becomes" if language == "en" else "Nyheder fra “Nyheder” bliver til") in words(page)
    assert f'hx-get="/settings/rules/{rule.pk}/made"' in source_of(page)
    part = signed_in(anna).get(f"/settings/rules/{rule.pk}/made")
    assert "<html" not in source_of(part)
    assert "Nothing" in words(part)


def test_the_list_asks_the_database_as_often_for_many_rules(
    anna: User, secretariat: Organisation, rule: Rule, source: Source, django_assert_num_queries
) -> None:
    topic = Topic.objects.create(organisation=secretariat, name="Musik", slug="musik")
    for number in range(5):
        other = Rule.objects.create(organisation=secretariat, name=f"Regel {number}", newsletter=rule.newsletter)
        other.sources.add(source)
        other.topics.add(topic)
    client = signed_in(anna)
    with django_assert_num_queries(11):
        client.get("/settings/rules")


def test_who_may_do_what(sven: User, secretariat: Organisation, rule: Rule, given: dict) -> None:
    reader, stranger = signed_in(reader_in(secretariat)), signed_in(sven)
    at = f"/settings/rules/{rule.pk}"
    assert reader.get(at).status_code == 200
    assert "<form" not in source_of(reader.get(at)).partition('id="main"')[2]
    assert reader.post(ADD, given).status_code == 403
    assert "Drafts" not in words(stranger.get("/settings/rules"))
    for path in ("", "/made", "/change"):
        assert stranger.get(at + path).status_code == 404
    for path in ("/change", "/on", "/off"):
        assert reader.post(at + path, given).status_code == 403
        assert stranger.post(at + path, given).status_code == 404
    rule.refresh_from_db()
    assert rule.active and rule.name == "Drafts"


# --- Words, pace, the next issue ---------------------------------------------------------------------------------


def test_everything_about_a_rule_is_kept_and_said_in_one_sentence(bo: User, given: dict, source: Source) -> None:
    topic = Topic.objects.create(organisation=source.organisation, name="Musik", slug="musik")
    given |= {
        "sources": [source.pk], "topics": [topic.pk], "words": "kor, Fælles sang\nkor", "without_words": "aflyst",
        "mail_as": RuleMail.NEXT_ISSUE, "mode": RuleMode.AUTOMATIC, "min_gap_minutes": 90,
        "quiet_from": "21:00", "quiet_until": "07.00", "quiet_weekends": "on", "quiet_holidays": "on",
    }  # fmt: skip
    client = signed_in(bo)
    page = words(client.post(ADD, given, follow=True))
    rule = Rule.objects.get()
    assert (rule.words, rule.without_words) == (["kor", "Fælles sang"], ["aflyst"])
    assert (rule.quiet_from, rule.quiet_until, rule.mail_as) == (time(21), time(7), RuleMail.NEXT_ISSUE)
    assert (
        "News from “Nyheder” about Musik with “kor” or “Fælles sang” without “aflyst” becomes a part of the next issue "
        "of Kulturnyt and a post on Prøvekanal (Practice channel); it "
        "goes out by itself, at once; a colleague approves the issue; at "
        "most 3 a day; at least 90 minutes apart; nothing between 21:00 and 07:00; nothing on Saturdays and Sundays or "
        "on public holidays; nothing older than 3 days." in page
    )
    form = client.get(f"/settings/rules/{rule.pk}/change")
    assert "kor, Fælles sang" in source_of(form) and 'value="21:00"' in source_of(form)
    client.post(f"/settings/rules/{rule.pk}/change", given | {"words": "", "quiet_from": "", "quiet_until": ""})
    rule.refresh_from_db()
    assert (rule.words, rule.quiet_from) == ([], None)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"quiet_from": "21:00"}, "quiet_until"),
        ({"quiet_until": "21:00"}, "quiet_from"),
        ({"quiet_from": "21:00", "quiet_until": "21:00"}, "quiet_until"),
        ({"quiet_from": "9", "quiet_until": "10:00"}, "quiet_from"),
        ({"min_gap_minutes": -1}, "min_gap_minutes"),
        ({"timing": RuleTiming.NEXT_SLOT, "quiet_from": "20:00", "quiet_until": "10:00"}, "timing"),
        ({"timing": RuleTiming.NEXT_SLOT, "quiet_from": "08:00", "quiet_until": "10:00"}, "timing"),
    ],
)
def test_a_pace_that_cannot_be_kept_is_refused(
    bo: User, practice_account: Account, given: dict, change: dict, field: str
) -> None:
    Slot.objects.create(account=practice_account, weekday=0, time=time(9))
    response = signed_in(bo).post(ADD, given | {"mode": RuleMode.AUTOMATIC} | change)
    assert response.status_code == 422 and list(response.context["form"].errors) == [field]


def test_what_waits_is_shown_looked_at_again_and_left_out(bo: User, automatic: Rule, given: dict) -> None:
    client, at = signed_in(bo), f"/settings/rules/{automatic.pk}"
    client.post(at + "/on")
    Rule.objects.update(min_gap_minutes=60, daily_cap=9)
    news(automatic.organisation, 3)
    apply_rules(timezone.now())
    page = words(client.get(at))
    assert "2 news items wait." in page and "What it did lately" in page
    assert "2 news items that wait are looked at again" in words(client.post(at + "/change", given, follow=True))
    assert "2 news items that waited for their turn are left out." in words(client.post(at + "/off", follow=True))
    assert "Left out: the rule was switched off" in words(client.get(at))


def test_a_rule_that_holds_itself_asks_and_is_let_go_on_or_switched_off(
    anna: User, bo: User, sven: User, automatic: Rule
) -> None:
    why = {"msgid": "The rule “%(rule)s” failed %(number)s times in a row. It holds until somebody has looked.",
           "params": {"rule": "By itself", "number": "3"}}  # fmt: skip
    Rule.objects.update(active=True, held_at=timezone.now(), held_why=why)
    at = f"/settings/rules/{automatic.pk}"
    page = signed_in(bo).get(at)
    assert "failed 3 times in a row" in words(page) and "Go on" in words(page) and "Waits for you" in words(page)
    assert "Go on" not in words(signed_in(anna).get(at)), "it publishes by itself"
    assert "By itself" in words(signed_in(bo).get("/"))
    assert signed_in(anna).post(at + "/go-on").status_code == 403
    assert signed_in(sven).post(at + "/go-on").status_code == 404
    assert "goes on" in words(signed_in(bo).post(at + "/go-on", follow=True))
    automatic.refresh_from_db()
    assert automatic.active and not automatic.held_at and automatic.held_why == {}
    Rule.objects.update(held_at=timezone.now(), held_why=why)
    signed_in(anna).post(at + "/off")
    automatic.refresh_from_db()
    assert not automatic.active and not automatic.held_at
    assert list(AuditEntry.objects.values_list("action", flat=True)) == ["rule_go_on", "rule_off"]
