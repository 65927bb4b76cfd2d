"""The sample installation: nine municipalities, their secretariat, a newsletter with readers, a channel, a rule.

Everything is found again by its short name, so that loading twice changes nothing.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from publisher.accounts.connect import connect_account
from publisher.audience.leave import suppress, unsubscribe
from publisher.audience.subscribe import subscribe_many
from publisher.models import (
    Account,
    Area,
    Campaign,
    ConsentText,
    Cooperation,
    Item,
    Membership,
    Newsletter,
    Organisation,
    PracticeChannel,
    Role,
    Rule,
    Source,
    Subscription,
    Topic,
    User,
)
from publisher.operate.sample_news import SAMPLES
from publisher.operate.sample_people import readers
from publisher.operate.slugs import slug_of
from publisher.vocabulary import RoleKind, RuleMode, RuleTiming, SuppressionReason

# So many get the newsletter; the others are blocked, or have left.
READERS = 200
BLOCKED = (SuppressionReason.BOUNCED, SuppressionReason.BOUNCED, SuppressionReason.COMPLAINED)
LEFT = 2
# Without letters that look like others.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_KEPT_AS = "sample-password"


@dataclass(frozen=True)
class SampleSet:
    """The rows that the sample send-out runs through."""

    organisation: Organisation
    newsletter: Newsletter


@cache
def _written() -> dict[str, Any]:
    return dict(json.loads((SAMPLES / "cooperation.json").read_text()))


def find() -> SampleSet | None:
    """The sample installation, if it was loaded."""
    organisation = Organisation.objects.filter(slug=_written()["secretariat"]["slug"]).first()
    newsletter = Newsletter.objects.filter(organisation=organisation, slug=_written()["newsletter"]["slug"]).first()
    return SampleSet(organisation, newsletter) if organisation and newsletter else None


def load() -> SampleSet | None:
    """Fill an empty installation; answers None, and changes nothing, where there are organisations of its own."""
    found = find()
    if found is None and not Organisation.objects.exists():
        with transaction.atomic():
            found = _fill()
    return found


def _fill() -> SampleSet:
    written = _written()
    secretariat = Organisation.objects.create(**written["secretariat"])
    cooperation = Cooperation.objects.create(**written["cooperation"])
    municipalities = [
        Organisation.objects.create(name=f"{name} Kommune", slug=slug_of(name)) for name in written["municipalities"]
    ]
    for member in (secretariat, *municipalities):
        Membership.objects.create(cooperation=cooperation, organisation=member)
    for name in written["municipalities"]:
        Area.objects.create(cooperation=cooperation, name=name, slug=slug_of(name))
    for name in written["topics"]:
        Topic.objects.create(cooperation=cooperation, name=name, slug=slug_of(name))
    _make_users(secretariat, municipalities)
    newsletter = Newsletter.objects.create(organisation=secretariat, cooperation=cooperation, **written["newsletter"])
    ConsentText.objects.create(newsletter=newsletter, language="da", text=written["consent_text"])
    _subscribe_readers(newsletter)
    return SampleSet(secretariat, newsletter)


def _subscribe_readers(newsletter: Newsletter) -> None:
    areas, topics = list(Area.objects.all()), list(Topic.objects.all())
    rows = list(readers(READERS + len(BLOCKED) + LEFT, areas, topics, timezone.now()))
    subscribe_many(newsletter, rows)
    blocked, left = rows[READERS : READERS + len(BLOCKED)], rows[READERS + len(BLOCKED) :]
    for row, reason in zip(blocked, BLOCKED, strict=True):
        suppress(newsletter.organisation, row.address, reason)
    for subscription in Subscription.objects.filter(subscriber__address__in=[row.address for row in left]):
        unsubscribe(subscription.token, source="samples")


def _make_users(secretariat: Organisation, municipalities: list[Organisation]) -> None:
    # Hashing takes its time on purpose; the three of them share one.
    password = make_password(sample_password())
    for person in _written()["users"]:
        user = User.objects.create(email=person["email"], password=password, name=person["name"])
        kind = RoleKind(person["role"])
        for organisation in (secretariat, *municipalities) if kind is RoleKind.OWNER else (secretariat,):
            Role.objects.create(user=user, organisation=organisation, kind=kind)


def sample_password() -> str:
    """The password of the sample users: made once, kept in OPSLAG_HOME/keys for this installation alone."""
    path = Path(settings.OPSLAG_HOME) / "keys" / _KEPT_AS
    if not path.exists():
        parts = ["".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4)]
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text("-".join(parts))
    return path.read_text().strip()


def administrator() -> User | None:
    """The sample user who may do everything."""
    owner = next(person for person in _written()["users"] if person["role"] == RoleKind.OWNER)
    return User.objects.filter(email=owner["email"]).first()


def begin(samples: SampleSet, feed_url: str) -> Rule:
    """Connect the channel, look at the feed and send what is new at once; answers the rule that does so.

    The web server must answer already: connecting a channel asks it who it is. Raises what connecting raises.
    """
    account = Account.objects.filter(organisation=samples.organisation, kind="practice").first()
    account = account or _connect_channel(samples.organisation)
    with transaction.atomic():
        source = _source(samples.organisation, feed_url)
        rule, _made = Rule.objects.get_or_create(
            organisation=samples.organisation,
            name=_written()["rule_name"],
            defaults={
                "newsletter": samples.newsletter,
                "timing": RuleTiming.AT_ONCE,
                "mode": RuleMode.AUTOMATIC,
                "daily_cap": 5,
            },
        )
        if _made:
            rule.sources.add(source)
            rule.accounts.add(account)
    return rule


def _connect_channel(organisation: Organisation) -> Account:
    """As any channel is connected: its server is asked who it is."""
    channel, _made = PracticeChannel.objects.get_or_create(
        organisation=organisation, slug=organisation.slug, defaults={"name": _written()["channel_name"]}
    )
    return connect_account(organisation, "practice", {"channel": channel.slug, "token": channel.token})


def _source(organisation: Organisation, feed_url: str) -> Source:
    """The feed; its port may have changed since the last run."""
    source, _made = Source.objects.get_or_create(
        organisation=organisation,
        kind="feed",
        name=_written()["feed_name"],
        defaults={"config": {"url": feed_url}, "next_poll_at": None},
    )
    if source.config.get("url") != feed_url:
        source.config = {**source.config, "url": feed_url}
        source.save(update_fields=["config"])
    return source


def source_of(rule: Rule) -> Source:
    """The sample feed as it stands in the database now."""
    return Source.objects.get(rules=rule, kind="feed", name=_written()["feed_name"])


def poll_now(source: Source) -> None:
    """Let the workers look at the source at the next tick."""
    Source.objects.filter(pk=source.pk).update(next_poll_at=timezone.now())


def latest_campaign(rule: Rule) -> Campaign | None:
    """What the rule made last."""
    return Campaign.objects.filter(rule=rule).order_by("-pk").first()


def items_of(rule: Rule) -> int:
    """How many stories of the sample feed are known."""
    return Item.objects.filter(sightings__source__rules=rule).distinct().count()
