"""People and the sending engine do anything in any order: nothing undeclared happens, and the receipt adds up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from publisher.errors import InputError, TransitionError
from publisher.life_cycles import check_transition
from publisher.models import Account, Campaign, Delivery, Item, Message, Newsletter, PostPart
from publisher.models.agreement import check_counts
from publisher.review import approval, control
from publisher.review.progress import progress
from publisher.track.receipts import campaign_receipt
from publisher.vocabulary import CampaignStatus, DeliveryStatus, MessageStatus, Outlet
from tests.review.send_outs import begin, finish, freeze, hand_over, mail_of, outcome, send_out

pytestmark = [pytest.mark.database, pytest.mark.one_database]

PEOPLE_TO_CAMPAIGN: list[Callable[[Campaign], object]] = [
    lambda campaign: approval.submit(campaign, None),
    lambda campaign: approval.approve(campaign, None, scheduled_at=timezone.now()),
    lambda campaign: approval.approve(campaign, None, scheduled_at=timezone.now() + timedelta(hours=2)),
    lambda campaign: approval.send_now(campaign, None),
    lambda campaign: approval.undo(campaign, None),
    lambda campaign: approval.to_draft(campaign, None),
    lambda campaign: approval.cancel(campaign, None),
]
PEOPLE_TO_MESSAGE: list[Callable[[Message], object]] = [
    lambda message: control.pause(message, None),
    lambda message: control.resume(message, None),
    lambda message: control.release(message, None),
    lambda message: control.cancel_message(message, None),
]
ENDED = [DeliveryStatus.SENT, DeliveryStatus.FAILED, DeliveryStatus.UNCERTAIN, DeliveryStatus.PENDING]


class Review(RuleBasedStateMachine):
    """One campaign with a mail and a post. `stale` is a page that somebody loaded earlier."""

    item: Item
    newsletter: Newsletter
    account: Account

    def __init__(self) -> None:
        super().__init__()
        self.undone_later = transaction.atomic()
        self.undone_later.__enter__()
        self.campaign = send_out(self.item, self.newsletter, self.account)
        self.stale = self.read()
        self.seen = self.look()
        self.published: set[int] = set()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.undone_later.__exit__(None, None, None)

    def read(self) -> Campaign:
        return Campaign.objects.select_related("organisation").get(pk=self.campaign.pk)

    def messages(self) -> list[Message]:
        return list(Message.objects.filter(campaign=self.campaign).order_by("pk"))

    def look(self) -> dict[tuple[str, int], str]:
        campaign = {("campaign", self.campaign.pk): self.read().status}
        return campaign | {("message", message.pk): message.status for message in self.messages()}

    def attempt(self, action: Callable[[], object]) -> None:
        """A refused action is fine and must have changed nothing."""
        before = self.look(), Delivery.objects.count(), PostPart.objects.count()
        try:
            with transaction.atomic():
                action()
        except (InputError, TransitionError):
            assert before == (self.look(), Delivery.objects.count(), PostPart.objects.count())

    @rule(action=st.sampled_from(PEOPLE_TO_CAMPAIGN), stale=st.booleans())
    def somebody_acts_on_the_campaign(self, action: Callable[[Campaign], object], stale: bool) -> None:
        page = self.stale if stale else self.read()
        self.attempt(lambda: action(page))

    @rule(action=st.sampled_from(PEOPLE_TO_MESSAGE), which=st.integers(0, 1))
    def somebody_acts_on_a_message(self, action: Callable[[Message], object], which: int) -> None:
        message = self.messages()[which]
        self.attempt(lambda: action(message))

    @rule(action=st.sampled_from(["resend", "sent", "failed"]), which=st.integers(0, 5))
    def somebody_decides(self, action: str, which: int) -> None:
        for delivery in Delivery.objects.order_by("pk")[which : which + 1]:
            self.attempt(partial(control.decide, delivery, None, action))

    @rule()
    def somebody_loads_a_page(self) -> None:
        self.stale = self.read()

    @rule(waiting=st.integers(0, 4), skipped=st.integers(0, 2))
    def the_audience_is_frozen(self, waiting: int, skipped: int) -> None:
        mail = mail_of(self.campaign)
        if mail.status == MessageStatus.SCHEDULED and mail.frozen_at is None:
            Delivery.objects.filter(message=mail).delete()
            mail.counts.all().delete()
            freeze(mail, waiting, skipped)

    @rule(which=st.integers(0, 1))
    def its_time_has_come(self, which: int) -> None:
        message = self.messages()[which]
        if message.frozen_at is not None:
            begin(message)

    @rule(which=st.integers(0, 1))
    def it_is_held(self, which: int) -> None:
        message = self.messages()[which]
        Message.objects.filter(pk=message.pk, status__in=("scheduled", "sending")).update(status=MessageStatus.HELD)

    @rule(which=st.integers(0, 1), ended=st.sampled_from(ENDED), number=st.integers(1, 3))
    def a_lane_works(self, which: int, ended: DeliveryStatus, number: int) -> None:
        message = self.messages()[which]
        if message.status == MessageStatus.SENDING:
            outcome(message, DeliveryStatus.SENDING, DeliveryStatus.PENDING, 99)
            hand_over(message, ended, number)
            outcome(message, DeliveryStatus.PENDING, DeliveryStatus.SENDING)
        self.published |= set(Delivery.objects.filter(status=DeliveryStatus.SENT).values_list("pk", flat=True))

    @rule(which=st.integers(0, 1))
    def it_finishes(self, which: int) -> None:
        message = self.messages()[which]
        if not Delivery.objects.filter(message=message, status__in=("pending", "sending")).exists():
            finish(message)

    @invariant()
    def nothing_undeclared_has_happened(self) -> None:
        now = self.look()
        for key, old in self.seen.items():
            cycle = CampaignStatus if key[0] == "campaign" else MessageStatus
            # An approval goes through review, and a cancelled campaign's drafts with it, in one step of a person.
            if old != now[key] and (old, now[key]) not in {("draft", "approved")}:
                check_transition(cycle, old, now[key])
        self.seen = now

    @invariant()
    def figures_and_rows_agree(self) -> None:
        for message in self.messages():
            if message.frozen_count is not None:
                assert check_counts(message) == []
        receipt = campaign_receipt(self.campaign)
        assert all(one.adds_up for one in receipt.messages if one.frozen_count is not None)

    @invariant()
    def a_post_has_one_delivery_and_one_part_from_approval_on(self) -> None:
        for message in self.messages():
            if message.outlet == Outlet.POST:
                wanted = 0 if message.frozen_at is None else 1
                assert Delivery.objects.filter(message=message).count() == wanted
                assert PostPart.objects.filter(delivery__message=message).count() == wanted

    @invariant()
    def what_was_sent_is_never_forgotten(self) -> None:
        assert set(Delivery.objects.filter(status=DeliveryStatus.SENT).values_list("pk", flat=True)) >= self.published

    @invariant()
    def there_is_a_word_for_it(self) -> None:
        assert progress(self.read())


def test_anything_in_any_order(item: Item, newsletter: Newsletter, practice_account: Account) -> None:
    Review.item, Review.newsletter, Review.account = item, newsletter, practice_account
    run_state_machine_as_test(Review, settings=settings(max_examples=25, stateful_step_count=25, deadline=None))
