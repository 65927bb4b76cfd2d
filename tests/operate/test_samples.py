"""The sample installation: complete, the same every time, and never mixed with anybody's own data."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from publisher import http
from publisher.access.roles import can
from publisher.models import (
    Account,
    Area,
    Membership,
    Newsletter,
    Organisation,
    Rule,
    Source,
    Subscriber,
    Subscription,
    Suppression,
    User,
)
from publisher.operate import samples
from publisher.vocabulary import AccountStatus, RuleMode, RuleTiming
from tests.contract.wire import Request, Response, answer, in_process

pytestmark = pytest.mark.database


def whole_state() -> dict[str, int]:
    kinds = (Area, Membership, Newsletter, Organisation, Subscriber, Subscription, Suppression, User)
    return {kind.__name__: kind.objects.count() for kind in kinds}


@pytest.fixture
def loaded(db: None) -> samples.SampleSet:
    found = samples.load()
    assert found
    return found


@pytest.fixture
def practice(settings: pytest.FixtureRequest) -> Iterator[None]:
    """The web server's side of the practice channel, as far as connecting needs it."""
    settings.OPSLAG_PRACTICE_URL = "https://opslag.test"

    def channel(request: Request) -> Response:
        slug = request.path.rpartition("/")[2]
        return answer({"id": "1", "name": slug, "handle": f"@{slug}", "url": f"https://opslag.test/practice/{slug}"})

    with http.use_transport(in_process(channel)):
        yield


def test_it_holds_the_nine_municipalities_and_their_secretariat(loaded: samples.SampleSet) -> None:
    assert set(Area.objects.values_list("name", flat=True)) == {
        "Albertslund", "Furesø", "Halsnæs", "Helsingør", "Herlev", "Ishøj", "Køge", "Roskilde", "Rødovre",
    }  # fmt: skip
    assert Area.objects.get(name="Køge").slug == "koege"
    assert Membership.objects.count() == 10
    assert loaded.newsletter.organisation == loaded.organisation
    assert loaded.organisation.postal_line


def test_two_hundred_readers_get_the_newsletter(loaded: samples.SampleSet) -> None:
    active = Subscription.objects.filter(confirmed_at__isnull=False, unsubscribed_at__isnull=True)
    blocked = Suppression.objects.values_list("address_key", flat=True)
    assert active.exclude(subscriber__address_key__in=blocked).count() == samples.READERS
    assert active.count() == samples.READERS + len(samples.BLOCKED)
    assert Subscription.objects.count() == active.count() + samples.LEFT


def test_readers_are_invented_people_at_example_addresses(loaded: samples.SampleSet) -> None:
    for domain in Subscriber.objects.values_list("domain", flat=True).distinct():
        assert domain.endswith((".example.org", ".example.com", ".example.net"))
    assert Subscription.objects.filter(areas=None).exists()
    assert Subscription.objects.filter(areas__isnull=False, topics__isnull=False).exists()


def test_loading_again_changes_nothing(loaded: samples.SampleSet) -> None:
    before = whole_state()
    assert samples.load() == loaded
    assert whole_state() == before


def test_an_installation_with_data_of_its_own_is_left_alone(elsewhere: Organisation) -> None:
    assert samples.load() is None
    assert Organisation.objects.count() == 1


def test_its_users_sign_in_with_a_password_made_for_this_installation(
    loaded: samples.SampleSet, settings: pytest.FixtureRequest
) -> None:
    kept = Path(settings.OPSLAG_HOME) / "keys" / "sample-password"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert len(samples.sample_password()) >= 16
    owner = samples.administrator()
    assert owner and owner.check_password(samples.sample_password())
    assert can(owner, "manage", loaded.organisation)


def test_beginning_connects_channel_feed_and_rule_once(loaded: samples.SampleSet, practice: None) -> None:
    rule = samples.begin(loaded, "http://127.0.0.1:8010/feed.xml")
    assert (rule.mode, rule.timing, rule.delay_minutes) == (RuleMode.AUTOMATIC, RuleTiming.AT_ONCE, 0)
    assert rule.newsletter == loaded.newsletter
    account = rule.accounts.get()
    assert account.kind == "practice"
    assert account.status == AccountStatus.CONNECTED
    assert samples.latest_campaign(rule) is None
    assert samples.begin(loaded, "http://127.0.0.1:8010/feed.xml") == rule
    assert (Account.objects.count(), Source.objects.count(), Rule.objects.count()) == (1, 1, 1)


def test_a_feed_that_moved_to_another_port_is_followed(loaded: samples.SampleSet, practice: None) -> None:
    samples.begin(loaded, "http://127.0.0.1:8010/feed.xml")
    rule = samples.begin(loaded, "http://127.0.0.1:8011/feed.xml")
    assert samples.source_of(rule).config["url"] == "http://127.0.0.1:8011/feed.xml"


def test_asking_for_a_look_makes_the_source_due(loaded: samples.SampleSet, practice: None) -> None:
    rule = samples.begin(loaded, "http://127.0.0.1:8010/feed.xml")
    Source.objects.update(next_poll_at=timezone.now() + timedelta(hours=1))
    samples.poll_now(samples.source_of(rule))
    due = samples.source_of(rule).next_poll_at
    assert due and due <= timezone.now()
