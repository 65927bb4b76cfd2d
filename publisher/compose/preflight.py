"""The checks before a send-out: what would go wrong, in words, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.accounts.lasting import HEEDED, must_reconnect_by
from publisher.audience.aims import aim_of, aims_among
from publisher.audience.rule import forecast
from publisher.compose import past_events
from publisher.compose.already_out import already_words, sent_again
from publisher.compose.compiled import check_bits
from publisher.compose.dates import written
from publisher.compose.findings import Finding, Level
from publisher.compose.findings import say as _say
from publisher.compose.links import unsubscribe_url, view_url
from publisher.compose.newsletter import render_html
from publisher.compose.post_checks import not_described, pictures_findings, words_findings
from publisher.compose.post_pictures import WITH_PICTURES, first_of
from publisher.compose.renewing import called_off_news, changed_news, withdrawn_news
from publisher.compose.social import limits_of
from publisher.compose.values import is_web_address
from publisher.compose.viewing import BEGUN
from publisher.compose.wire import wire_address
from publisher.errors import Explanation, OpslagError
from publisher.models import Account, Block, Campaign, Message, Newsletter, Picture
from publisher.vocabulary import AccountStatus, BlockKind, MessageStatus, Outlet

# Gmail cuts a mail at about 102 kB, and with it the unsubscribe link.
LARGE_MAIL = 95_000
LONG_SUBJECT = 120
# A post may go out somewhat later than planned.
LASTING_MARGIN = timedelta(hours=3)
_NO_REPLY = re.compile(r"^(no|do[-_.]?not|never)[-_.]?reply|^(ikke[-_.]?svar|svar[-_.]?ikke)", re.IGNORECASE)
_STORIES = {BlockKind.LEAD_STORY, BlockKind.STORY}

STILL_BEING_SENT = gettext_noop(
    "The mail that this one corrects is still on its way, so that not all who get it would get the correction. Wait "
    "until it has ended, or cancel the rest of it."
)

# The `field` of a finding that a question about the news puts right.
NEWS = "news"


@dataclass(frozen=True)
class Check:
    """One finding: an error stops the approval, a warning does not. `message` is None for the campaign as a whole.

    `field` says what puts it right: subject, headline, text, follow_up, picture, or news (a question about it that the
    page asks); "" where nothing single does.
    """

    level: Level
    message: Message | None
    explanation: Explanation
    field: str = ""


def checks(campaign: Campaign, at: datetime | None = None) -> list[Check]:
    """All findings about a campaign's messages, errors first; an empty list is a clean bill.

    `at` is the instant for which it would be approved, by default the one that it is meant for.
    """
    at = at or campaign.scheduled_at or timezone.now()
    messages = list(
        campaign.messages.select_related(
            "newsletter__organisation", "newsletter__cooperation", "account", "campaign__organisation"
        ).prefetch_related(WITH_PICTURES)
    )
    found = [
        Check(finding.level, message, finding.explanation, finding.field)
        for message in messages
        for finding in (*_findings(message, at), *_events(message, at))
    ]
    if not messages:
        found.append(
            Check("error", None, _say(gettext_noop("There is nothing to send: choose a newsletter or a channel.")))
        )
    found += _news(campaign)
    return sorted(found, key=lambda check: check.level == "warning")


def _news(campaign: Campaign) -> Iterator[Check]:
    """What happened to the news itself since the send-out was composed from it; of each item the gravest."""
    told: set[int] = set()
    for chosen in withdrawn_news(campaign):
        told.add(chosen.item_id)
        words = gettext_noop("“%(title)s” was withdrawn by its publisher. Leave it out, or say that it is sent anyway.")
        yield Check("error", None, _say(words, title=chosen.item.title), NEWS)
    for again in sent_again(campaign):
        if again.chosen.item_id not in told:
            yield Check("error", again.message, already_words(again.earlier, again.chosen.item.title), NEWS)
    news = changed_news(campaign)
    for off in called_off_news(campaign) if news else []:
        if off.item_id not in told:
            told.add(off.item_id)
            words = gettext_noop(
                "“%(title)s” does not take place as it says here. Take the new words, or leave it out."
            )
            yield Check("error", None, _say(words, title=off.item.title), NEWS)
    for changed in news:
        if changed.item.pk not in told:
            words = gettext_noop("“%(title)s” was changed at its source since this was written.")
            yield Check("warning", None, _say(words, title=changed.item.title), NEWS)


def _events(message: Message, at: datetime) -> Iterator[Finding]:
    """What is over when it goes out, and whether the mail that it corrects has ended."""
    now = timezone.now()
    for stops, words in past_events.findings(message, now, _own_time(message, now) or at):
        yield Finding("error" if stops else "warning", words)
    if message.corrects.filter(BEGUN).exclude(status__in=(MessageStatus.FINISHED, MessageStatus.CANCELLED)).exists():
        yield Finding("error", _say(STILL_BEING_SENT))


def _findings(message: Message, at: datetime) -> Iterator[Finding]:
    day = _day(message, at)
    return _email(message, day) if message.outlet == Outlet.EMAIL else _post(message, day, at)


def _email(message: Message, day: date) -> Iterator[Finding]:
    newsletter = message.newsletter
    if newsletter is None:
        return
    blocks = list(message.blocks.select_related("picture").prefetch_related("areas", "topics"))
    yield from _subject(message)
    yield from _sender(newsletter)
    if not any(block.kind != BlockKind.DIVIDER for block in blocks):
        yield Finding("error", _say(gettext_noop("The newsletter is empty. Choose at least one news item.")))
    else:
        yield from _audience(message, newsletter, blocks)
    for block in blocks:
        yield from _block(block, day)
    yield from _size(message)


def _audience(message: Message, newsletter: Newsletter, blocks: list[Block]) -> Iterator[Finding]:
    aims = aims_among([(block.kind, aim_of(block)) for block in blocks])
    try:
        check_bits(aims)
    except OpslagError as error:
        yield Finding("error", error.explanation)
        return
    found = forecast(message, timezone.now())
    if not found.recipients:
        words = gettext_noop("Nobody would receive it: nobody subscribes to “%(name)s” for these areas and topics.")
        yield Finding("warning", _say(words, name=newsletter.name))
        return
    for block in blocks:
        if not found.seeing(aims.needs(aim_of(block))):
            words = gettext_noop("Nobody would see “%(title)s”: no subscriber has chosen what it is shown to.")
            yield Finding("warning", _say(words, title=block.content.get("title") or BlockKind(block.kind).label))
    if found.untold:
        words = gettext_noop("Skipped, because no story concerns their choices: %(number)s.")
        yield Finding("warning", _say(words, number=found.untold))


def _subject(message: Message) -> Iterator[Finding]:
    if not message.subject.strip():
        yield Finding("error", _say(gettext_noop("The mail has no subject. Write one.")), "subject")
    elif len(message.subject) > LONG_SUBJECT:
        yield Finding(
            "warning",
            _say(
                gettext_noop("The subject has %(length)s characters; most mail programs show about 60."),
                length=len(message.subject),
            ),
        )


def _sender(newsletter: Newsletter) -> Iterator[Finding]:
    organisation = newsletter.organisation
    if not organisation.postal_line.strip():
        yield Finding(
            "error",
            _say(
                gettext_noop("%(name)s has no postal address. The law wants one at the foot of every newsletter."),
                name=organisation.name,
            ),
        )
    if not newsletter.reply_to:
        yield Finding("error", _say(gettext_noop("“%(name)s” has no address for replies."), name=newsletter.name))
    elif _NO_REPLY.match(newsletter.reply_to):
        yield Finding(
            "error",
            _say(
                gettext_noop(
                    "Replies would go to %(address)s, which nobody reads. Choose an address that people can answer."
                ),
                address=newsletter.reply_to,
            ),
        )
    for address in filter(None, (newsletter.sender_email, newsletter.reply_to)):
        try:
            wire_address(address)
        except OpslagError as error:
            yield Finding("error", error.explanation)


def _block(block: Block, day: date) -> Iterator[Finding]:
    title = str(block.content.get("title") or "")
    if block.picture:
        if not str(block.content.get("alt") or "").strip():
            yield not_described(title)
        yield from _consent(block.picture, title, day)
    link = str(block.content.get("link") or "")
    if link and not is_web_address(link):
        yield Finding("error", _broken_link(link))
    if block.kind in _STORIES and not title.strip():
        yield Finding("error", _say(gettext_noop("A story has no headline. Write one.")), "headline")


def _consent(picture: Picture, title: str, day: date) -> Iterator[Finding]:
    if picture.withdrawn_at is not None:
        words = gettext_noop("The photo consent for the picture of “%(title)s” was withdrawn. Choose another picture.")
        yield Finding("error", _say(words, title=title))
    elif picture.consent_until and picture.consent_until < day:
        words = (
            gettext_noop(
                "The photo consent of %(who)s for the picture of “%(title)s” lasts until %(day)s, which is before it "
                "goes out. Choose another picture, or renew the consent in the picture library."
            )
            if picture.consent_by
            else gettext_noop(
                "The photo consent for the picture of “%(title)s” lasts until %(day)s, which is before it goes out. "
                "Choose another picture, or renew the consent in the picture library."
            )
        )
        until = _in_words(picture.consent_until)
        yield Finding("error", _say(words, who=picture.consent_by, title=title, day=until))


def _in_words(day: date) -> str:
    """“torsdag den 26. november”: a finding is read where it is made, in the reader's language."""
    return written(day, "day_long", timezone.localdate().year)


