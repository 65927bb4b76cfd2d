"""Where a news item stands: each view of the list, by what its send-outs have come to."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from publisher.items.select import recent
from publisher.items.withdrawing import restore, withdraw
from publisher.models import Account, Item, Newsletter, Organisation, User
from publisher.review import approval
from publisher.review.standing import VIEWS, Standing, numbers, standings, viewed
from publisher.vocabulary import DeliveryStatus, ItemState, Withdrawal
from tests.review.send_outs import begin, finish, freeze, hand_over, mail_of, post_of, send_out, soon
from tests.web.desk import more_items

pytestmark = pytest.mark.database


def views_of(item: Item) -> set[str]:
    """The views that show the item, besides “all”; the counts must say the same."""
    organisation = item.organisation
    rows = recent(organisation)
    shown = {view for view in VIEWS if viewed(rows, organisation, view).filter(pk=item.pk).exists()}
    assert numbers(rows, organisation) == {view: viewed(rows, organisation, view).count() for view in VIEWS}
    return shown - {"all"}


def words_of(item: Item) -> list[str]:
    fresh = Item.objects.get(pk=item.pk)
    return [str(word.value) for word in standings([fresh], item.organisation)[item.pk]]


def test_an_items_way_from_new_to_published(
    item: Item, newsletter: Newsletter, practice_account: Account, bo: User
) -> None:
    assert (views_of(item), words_of(item)) == ({"new"}, ["new"])
    campaign = send_out(item, newsletter, practice_account)
    assert (views_of(item), words_of(item)) == ({"planned"}, ["in_hand"])
    approval.approve(campaign, bo, scheduled_at=soon())
    assert (views_of(item), words_of(item)) == ({"planned"}, ["planned"])
    mail = mail_of(campaign)
    freeze(mail, 1)
    begin(mail)
    hand_over(mail, DeliveryStatus.SENT)
    finish(mail)
    assert (views_of(item), words_of(item)) == ({"planned", "published"}, ["published", "planned"]), "the post waits"
    post = post_of(campaign)
    begin(post)
    hand_over(post, DeliveryStatus.SENT)
    finish(post)
    assert (views_of(item), words_of(item)) == ({"published"}, ["published"])


def test_what_was_cancelled_or_could_not_be_sent_leaves_it_new(
    item: Item, newsletter: Newsletter, practice_account: Account, bo: User
) -> None:
    called_off = send_out(item, newsletter)
    approval.approve(called_off, bo, scheduled_at=soon())
    approval.cancel(called_off, bo)
    failed = send_out(item, None, practice_account)
    approval.approve(failed, bo, scheduled_at=soon())
    post = post_of(failed)
    begin(post)
    hand_over(post, DeliveryStatus.FAILED)
    finish(post)
    assert (views_of(item), words_of(item)) == ({"new"}, ["new"])


def test_withdrawn_stands_alone_and_can_be_brought_back(item: Item, newsletter: Newsletter, bo: User) -> None:
    send_out(item, newsletter)
    assert withdraw(item, Withdrawal.BY_HAND, bo) and not withdraw(item, Withdrawal.GONE, None)
    assert (views_of(item), words_of(item)) == ({"withdrawn"}, ["withdrawn"])
    assert Item.objects.get().withdrawn_why == Withdrawal.BY_HAND
    assert restore(item, bo) and not restore(item, bo)
    assert (views_of(item), words_of(item)) == ({"planned"}, ["in_hand"])


def test_held_and_older_have_views_of_their_own(item: Item, newsletter: Newsletter) -> None:
    Item.objects.update(state=ItemState.HELD)
    assert (views_of(item), words_of(item)) == ({"held"}, ["held"])
    Item.objects.update(state=ItemState.SEEN)
    assert (views_of(item), words_of(item)) == ({"older"}, ["seen"])
    send_out(Item.objects.get(), newsletter)
    assert (views_of(item), words_of(item)) == ({"planned"}, ["in_hand"])


def test_another_organisations_send_outs_count_for_nothing(
    item: Item, newsletter: Newsletter, elsewhere: Organisation
) -> None:
    send_out(item, newsletter)
    theirs = Item.objects.create(organisation=elsewhere, title="Deres", published_at=timezone.now())
    assert (views_of(theirs), words_of(theirs)) == ({"new"}, ["new"])


def test_any_number_of_items_asks_the_same_questions(item: Item, newsletter: Newsletter) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as questions:
            rows = list(viewed(recent(item.organisation), item.organisation, "all"))
            numbers(recent(item.organisation), item.organisation)
            standings(rows, item.organisation)
        return len(questions)

    before = asked()
    for each in more_items(item.organisation, 9):
        send_out(each, newsletter)
    assert asked() == before == 6


def test_every_standing_has_a_word_and_a_look() -> None:
    from publisher.templatetags.sendouts import STANDINGS

    assert set(STANDINGS) == set(Standing)
