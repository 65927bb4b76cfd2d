"""The tick's probe: whatever a step's own look would find, the probe says so; and nothing is run where it says no."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings as django_settings
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from publisher.accounts import renewal as access
from publisher.deliver import finish, lane, notice, operations, post, post_trouble, reconcile, recover
from publisher.items import polling
from publisher.models import (
    Account,
    Campaign,
    CampaignItem,
    Claim,
    Delivery,
    DeliveryCount,
    Event,
    InboundMail,
    Item,
    Message,
    Newsletter,
    Notice,
    Operation,
    Organisation,
    PostPart,
    Rule,
    RuleLook,
    RuleMatch,
    Source,
)
from publisher.models.line import LINE_BEGINS
from publisher.models.probe import Instant, Probe
from publisher.review import asking, corrections, renewal, settling, withdraw
from publisher.rules import matching
from publisher.schedule import dispatch, healed
from publisher.track import breaker, events
from publisher.track.inbound import forwarding
from publisher.vocabulary import (
    DeliveryStatus,
    InboundStatus,
    ItemState,
    MessageStatus,
    OperationKind,
    OperationStatus,
    PartStep,
    SourceStatus,
)
from tasks import tick
from tests.audience_factory import mail

pytestmark = pytest.mark.database

# What each step's own look finds, or does, when it is run: anything true is work.
LOOKS: dict[str, Callable[[datetime], object]] = {
    "start": dispatch.to_start,
    "start_posts": lambda now: dispatch.posts_to_start(now) or dispatch.next_post_at(now),
    "freeze": dispatch.to_freeze,
    "prepare_posts": post.to_prepare,
    "recover": recover.anything_to_recover,
    "lane": lane.wanted,
    "publish": post.to_publish,
    "reconcile": reconcile.to_reconcile,
    "notices": notice.due_notices,
    "withdrawn": dispatch.hold_withdrawn,
    "healed": healed.release_held,
    "delays": post_trouble.tell_of_delays,
    "changed": renewal.untold,
    "rules": lambda now: _met_after(now),
    "corrections": lambda now: _looked_at_after(now),
    "collect": polling.due_sources,
    "dead_posts": post.give_up_dead_claims,
    "dead_notices": notice.give_up_dead_notices,
    "cancel": withdraw.cancel_leftovers,
    "reopen": finish.reopen_leftovers,
    "finish": lambda _now: finish.to_finish(),
    "breaker": breaker.look_again,
    "confirm": reconcile.to_confirm,
    "lost_claims": recover.give_up_lost_claims,
    "apply": events.anything_waits,
    "by_policy": settling.resend_by_policy,
    "forward": forwarding.due_forwards,
    "renew": access.to_renew,
    "late": asking.take_down_late,
    "operations": operations.to_carry_out,
}

Row = tuple[type[Any], dict[str, object], dict[str, object]]
MAIL, POST = {"outlet": "email"}, {"outlet": "post"}
OF_MAIL, OF_POST = {"message__outlet": "email"}, {"message__outlet": "post"}
AGO, AHEAD = timedelta(seconds=-2), timedelta(seconds=2)

# The least that gives each step work: which rows, with what in them; a timedelta is a time from now.
WORK: dict[str, list[Row]] = {
    "start": [(Message, MAIL, {"status": "scheduled", "scheduled_at": AGO, "frozen_at": AGO})],
    "start_posts": [(Message, POST, {"status": "scheduled", "scheduled_at": timedelta(seconds=1), "frozen_at": AGO})],
    "freeze": [(Message, MAIL, {"status": "scheduled", "scheduled_at": timedelta(minutes=9), "lease_until": AGO})],
    "prepare_posts": [
        (Message, POST, {"status": "scheduled", "scheduled_at": timedelta(minutes=9)}),
        (Delivery, OF_POST, {"status": "pending", "due_at": timedelta(minutes=9)}),
        (PostPart, {}, {"step": "waiting"}),
    ],
    "recover": [(Claim, OF_MAIL, {"lease_until": timedelta(seconds=54)})],
    "lane": [(Message, MAIL, {"status": "sending"}), (Delivery, OF_MAIL, {"status": "pending", "due_at": AGO})],
    "publish": [(Message, POST, {"status": "sending"}), (Delivery, OF_POST, {"status": "pending", "due_at": AGO})],
    "reconcile": [(Delivery, OF_POST, {"status": "uncertain", "due_at": AGO})],
    "notices": [(Notice, {}, {"status": "pending", "due_at": AGO})],
    "withdrawn": [(Message, POST, {"status": "scheduled"}), (Item, {}, {"withdrawn_at": AGO})],
    "healed": [
        (Message, POST, {"status": "held", "hold_reason": "account_broken", "scheduled_at": timedelta(minutes=-119)})
    ],
    "delays": [
        (Account, {}, {"blocked_until": timedelta(minutes=29)}),
        (Message, POST, {"status": "sending", "scheduled_at": timedelta(minutes=-2)}),
        (Delivery, OF_POST, {"status": "pending", "due_at": AGO}),
    ],
    "changed": [
        (Campaign, {"title": "Opslag"}, {"status": "approved"}),
        (Message, POST, {"status": "scheduled"}),
        (Item, {}, {"revision": 2}),
    ],
    "rules": [(Item, {}, {"state": "new", "published_at": timedelta(hours=-71)})],
    "corrections": [(Item, {}, {"event_changed_at": AGO})],
    "collect": [(Source, {}, {"status": "active", "next_poll_at": AGO})],
    "dead_posts": [
        (Claim, OF_POST, {"lease_until": AGO}),
        (Delivery, OF_POST, {"status": "sending"}),
    ],
    "dead_notices": [(Notice, {}, {"status": "sending", "lease_until": AGO})],
    "cancel": [
        (Message, MAIL, {"status": "cancelled", "started_at": AGO}),
        (Delivery, OF_MAIL, {"status": "pending"}),
    ],
    "reopen": [(Message, MAIL, {"status": "finished", "finished_at": AGO}), (Delivery, OF_MAIL, {"status": "pending"})],
    "finish": [(Message, MAIL, {"status": "sending"})],
    "breaker": [
        (Message, MAIL, {"status": "sending", "started_at": timedelta(hours=-1)}),
        (DeliveryCount, {}, {"count": 250}),
        (Event, {}, {"bounce": "our_fault", "detail": {"status": "5.7.1"}}),
    ],
    "confirm": [
        (Delivery, OF_POST, {"status": "sent", "due_at": AGO}),
        (PostPart, {}, {"step": "committed", "published_at": AGO, "remote_id": "1"}),
    ],
    "lost_claims": [(Claim, OF_MAIL, {"lease_until": AGO}), (Delivery, OF_MAIL, {"status": "pending"})],
    "apply": [(Event, {}, {"applied_at": None, "due_at": AGO})],
    "by_policy": [
        (Organisation, {}, {"uncertain_policy": "resend"}),
        (Message, MAIL, {"status": "finished", "started_at": timedelta(hours=-2)}),
        (Delivery, OF_MAIL, {"status": "uncertain", "first_started_at": timedelta(hours=-1)}),
    ],
    "forward": [(InboundMail, {}, {"status": "forward", "due_at": AGO})],
    "renew": [(Account, {}, {"renew_at": AGO})],
    "late": [
        (Message, POST, {"withdrawn_at": timedelta(seconds=-1)}),
        (Operation, {}, {"kind": "edit", "status": "done"}),
        (PostPart, {}, {"step": "committed", "published_at": AGO, "remote_id": "1"}),
    ],
    "operations": [(Operation, {}, {"status": "pending", "due_at": AGO})],
}


def _met_after(now: datetime) -> bool:
    before = (RuleMatch.objects.count(), RuleLook.objects.count())
    matching.apply_rules(now)
    return (RuleMatch.objects.count(), RuleLook.objects.count()) > before


def _looked_at_after(now: datetime) -> bool:
    before = corrections.changed(now).count()
    corrections.prepare_corrections(now)
    return corrections.changed(now).count() < before


@pytest.fixture
def rows(newsletter: Newsletter, practice_account: Account, source: Source, item: Item) -> datetime:
    """One row of each kind, none of which gives anybody work; answers what is "now"."""
    now, organisation = timezone.now(), newsletter.organisation
    posted = Message.objects.create(
        campaign=Campaign.objects.create(organisation=organisation, title="Opslag"), outlet="post",
        account=practice_account, text="Åben øvelse", status="draft",
    )  # fmt: skip
    CampaignItem.objects.create(campaign=posted.campaign, item=item)
    mailed = mail(newsletter)
    Message.objects.update(status="draft", scheduled_at=None, frozen_at=None, lease_until=None)
    far = now + timedelta(days=9)
    for message in (posted, mailed):
        row = {"account": practice_account} if message == posted else {}
        claim_id = uuid4()
        Delivery.objects.create(message=message, status="sent", due_at=now, claim_id=claim_id, **row)
        host = django_settings.OPSLAG_HOST
        Claim.objects.create(pk=claim_id, run_id=uuid4(), message=message, host=host, journal="x", lease_until=far)
    stretch = {"after_due_at": LINE_BEGINS, "after_id": 0, "last_due_at": far, "last_id": 0}
    Claim.objects.filter(message=mailed).update(**stretch)
    delivery = Delivery.objects.get(message=posted)
    part = PostPart.objects.create(delivery=delivery, step="confirmed", key="k", text="Åben øvelse")
    Operation.objects.create(part=part, kind="delete", status="done", due_at=now)
    Notice.objects.create(organisation=organisation, kind="alert", address="a@example.org", status="sent", due_at=now)
    Source.objects.update(status="paused")
    rule = Rule.objects.create(organisation=organisation, name="Alt", newsletter=newsletter)
    assert rule.max_age_hours == 72
    Item.objects.update(state="used", organisation=organisation)
    returned = Delivery.objects.get(message=mailed)
    Event.objects.create(source="esp", event_id="1", kind="bounced", at=now, applied_at=now, delivery=returned)
    DeliveryCount.objects.create(message=mailed, status="sent", count=0)
    InboundMail.objects.create(digest="d", raw=b"", status="done")
    return now


def put(changes: list[Row], now: datetime) -> None:
    """Change the rows."""
    for model, which, values in changes:
        timed = {name: now + value if isinstance(value, timedelta) else value for name, value in values.items()}
        if model is Delivery and values["status"] == "pending":
            # What waits is in nobody's hands.
            timed["claim_id"] = None
        assert model.objects.filter(**which).update(**timed)


def probe() -> Probe:
    return tick.ALL.probe


def answers(look: Callable[[datetime], object], now: datetime) -> bool:
    """Whether there is work; what was done is undone."""
    with transaction.atomic():
        found = bool(look(now))
        transaction.set_rollback(True)
    return found


def test_every_step_is_tried_here() -> None:
    named = {step.name for step in tick.ALL.steps}
    unasked = {step.name for step in tick.ALL.steps if step.may_have_work is None}
    assert len(named) == len(tick.ALL.steps) and unasked == {"mailbox"}
    assert named - unasked == set(LOOKS) == set(WORK)


def test_rows_without_work_wake_nobody(rows: datetime) -> None:
    assert probe().ask(rows) == set()
    assert [name for name, look in LOOKS.items() if answers(look, rows)] == []


@pytest.mark.parametrize("name", sorted(WORK))
def test_each_step_is_asked_for_when_it_has_work(name: str, rows: datetime) -> None:
    put(WORK[name], rows)
    assert answers(LOOKS[name], rows) and name in probe().ask(rows)


EDGES = [timedelta(seconds=s) for s in (0, -5, 54, 55, 56, 600, 1800, -1800, -3600, -86400, 72 * -3600, 10**6)]
TIMES = st.builds(lambda edge, us: edge + timedelta(microseconds=us), st.sampled_from(EDGES), st.integers(-1, 1))
MAYBE = st.none() | TIMES


def some(model: type[Any], which: dict[str, object], **values: st.SearchStrategy[object]) -> st.SearchStrategy[Row]:
    return st.tuples(st.just(model), st.just(which), st.fixed_dictionaries(values))


MESSAGES: dict[str, st.SearchStrategy[Any]] = {
    "status": st.sampled_from(MessageStatus.values), "scheduled_at": MAYBE, "frozen_at": MAYBE, "lease_until": MAYBE,
    "wave_until": MAYBE, "started_at": MAYBE, "finished_at": MAYBE,
}  # fmt: skip
DELIVERIES: dict[str, st.SearchStrategy[Any]] = {
    "status": st.sampled_from(DeliveryStatus.values), "due_at": TIMES, "strikes": st.integers(0, 7),
    "attempts": st.integers(0, 2), "first_started_at": MAYBE,
}  # fmt: skip
# A mail in hand does not say so itself.
OF_A_MAIL = [each for each in DeliveryStatus.values if each != DeliveryStatus.SENDING]
STATES = st.tuples(
    some(Message, MAIL, **MESSAGES, claimed_due_at=TIMES),
    some(Message, POST, **MESSAGES, withdrawn_at=MAYBE),
    some(Delivery, OF_MAIL, **DELIVERIES | {"status": st.sampled_from(OF_A_MAIL)}),
    some(Delivery, OF_POST, **DELIVERIES),
    some(Claim, OF_MAIL, lease_until=TIMES),
    some(Claim, OF_POST, lease_until=TIMES),
    some(PostPart, {}, step=st.sampled_from(PartStep.values), published_at=MAYBE, remote_id=st.sampled_from(["", "1"])),
    some(
        Operation,
        {},
        status=st.sampled_from(OperationStatus.values),
        due_at=TIMES,
        lease_until=MAYBE,
        kind=st.sampled_from(OperationKind.values),
    ),
    some(Notice, {}, status=st.sampled_from(DeliveryStatus.values), due_at=TIMES, lease_until=MAYBE),
    some(Source, {}, status=st.sampled_from(SourceStatus.values), next_poll_at=MAYBE, lease_until=MAYBE),
    some(Item, {}, state=st.sampled_from(ItemState.values), published_at=MAYBE, first_seen_at=TIMES),
    some(Rule, {}, active=st.booleans(), max_age_hours=st.sampled_from([1, 72]), words=st.sampled_from([[], ["x"]])),
    some(Event, {}, applied_at=MAYBE, due_at=MAYBE),
    some(InboundMail, {}, status=st.sampled_from(InboundStatus.values), due_at=TIMES, lease_until=MAYBE),
    some(Organisation, {}, uncertain_policy=st.sampled_from(["leave", "resend"])),
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(state=STATES)
def test_the_probe_misses_nothing_in_any_state(rows: datetime, state: tuple[Row, ...]) -> None:
    with transaction.atomic():
        put(list(state), rows)
        said = probe().ask(rows)
        for step in tick.ALL.steps:
            if step.may_have_work is not None:
                is_any = step.may_have_work(rows).exists()
                assert is_any == (step.name in said), f"{step.name}: compiled once, it answers something else"
        found = {name for name, look in LOOKS.items() if answers(look, rows)}
        transaction.set_rollback(True)
    assert found <= said


def test_an_idle_tick_asks_one_thing_of_the_database(rows: datetime) -> None:
    tick.ALL(rows)
    with CaptureQueriesContext(connection) as queries:
        tick.ALL(rows)
        tick.PROMPT(rows)
    assert len(queries) == 2


def test_what_may_wait_is_looked_at_again_soon_and_not_each_time(
    rows: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    tick.every_second()
    began_s, asked_of_all = time.monotonic() + 100.0, []
    for second in (0.0, 1.0, 2.01, 2.99, 4.0, 4.01, 7.0):
        with monkeypatch.context() as clock, CaptureQueriesContext(connection) as queries:
            clock.setattr(tick.time, "monotonic", lambda at_s=began_s + second: at_s)
            tick.every_second()
        # Sources are among what may wait.
        asked_of_all.append("publisher_source" in queries[0]["sql"])
    assert asked_of_all == [True, False, True, False, True, False, True]


def test_values_that_are_written_into_the_statement_cannot_break_it(rows: datetime) -> None:
    odd = "100 % it's %s"
    Campaign.objects.filter(messages__outlet="post").update(title=odd)
    both = {
        "odd": lambda _now: Campaign.objects.filter(title=odd),
        "other": lambda _now: Campaign.objects.filter(title=odd[1:]),
    }
    assert Probe(both).ask(rows) == {"odd"}
    with pytest.raises(TypeError):
        Probe({"bytes": lambda _now: InboundMail.objects.filter(raw=b"x")}).ask(rows)
    assert (Instant() + AHEAD - AGO).after == timedelta(seconds=4)
