"""Events that are over when a send-out leaves: their stories are left out of a mail, or it is held for a person.

It is reckoned from what approval froze: the facts in the block, when it was approved, when it is sent. So a mail that
is compiled twice is the same twice. What was over already when a person approved it was meant so: they write of what
has been. And a person may say to send it all the same (`Message.keeps_past_events`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from django.utils.translation import gettext_noop

from publisher.compose.links import item_url
from publisher.compose.values import one_line
from publisher.errors import Explanation, PermanentError
from publisher.items.events import ends_between, facts_of, moment
from publisher.models import Block, Campaign, CompiledMail, Item, Message
from publisher.vocabulary import BlockKind, HoldReason, Outlet

_STORIES = (BlockKind.LEAD_STORY, BlockKind.STORY)
LEFT_OUT = gettext_noop("“%(title)s” is over when the mail is sent, and is left out.")
MAIL_IS_ABOUT_IT = gettext_noop(
    "“%(title)s” is over when the mail is sent, and the mail is about it. Choose an earlier time, or take it out."
)
POST_IS_ABOUT_IT = gettext_noop("“%(title)s” is over when the post goes out. Choose an earlier time, or another story.")
OVER_ALREADY = gettext_noop("“%(title)s” is over already.")
MAIL_HELD = gettext_noop(
    "“%(title)s” is over, and the mail is about it. Send it all the same, or cancel it and write a new one."
)
POST_HELD = gettext_noop("“%(title)s” is over, and the post is about it. Send it all the same, or cancel it.")


def shown_blocks(message: Message, blocks: Sequence[Block]) -> list[Block]:
    """The blocks (in order) that a mail shows: without those of events that ended while it waited.

    Where the lead story is one of them, the next story leads; a heading that has nothing left under it goes, too.
    """
    out = {block.pk for block in left_out(message, blocks)}
    if not out:
        return list(blocks)
    kept = [block for block in blocks if block.pk not in out and not _stands_alone(block, blocks, out)]
    first = next((block for block in kept if block.kind in _STORIES), None)
    if first is not None:
        first.kind = BlockKind.LEAD_STORY
    return kept


def left_out(message: Message, blocks: Sequence[Block]) -> list[Block]:
    """The blocks of events that ended between the approval and the instant at which the mail is sent."""
    if not any(block.content.get("event") for block in blocks) or message.keeps_past_events:
        return []
    approved_at, at = message.campaign.approved_at, message.scheduled_at
    return _ended(blocks, approved_at, at) if approved_at and at else []


def _ended(blocks: Sequence[Block], after: datetime, until: datetime) -> list[Block]:
    return [block for block in blocks if ends_between(block.content.get("event") or {}, after, until)]


def _stands_alone(block: Block, blocks: Sequence[Block], out: set[int]) -> bool:
    """A heading under which everything is left out."""
    if block.kind != BlockKind.HEADING:
        return False
    under: list[Block] = []
    for following in blocks[blocks.index(block) + 1 :]:
        if following.kind == BlockKind.HEADING:
            break
        under.append(following)
    telling = [each for each in under if each.kind != BlockKind.DIVIDER]
    return bool(telling) and all(each.pk in out for each in telling)


def _is_about(message: Message, blocks: Sequence[Block], ended: Sequence[Block]) -> Block | None:
    """The story without which the mail should not go: no other is left, or its subject names it."""
    gone = {block.pk for block in ended}
    if ended and not any(block.kind in _STORIES and block.pk not in gone for block in blocks):
        return ended[0]
    named = (block for block in ended if (title := _title(block)) and title in one_line(message.subject))
    return next(named, None)


def _title(block: Block) -> str:
    return one_line(str(block.content.get("title") or ""))


def left_out_titles(campaign: Campaign) -> dict[int, list[str]]:
    """The headlines of the stories that were left out of a campaign's mails when they were compiled, by message."""
    compiled = CompiledMail.objects.filter(message__campaign=campaign).exclude(left_out=[]).only("message", "left_out")
    blocks = {each.message_id: each.left_out for each in compiled}
    found = Block.objects.filter(pk__in=[pk for ids in blocks.values() for pk in ids]).order_by("position", "pk")
    titles: dict[int, list[str]] = {}
    for block in found if blocks else ():
        titles.setdefault(block.message_id, []).append(_title(block))
    return titles


def refuse_if_about_past(message: Message, blocks: Sequence[Block]) -> None:
    """Refuse to compile a mail that is about what is over. Raises PermanentError (reason `event_over`)."""
    about = _is_about(message, blocks, left_out(message, blocks))
    if about is not None:
        raise PermanentError(MAIL_HELD, reason=HoldReason.EVENT_OVER, title=_title(about))


def post_held(message: Message) -> Explanation | None:
    """Why a post should not go out by itself now; None if nothing speaks against it."""
    approved_at, at = message.campaign.approved_at, message.scheduled_at
    if message.outlet != Outlet.POST or message.keeps_past_events or approved_at is None or at is None:
        return None
    item = post_item(message)
    if item is None or not ends_between(facts_of(item), approved_at, at):
        return None
    return Explanation(POST_HELD, {"title": item.title})


def post_item(message: Message) -> Item | None:
    """The news item that a post is about: the one it links to, else the first."""
    chosen = [each.item for each in message.campaign.chosen.select_related("item").order_by("position", "pk")]
    return next((item for item in chosen if item_url(item) == message.link), chosen[0] if chosen else None)


def findings(message: Message, now: datetime, at: datetime) -> Iterator[tuple[bool, Explanation]]:
    """For the checks before approval at `now` of what is sent at `at`: whether it stops the approval, and the words."""
    if message.outlet == Outlet.POST:
        item = post_item(message)
        facts = facts_of(item) if item else {}
        yield from _findings_of([item.title] if item and ends_between(facts, now, at) else [], POST_IS_ABOUT_IT, True)
        yield from _findings_of([item.title] if item and _is_past(facts, now) else [], OVER_ALREADY, False)
        return
    blocks = list(message.blocks.order_by("position", "pk"))
    ended = _ended(blocks, now, at)
    about = _is_about(message, blocks, ended)
    yield from _findings_of([_title(about)] if about else [], MAIL_IS_ABOUT_IT, True)
    yield from _findings_of([] if about else [_title(block) for block in ended], LEFT_OUT, False)
    over = [_title(block) for block in blocks if _is_past(block.content.get("event") or {}, now)]
    yield from _findings_of(over, OVER_ALREADY, False)


def _findings_of(titles: Sequence[str], msgid: str, stops: bool) -> Iterator[tuple[bool, Explanation]]:
    for title in titles:
        yield stops, Explanation(msgid, {"title": title})


def _is_past(facts: object, now: datetime) -> bool:
    over = moment(facts, "over_at") if isinstance(facts, dict) else None
    return over is not None and over <= now
