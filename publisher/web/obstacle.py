"""What stands in the way of a send-out: said in the bar before the button is pressed, with where it is put right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.forms import BoundField

from publisher.compose.post_pictures import pictures_of
from publisher.compose.preflight import NEWS, Check
from publisher.compose.social import limits_of
from publisher.models import Message
from publisher.web.draft import Draft, Mail, Post
from publisher.web.more_form import post_account

# The list of findings: where a finding leads that no field of the page can put right.
CHECKS = "checks-head"
# The questions about the news, above everything else.
QUESTIONS = "news-changed"
REFUSED = "refused"


@dataclass(frozen=True)
class Obstacle:
    """The first thing to put right. `anchor` is the id of an element of the page; `more` counts what else is wrong."""

    words: str
    anchor: str
    message: Message | None = None
    more: int = 0


def of_checks(found: Sequence[Check], draft: Draft | None = None) -> Obstacle | None:
    """The first error of the checks, with its field in `draft` (None: on a page without fields)."""
    errors = [check for check in found if check.level == "error"]
    if not errors:
        return None
    anchor = _anchor(draft, errors[0])
    return Obstacle(str(errors[0].explanation), anchor, errors[0].message, len(errors) - 1)


def of_draft(draft: Draft, found: Sequence[Check], conflict: str = "") -> Obstacle | None:
    """What keeps a draft from being sent: another's change (`conflict`, in words), a refused field, the checks."""
    if conflict:
        return Obstacle(conflict, REFUSED)
    refused = [field for form in (*draft.forms(), draft.when) for field in form if field.errors]
    if refused:
        first = refused[0]
        return Obstacle(f"{first.label}: {first.errors[0]}", field_id(first), more=len(refused) - 1)
    return of_checks(found, draft)


def field_id(field: BoundField) -> str:
    """The id of a field's control; of several (radio buttons) the first."""
    return str(field.id_for_label or f"{field.auto_id}_0")


def _anchor(draft: Draft | None, check: Check) -> str:
    if check.field == NEWS:
        return QUESTIONS
    if draft is None:
        return CHECKS
    find = _FIELDS.get(check.field)
    field = find(draft, check) if find else None
    return field_id(field) if field else CHECKS


def _subject(draft: Draft, check: Check) -> BoundField | None:
    return next((mail.form["subject"] for mail in _mails(draft, check)), None)


def _headline(draft: Draft, check: Check) -> BoundField | None:
    stories = (story for mail in _mails(draft, check) for story in mail.stories)
    return next((story.form["title"] for story in stories if not _stored(story.block.content, "title")), None)


def _text(draft: Draft, check: Check) -> BoundField | None:
    for post in _posts(draft, check):
        own = len(draft.posts) > 1 and post.form["own"].value()
        return post.form["text"] if own or draft.shared is None else draft.shared["text"]
    return None


def _follow_up(draft: Draft, check: Check) -> BoundField | None:
    """The first text after the post that is empty or too long; of too many, the last."""
    for post in _posts(draft, check):
        fields = [field for field, _count in post.more.texts()]
        wrong = [field for field, count in post.more.texts() if not count["used"] or count["used"] > count["limit"]]
        return next(iter(wrong or fields[-1:]), None)
    return None


def _picture(draft: Draft, check: Check) -> BoundField | None:
    """The description of the first picture that has none or, of a post, too long a one."""
    blocks = (story.block for mail in _mails(draft, check) for story in mail.stories)
    wanted = [block.picture_id for block in blocks if not _stored(block.content, "alt")]
    for post in _posts(draft, check):
        most = limits_of(post_account(post.message)).alt_text
        wanted += [each.picture_id for each in pictures_of(post.message) if not 0 < len(each.alt.strip()) <= most]
    return next((shot.form["alt"] for shot in draft.shots if shot.picture.pk in wanted[:1]), None)


def _mails(draft: Draft, check: Check) -> list[Mail]:
    return [mail for mail in draft.mails if mail.message == check.message]


def _posts(draft: Draft, check: Check) -> list[Post]:
    return [post for post in draft.posts if post.message == check.message]


def _stored(content: dict[str, object], name: str) -> str:
    return str(content.get(name) or "").strip()


# The fields of the composer by the names that compose.preflight gives them.
_FIELDS: dict[str, Callable[[Draft, Check], BoundField | None]] = {
    "subject": _subject,
    "headline": _headline,
    "text": _text,
    "follow_up": _follow_up,
    "picture": _picture,
}
