"""The reckoning after chaos: the rows against the mail server's log, and each unconfirmed one against its journal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from publisher.deliver.journal import read
from publisher.deliver.outcome import from_line
from publisher.models import Delivery, Message
from publisher.vocabulary import DeliveryStatus, Reason
from tests.smtp_sink import RunningSink

# Who left may still meet mail that was on its way: two seconds are promised, and a machine this busy gets some more.
GRACE_S = 5.0
MUST_BE_NOUGHT = (
    *("lost", "sent_twice", "sent_but_not_at_the_server", "at_the_server_but_not_sent"),
    *("started_after_leaving", "uncertain_unexplained"),
)


def against_the_server(message: Message, recipients: int, sink: RunningSink, left: dict[str, float]) -> dict[str, Any]:
    """What the rows say and what the server's log says of it."""
    rows = Delivery.objects.filter(message=message).values_list("pk", "status")
    named = {f"<d{pk}.{message.public_id.hex}@opslag.test>": status for pk, status in rows}
    entries = sink.entries()
    log = Counter(message_id for message_id, _, _ in entries)
    by_status = Counter(named.values())
    final = sum(number for status, number in by_status.items() if status not in ("pending", "sending"))
    return {
        "by_status": dict(by_status),
        "lost": recipients - final,
        "sent_twice": sum(1 for count in log.values() if count > 1),
        "uncertain": by_status["uncertain"],
        "sent_but_not_at_the_server": sum(1 for m, s in named.items() if s == "sent" and m not in log),
        "at_the_server_but_not_sent": sum(1 for m in log if named.get(m) not in ("sent", "uncertain")),
        "started_after_leaving": sum(1 for _, to, at in entries if to in left and at > left[to] + GRACE_S),
    }


def explained(message: Message, journals: Iterable[Path]) -> dict[str, int]:
    """Why each uncertain delivery is so, as the journals prove it.

    `start_without_end`: its lane died over it. `unanswered`: its lane noted that the server never answered.
    `journal_lost`: the row names its journal as lost. Anything else is unexplained.
    """
    begun, unanswered = set(), set()
    for path in journals:
        record = read(path)
        begun |= record.started - record.ends.keys()
        ends = ((key, from_line(key[1], line)) for key, line in record.ends.items())
        unanswered |= {key for key, settled in ends if settled.status == DeliveryStatus.UNCERTAIN}
    found = Counter({"start_without_end": 0, "unanswered": 0, "journal_lost": 0, "unexplained": 0})
    uncertain = Delivery.objects.filter(message=message, status=DeliveryStatus.UNCERTAIN)
    for key in uncertain.values_list("claim_id", "pk", "reason"):
        if key[:2] in begun:
            found["start_without_end"] += 1
        elif key[:2] in unanswered:
            found["unanswered"] += 1
        else:
            found["journal_lost" if key[2] == Reason.JOURNAL_LOST else "unexplained"] += 1
    return dict(found)