def _broken_link(link: str) -> Explanation:
    return _say(gettext_noop("“%(link)s” is not a web address. It must begin with https://"), link=link)


def _day(message: Message, at: datetime | None) -> date:
    """The day on which it goes out, where the organisation is: by its own time if it has one, else as all of it."""
    now = timezone.now()
    planned = _own_time(message, now) or at or message.campaign.scheduled_at or now
    return timezone.localtime(max(planned, now), ZoneInfo(message.campaign.organisation.timezone)).date()


def _own_time(message: Message, now: datetime) -> datetime | None:
    """The message's own time, if it has one and that is ahead."""
    return message.scheduled_at if message.scheduled_at and message.scheduled_at > now else None


def _size(message: Message) -> Iterator[Finding]:
    """Render it as it will be sent: what cannot be rendered is an error, what mail programs cut a warning."""
    try:
        html = render_html(
            message, places={"unsubscribe_url": unsubscribe_url("x" * 22), "view_url": view_url(message)}
        )
    except OpslagError as error:
        yield Finding("error", error.explanation)
        return
    size = len(html.encode())
    if size > LARGE_MAIL:
        yield Finding(
            "warning",
            _say(
                gettext_noop(
                    "The mail is large (%(size)s kB): Gmail cuts off what exceeds 100 kB. Leave out some stories."
                ),
                size=size // 1000,
            ),
        )


