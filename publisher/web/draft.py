"""A draft as the composer shows and saves it: its messages with their forms, its pictures, its time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.db import transaction
from django.forms import Form
from django.utils import timezone
from django.utils.translation import gettext as _

from publisher.audience.aims import aim_of
from publisher.compose.drafts import aim_block, update_block, update_email, update_post
from publisher.compose.post_pictures import WITH_PICTURES, pictures_of
from publisher.compose.social import most_follow_ups, thread_of
from publisher.compose.values import many_lines, one_line
from publisher.items.library import keep_alt
from publisher.models import Block, Campaign, Message, User
from publisher.review.drafting import open_for_change, suggest_own_times, suggest_time
from publisher.schedule.slots import next_slot
from publisher.vocabulary import BlockKind, MessageStatus, Outlet
from publisher.web.composer_forms import (
    MailForm,
    OwnForm,
    SharedForm,
    StoryForm,
    WhenForm,
)
from publisher.web.more_form import MoreForm, post_account
from publisher.web.offered import Offered
from publisher.web.shots import Shots

STORIES = (BlockKind.LEAD_STORY, BlockKind.STORY)


class ConflictError(Exception):
    """Somebody else changed the draft since this page was drawn."""


@dataclass
class Story:
    """A block of the mail with its form."""

    block: Block
    form: StoryForm

    @property
    def shown_to(self) -> str:
        """The areas and topics that it is aimed at, as stored; "" if it is for everyone."""
        kinds = ([label.name for label in labels.all()] for labels in (self.block.areas, self.block.topics))
        return " · ".join(", ".join(names) for names in kinds if names)

    @property
    def is_aimed_anew(self) -> bool:
        """Whether what was ticked is not what is stored."""
        return self.form.aim() != aim_of(self.block)


@dataclass
class Mail:
    """A mail with its form and stories."""

    message: Message
    form: MailForm
    stories: list[Story] = field(default_factory=list)


@dataclass
class Post:
    """A post with the form of its own text, and that of what else it has (`more`).

    `following` is the first form with the shared text in it.
    """

    message: Message
    form: OwnForm
    more: MoreForm
    following: OwnForm | None = None


class About(NamedTuple):
    """Which of several stories the posts are about, and how many others there are."""

    title: str
    others: int


class Difference(NamedTuple):
    """A field in which what is stored is not what was typed."""

    label: str
    stored: str


class Draft:
    """All of a draft that a person may change; `data` is what they typed."""

    def __init__(self, campaign: Campaign, data: Any = None) -> None:
        self.campaign = campaign
        self.revision = str(data.get("revision", "")) if data is not None else str(campaign.revision)
        open_ones = campaign.messages.exclude(status=MessageStatus.CANCELLED)
        rows = ("newsletter__organisation", "newsletter__cooperation", "account__organisation")
        messages = list(open_ones.select_related(*rows).prefetch_related(WITH_PICTURES))
        self.mails = [_mail(message, data) for message in messages if message.outlet == Outlet.EMAIL]
        own_texts = [message for message in messages if message.outlet == Outlet.POST]
        shared = _most_common([message.text for message in own_texts])
        self.shared = SharedForm(data, prefix="posts", initial={"text": shared}) if own_texts else None
        self.posts = [_post(message, shared, data) for message in own_texts]
        blocks = [story.block for mail in self.mails for story in mail.stories]
        self.shots = Shots(blocks, own_texts, data)
        self._times = _next_times(campaign, own_texts)
        at_slots = _is_at(campaign, own_texts, self._times)
        self.when = WhenForm(campaign, self._times, at_slots=at_slots, data=data)
        self.about = _about(campaign) if own_texts else None

    @property
    def messages(self) -> list[Message]:
        """Mails first, then posts."""
        return [*(mail.message for mail in self.mails), *(post.message for post in self.posts)]

    def forms(self) -> list[Form]:
        """All forms of words, in the order of the page."""
        return [*self.worded(), *(post.form for post in self.posts)]

    def worded(self) -> list[Form]:
        """The forms whose fields stand on the left: all but the texts that are of one channel only."""
        words: list[Form] = []
        for mail in self.mails:
            words += [mail.form, *(story.form for story in mail.stories)]
        words += [self.shared] if self.shared else []
        words += [post.more for post in self.posts]
        return [*words, *(shot.form for shot in self.shots)]

    def is_valid(self) -> bool:
        """Whether all words can be stored; the time is a question of its own."""
        return not [form for form in self.forms() if not form.is_valid()]

    def differences(self) -> list[Difference]:
        """What is stored wherever valid words say something else."""
        return list(self._differences())

    def _differences(self) -> Iterator[Difference]:
        for mail in self.mails:
            stored = {"subject": mail.message.subject, "preview_text": mail.message.preview_text}
            yield from _differing(mail.form, stored)
            for story in mail.stories:
                yield from _differing(story.form, story.block.content)
                if story.is_aimed_anew:
                    yield Difference(_("Shown to"), story.shown_to or _("everyone"))
        for shot in self.shots:
            yield from (d for alt in shot.alts for d in _differing(shot.form, {"alt": alt}))
        for post in self.posts:
            if self.text_of(post) != post.message.text:
                yield Difference(str(post.message.account), post.message.text)
            if post.more.is_changed:
                yield Difference(str(post.message.account), "\n\n".join(post.message.follow_ups))

    def text_of(self, post: Post) -> str:
        """The text that was typed for a post: its own, or the shared one."""
        own = len(self.posts) > 1 and post.form.cleaned_data.get("own")
        source: Form | None = post.form if own else self.shared
        return many_lines(source.cleaned_data.get("text", "") if source else "")

    def show_typed(self) -> None:
        """Put typed texts on the messages in memory, so that previews show them though they are not stored."""
        for post in self.posts:
            if (
                post.form.is_bound
                and post.form.is_valid()
                and post.more.is_valid()
                and self.shared
                and self.shared.is_valid()
            ):
                post.message.text = self.text_of(post)
                post.more.show_typed()
                post.following = OwnForm(prefix=post.form.prefix, initial={"text": post.message.text})

    @transaction.atomic
    def save(self, user: User, *, over: bool = False) -> bool:
        """Store the valid words; true if the mail looks different now.

        Raises ConflictError if somebody changed the draft since the page was drawn (unless `over`), InputError if it is
        no draft any more.
        """
        stored = open_for_change(self.campaign, user)
        if str(stored.revision) != self.revision and not over:
            raise ConflictError
        alts = {shot.picture.pk: str(shot.form.cleaned_data["alt"]) for shot in self.shots}
        mails = [_save_mail(mail, alts) for mail in self.mails]
        for post in self.posts:
            _save_post(post, self.text_of(post), alts)
        for shot in self.shots:
            keep_alt(shot.picture, alts[shot.picture.pk])
        self.campaign.refresh_from_db(fields=["revision"])
        self.revision = str(self.campaign.revision)
        return any(mails)

    @transaction.atomic
    def save_time(self) -> None:
        """Store the times that are meant, if they can be. Raises InputError if it is no draft any more."""
        if not self.when.is_valid():
            return
        times = self._own_times()
        self.show_times()
        if times or self.when.at != self.campaign.scheduled_at:
            suggest_time(self.campaign, self.when.at, self.when.wall)
        suggest_own_times(self.campaign, times)

    def show_times(self) -> None:
        """Put the posts' own times on the messages in memory, as they are chosen."""
        times = self._own_times()
        for post in self.posts:
            post.message.scheduled_at = times.get(post.message.pk, post.message.scheduled_at)

    def _own_times(self) -> dict[int, datetime | None]:
        """The own times of posts that are to be others than stored; None where one follows the send-out's.

        At their channels' posting times each has its own. One time that is chosen anew is for all of them.
        """
        if self.when.is_at_slots:
            wanted = {pk: at if at != self.when.slot else None for pk, at in self._times.items()}
        elif self.when.is_changed:
            wanted = dict.fromkeys(self._times)
        else:
            return {}
        stored = {post.message.pk: post.message.scheduled_at for post in self.posts}
        return {pk: at for pk, at in wanted.items() if at != stored[pk]}

    @property
    def without_slots(self) -> list[Message]:
        """The posts whose channels have no posting times, while the others go out at theirs."""
        mine = [post.message for post in self.posts if self._times[post.message.pk] is None]
        return mine if self.when.is_at_slots else []


