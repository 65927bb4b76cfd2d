"""A send-out as it goes: a bar per message on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time

from django.utils.translation import gettext as _
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from publisher.models import Campaign, Message
from publisher.track.counters import figures
from publisher.vocabulary import FINAL_DELIVERY_STATUSES, MessageStatus

LOOK_EVERY_S = 0.2
SAY_EVERY_S = 2.0
ENDED = {MessageStatus.FINISHED, MessageStatus.CANCELLED, MessageStatus.HELD}


class Watch:
    """Looks at a campaign's live figures until its messages have ended."""

    def __init__(self, campaign: Campaign, console: Console) -> None:
        self.campaign = campaign
        self.console = console
        self._said: dict[int, str] = {}

    def until_finished(self, *, patience_s: float) -> bool:
        """Answers whether all messages finished; gives up when nothing has moved for `patience_s` seconds."""
        columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self.console, disable=not self.console.is_terminal) as bars:
            tasks: dict[int, TaskID] = {}
            before, moved_at, said_at = "", time.monotonic(), 0.0
            while True:
                messages = list(self.campaign.messages.select_related("newsletter", "account"))
                now = repr([self._show(message, bars, tasks) for message in messages])
                if now != before:
                    before, moved_at = now, time.monotonic()
                ended = bool(messages) and all(message.status in ENDED for message in messages)
                if not self.console.is_terminal and (ended or time.monotonic() > said_at + SAY_EVERY_S):
                    said_at = time.monotonic()
                    self._say(messages)
                if ended or time.monotonic() > moved_at + patience_s:
                    return all(message.status == MessageStatus.FINISHED for message in messages)
                time.sleep(LOOK_EVERY_S)

    def _show(self, message: Message, bars: Progress, tasks: dict[int, TaskID]) -> tuple[str, int, int]:
        done, total = _done(message)
        if message.pk not in tasks:
            tasks[message.pk] = bars.add_task(outlet_name(message), total=None)
        bars.update(tasks[message.pk], completed=done, total=total or None)
        return message.status, done, total

    def _say(self, messages: list[Message]) -> None:
        for message in messages:
            done, total = _done(message)
            values = {
                "name": outlet_name(message),
                "done": done,
                "total": total,
                "status": message.get_status_display(),
            }
            # Before the freeze nobody has been counted yet.
            words = _("%(name)s: %(done)d of %(total)d (%(status)s)") if total else _("%(name)s: %(status)s")
            line = words % values
            if self._said.get(message.pk) != line:
                self._said[message.pk] = line
                self.console.print(f"  {line}")


def outlet_name(message: Message) -> str:
    """What the message goes to, as people call it."""
    return str(message.newsletter or message.account)


def _done(message: Message) -> tuple[int, int]:
    counted = figures(message)
    return sum(counted[status] for status in FINAL_DELIVERY_STATUSES), message.frozen_count or 0