def _post(message: Message, day: date, at: datetime) -> Iterator[Finding]:
    account = message.account
    if account is None:
        return
    if account.mended_there:
        why = {"name": str(account), "why": Explanation.from_json(account.last_error)}
        yield Finding("error", Explanation(gettext_noop("%(name)s: %(why)s"), why))
    elif account.status != AccountStatus.CONNECTED:
        yield Finding("error", _say(gettext_noop("The channel “%(name)s” must be connected again."), name=str(account)))
    yield from _lasting(message, account, at)
    yield from words_findings(message, account)
    if message.link and not is_web_address(message.link):
        yield Finding("error", _broken_link(message.link))
    yield from pictures_findings(message, account)
    for each in first_of(message, limits_of(account).pictures):
        yield from _consent(each.picture, message.campaign.title, day)


def _lasting(message: Message, account: Account, at: datetime) -> Iterator[Finding]:
    """Whether the channel's access still lasts when the post goes out: only near ones can be helped now."""
    now = timezone.now()
    until, planned = must_reconnect_by(account, now), max(_own_time(message, now) or at, now)
    if until is None or until > planned + LASTING_MARGIN:
        return
    near = planned < now + HEEDED
    words = (
        gettext_noop("“%(name)s” must be connected again before %(day)s, or this post cannot go out. Do it now.")
        if near
        else gettext_noop("“%(name)s” must be connected again before %(day)s, or this post cannot go out.")
    )
    last_day = timezone.localtime(until, ZoneInfo(message.campaign.organisation.timezone)).date()
    yield Finding("error" if near else "warning", _say(words, name=str(account), day=_in_words(last_day)))