def _save_mail(mail: Mail, alts: dict[int, str]) -> bool:
    message = mail.message
    words = _changed(mail.form, {"subject": message.subject, "preview_text": message.preview_text})
    if words:
        update_email(message, **words)
    stories = [_save_story(story, alts) for story in mail.stories]
    return bool(words) or any(stories)


def _save_story(story: Story, alts: dict[int, str]) -> bool:
    block, words = story.block, _changed(story.form, story.block.content)
    if block.picture_id in alts and _line(alts[block.picture_id]) != _line(block.content.get("alt")):
        words["alt"] = alts[block.picture_id]
    if words:
        update_block(block, **words)
    if is_aimed_anew := story.is_aimed_anew:
        aim_block(block, story.form.aim())
    return bool(words) or is_aimed_anew


def _save_post(post: Post, text: str, alts: dict[int, str]) -> None:
    message = post.message
    new_text = text if text != message.text else None
    described = {each.picture_id: each.alt for each in pictures_of(message)}
    new_alts = {pk: alts[pk] for pk, alt in described.items() if pk in alts and _line(alts[pk]) != _line(alt)}
    if new_text is not None or new_alts or post.more.is_changed:
        update_post(
            message,
            text=new_text,
            alts=new_alts,
            follow_ups=post.more.follow_ups(),
            prefers_card=post.more.prefers_card(),
            visibility=post.more.visibility_chosen(),
        )


