"""What comes after: recovery, finishing, reading back, heartbeats."""

from celery import shared_task
from django.utils import timezone

from publisher.deliver import finish, notice, post, reconcile, recover
from publisher.operate.heartbeat import beat
from publisher.review.settling import resend_by_policy
from publisher.review.withdraw import cancel_leftovers
from publisher.track.counters import check_recent
from publisher.track.events import apply_waiting
from publisher.track.inbound import forwarding, mailbox
from publisher.vocabulary import Queue
from tasks.celery import wake


@shared_task
def tick() -> None:
    """Give dead claims their outcome, finish what is done, read back what was published."""
    now = timezone.now()
    post.give_up_dead_claims(now)
    notice.give_up_dead_notices(now)
    cancel_leftovers()
    finish.reopen_leftovers(now)
    for message_id in finish.to_finish():
        finish.finish(message_id, now)
    for part_id in reconcile.to_confirm(now):
        wake(confirm_post, part_id, queue=Queue.SOCIAL)
    recover.give_up_lost_claims(now)
    apply_waiting(now)
    resend_by_policy(now)
    if mailbox.is_due(now):
        wake(look_into_mailbox, queue=Queue.TRACK)
    for mail_id in forwarding.due_forwards(now):
        wake(forward_reply, mail_id, queue=Queue.TRACK)


@shared_task
def look_into_mailbox() -> None:
    """Fetch what came back."""
    mailbox.look_into(timezone.now())


@shared_task
def forward_reply(mail_id: int) -> None:
    """Send one reply on to its newsletter's office."""
    forwarding.forward(mail_id)


@shared_task
def check_counts() -> None:
    """Compare the live figures with the rows."""
    check_recent(timezone.now())


@shared_task
def confirm_post(part_id: int) -> None:
    """Read one published part back."""
    reconcile.confirm(part_id)


@shared_task
def heartbeat(queue: str) -> None:
    """Note that a worker listens to this queue."""
    beat(f"queue:{queue}")