def change_thread(draft: Draft, verb: str, subject: str) -> str:
    """One of THREAD_VERBS; `subject` is the post's id and, to remove a text, its number (“12-1”). Gives the post's id.

    Call it once what was typed is stored. Raises InputError if it is no draft any more.
    """
    post_id, _dash, number = subject.partition("-")
    for message in (post.message for post in draft.posts if str(post.message.pk) == post_id):
        texts = list(message.follow_ups)
        if verb == "more" and len(texts) < most_follow_ups(post_account(message)):
            update_post(message, follow_ups=[*texts, ""])
        elif verb == "less" and number.isdecimal():
            update_post(message, follow_ups=texts[: int(number) - 1] + texts[int(number) :])
        elif verb == "split":
            first, *others = thread_of(message, message.text) or [""]
            update_post(message, text=first, follow_ups=[*others, *texts])
    return post_id


def _mail(message: Message, data: Any) -> Mail:
    initial = {"subject": message.subject, "preview_text": message.preview_text}
    assert message.newsletter is not None, "a mail is for a newsletter"
    offered = Offered.by(message.newsletter)
    blocks = message.blocks.filter(kind__in=STORIES).select_related("picture", "message__newsletter__organisation")
    stories = [
        Story(
            block,
            StoryForm(
                data,
                choices=offered.with_own(block),
                prefix=f"story-{block.pk}",
                initial={name: block.content.get(name, "") for name in ("title", "lead")}
                | {f"for_{kind}": sorted(ids) for kind, ids in aim_of(block)._asdict().items()},
            ),
        )
        for block in blocks.prefetch_related("areas", "topics")
    ]
    return Mail(message, MailForm(data, prefix=f"mail-{message.pk}", initial=initial), stories)


def _post(message: Message, shared: str, data: Any) -> Post:
    initial = {"text": message.text, "own": message.text != shared}
    return Post(message, OwnForm(data, prefix=f"post-{message.pk}", initial=initial), MoreForm(message, data))


def _about(campaign: Campaign) -> About | None:
    """Posts are made from the first of the chosen items; None if there is no other."""
    titles = list(campaign.chosen.order_by("position").values_list("item__title", flat=True))
    return About(titles[0], len(titles) - 1) if len(titles) > 1 else None


def _most_common(texts: list[str]) -> str:
    """The text that most posts have; of several the first."""
    return max(texts, key=texts.count) if texts else ""


def _next_times(campaign: Campaign, posts: Sequence[Message]) -> dict[int, datetime | None]:
    """For each post its channel's next free posting time; the draft takes none from itself."""
    now = timezone.now()
    return {post.pk: next_slot(post_account(post), now, but=campaign) for post in posts}


def _is_at(campaign: Campaign, posts: Sequence[Message], times: Mapping[int, datetime | None]) -> bool:
    """Whether the stored times are these, and the send-out's is the first of them."""
    first = min((at for at in times.values() if at is not None), default=None)
    own = [post.scheduled_at or campaign.scheduled_at for post in posts]
    return campaign.scheduled_at == first and own == [times[post.pk] or first for post in posts]


def _line(text: object) -> str:
    """As it is compared: how lines break is not a change."""
    return one_line(str(text or ""))


def _changed(form: Form, stored: Mapping[str, Any]) -> dict[str, str]:
    """The valid words of a form that are not what is stored."""
    words = {name: text for name, text in form.cleaned_data.items() if isinstance(text, str)}
    return {name: text for name, text in words.items() if _line(text) != _line(stored.get(name))}


def _differing(form: Form, stored: Mapping[str, Any]) -> Iterator[Difference]:
    for name in _changed(form, stored):
        yield Difference(str(form.fields[name].label), str(stored.get(name) or ""))
