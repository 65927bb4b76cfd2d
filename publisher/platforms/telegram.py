"""Publishes to a Telegram channel through a bot that is its administrator (core.telegram.org/bots/api).

Telegram takes text and pictures in one call, knows no key and lets no bot read what it wrote: a lost answer stays
uncertain, and a person looks at the channel.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html import escape
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop, pgettext_lazy

from publisher.errors import AccountError, InputError, PermanentError
from publisher.platforms.abilities import Abilities, FollowUp, Limits
from publisher.platforms.contract import PictureFile, Platform, Post, Profile, Published
from publisher.platforms.length import check_fits, utf16_units, with_alts, with_link
from publisher.platforms.picture_bytes import check_type
from publisher.platforms.post_address import Shown, anothers_post, place_in
from publisher.platforms.telegram_api import call, message_ids, object_from
from publisher.platforms.words import Words
from publisher.vocabulary import Reason

TEXT, CAPTION = 4096, 1024
# Width and height of a photo together, in pixels, and how many times the one may be the other.
SIDES, RATIO = 10_000, 20
_NAME = re.compile(r"(?:(?:https?://)?(?:t|telegram)\.me/(?:s/)?|@)?([A-Za-z][A-Za-z0-9_]{3,31})/?")
_MESSAGE = re.compile(r"[0-9]{1,18}")
_NUMBER = re.compile(r"(?:https?://)?t\.me/c/(\d+)(?:/\d+)?/?|-100(\d+)")


@dataclass(frozen=True)
class TelegramConfig:
    """How we reach the channel: its name or number, and the token of a bot that may write there."""

    channel: str = field(
        metadata={
            "label": _("Channel"),
            "help": _("@name or address of the channel. For a private one the address of one of its posts: t.me/c/…"),
        }
    )
    token: str = field(
        repr=False, metadata={"label": _("The bot's token"), "help": _("From @BotFather in Telegram"), "secret": True}
    )
    alt_in_caption: bool = field(
        default=True,
        metadata={
            "label": _("Write what the picture shows beneath the text"),
            "help": _("Telegram has no descriptions of pictures: without this, people who cannot see get nothing."),
        },
    )


class TelegramPlatform(Platform):
    """One post is one message, or one album; its remote id is the message's, an album's those of its messages."""

    kind = "telegram"
    handle_example = "@koegebib"
    address_example = "t.me/koegebib/123"
    label = _("Telegram channel")
    name = "Telegram"
    words = Words(
        there=pgettext_lazy("Publish …", "in your Telegram channel"),
        connects=pgettext_lazy("Connect …", "a Telegram channel"),
        before_saving=_(
            "Opslag asks Telegram whether the bot knows the channel and may write there before anything is saved."
        ),
    )
    config_class = TelegramConfig

    def abilities(self, facts: Mapping[str, Any]) -> Abilities:
        """Threads as answers; nothing can be read back, so there are no figures either."""
        return Abilities(
            follow_up=FollowUp.THREAD,
            edits=True,
            deletes=True,
            edit_note=_("The text is changed; pictures stay as they are."),
            finds=False,
        )

    def limits(self, facts: Mapping[str, Any]) -> Limits:
        """A text beside pictures is a caption, and much shorter; their descriptions are lines of it."""
        return Limits(
            text=TEXT,
            text_with_pictures=CAPTION,
            alt_in_text=facts.get("alt_in_caption", True),
            pictures=10,
            alt_text=1000,
            picture_bytes=10_000_000,
            picture_side=2560,
            picture_aspects=(1 / RATIO, RATIO),
        )

    def length(self, text: str, facts: Mapping[str, Any]) -> int:
        """UTF-16 units, as Telegram counts after it has read the markup."""
        return utf16_units(text)

    def repeat_safe_for(self, facts: Mapping[str, Any]) -> timedelta:
        """Not at all: each call is another message."""
        return timedelta(0)

    def verify(self, config: TelegramConfig) -> Profile:
        """Ask who the bot is, whether the channel is one, and whether the bot may write there."""
        bot = object_from(config.token, "getMe", {})
        chat = _channel(config)
        _check_rights(config, str(chat["id"]), bot)
        username = str(chat.get("username") or "")
        return Profile(
            remote_id=str(chat["id"]),
            name=str(chat.get("title") or username),
            handle=f"@{username}" if username else "",
            url=_address(str(chat["id"]), username),
            facts={"chat_id": str(chat["id"]), "username": username, "alt_in_caption": config.alt_in_caption},
        )

    def prepare(self, config: TelegramConfig, facts: Mapping[str, Any], post: Post) -> dict[str, Any]:
        """Only look: there is nothing to upload ahead. A call to Telegram shows that the token still works."""
        check_fits(post, length=utf16_units(_words(post, config)), limits=self.limits(facts))
        for picture in post.pictures:
            _check_picture(picture)
        call(config.token, "getMe", {})
        return {}

    def commit(
        self, config: TelegramConfig, facts: Mapping[str, Any], post: Post, prepared: Mapping[str, Any]
    ) -> Published:
        """Send the message, the photo with its caption, or the album whose first photo has the caption."""
        method, fields, files = _message(config, facts, post)
        result = call(config.token, method, fields, files=files, commit=True)
        return _published(",".join(map(str, message_ids(result))), facts)

    def confirm(self, config: TelegramConfig, facts: Mapping[str, Any], published: Published) -> Published:
        """As it is: a bot cannot read the channel."""
        return published if published.permalink else _published(published.remote_id, facts)

    def find(self, config: TelegramConfig, facts: Mapping[str, Any], post: Post, since: datetime) -> Published | None:
        """Never: a bot cannot read the channel."""
        return None

    def remote_id_of(self, address: str, config: TelegramConfig, facts: Mapping[str, Any]) -> str:
        """The message's number, from an address in this channel; t.me/s/… is how a browser shows it."""
        place = place_in(address)
        path = place.path if place and place.on(self.kind, "t.me", "telegram.me") else ()
        match path[1:] if path[:1] == ("s",) else path:
            case ("c", chat, number):
                own = f"-100{chat}" == _chat_id(config, facts)
            case (name, number):
                own = name.casefold() == str(facts.get("username") or "").casefold()
            case _:
                raise self.no_post_address(address)
        if not _MESSAGE.fullmatch(number) or (place and "comment" in place.query):
            raise self.no_post_address(address)
        if place and "single" in place.query:
            words = gettext_noop("That is the address of one picture of several. Copy the address of the whole post.")
            raise InputError(words)
        if not own:
            raise anothers_post()
        return number

    def shown(self, config: TelegramConfig, facts: Mapping[str, Any], named: str, post: Post, since: datetime) -> Shown:
        """As the person says: a bot cannot read the channel. An album's messages have numbers in a row."""
        numbers = range(int(named), int(named) + max(len(post.pictures), 1))
        published = _published(",".join(map(str, numbers)), facts)
        return Shown(published.remote_id, published.permalink, was_read=False)

    def edit(self, config: TelegramConfig, facts: Mapping[str, Any], published: Published, post: Post) -> Published:
        """Change the text, or the caption of the first photo; a text that is there already is no error."""
        words = _words(post, config)
        check_fits(post, length=utf16_units(words), limits=self.limits(facts))
        method, name = ("editMessageCaption", "caption") if post.pictures else ("editMessageText", "text")
        fields = {
            "chat_id": _chat_id(config, facts),
            "message_id": _ids(published.remote_id)[0],
            name: escape(words, quote=False),
            "parse_mode": "HTML",
        }
        call(config.token, method, fields | _preview(post), already="message is not modified")
        return published

    def delete(self, config: TelegramConfig, facts: Mapping[str, Any], published: Published) -> None:
        """Delete the message, or each of an album."""
        for message_id in _ids(published.remote_id):
            fields = {"chat_id": _chat_id(config, facts), "message_id": message_id}
            call(config.token, "deleteMessage", fields, already="message to delete not found")


def _message(
    config: TelegramConfig, facts: Mapping[str, Any], post: Post
) -> tuple[str, dict[str, Any], dict[str, Any] | None]:
    """Method, fields and files of the call that publishes."""
    fields: dict[str, Any] = {"chat_id": _chat_id(config, facts)}
    if post.reply_to:
        fields["reply_parameters"] = {"message_id": _ids(post.reply_to)[0]}
    caption = {"caption": escape(_words(post, config), quote=False), "parse_mode": "HTML"}
    if not post.pictures:
        text = {"text": caption["caption"], "parse_mode": "HTML"}
        return "sendMessage", fields | text | _preview(post), None
    if len(post.pictures) == 1:
        return "sendPhoto", fields | caption, {"photo": _file(post.pictures[0], 1)}
    files = {f"photo{number}": _file(picture, number) for number, picture in enumerate(post.pictures, 1)}
    album = [{"type": "photo", "media": f"attach://{name}"} for name in files]
    album[0] |= caption
    return "sendMediaGroup", fields | {"media": album}, files


def _words(post: Post, config: TelegramConfig) -> str:
    """The text as it is published: with its link, and with what the pictures show."""
    text = with_link(post.text, post.link)
    if not config.alt_in_caption:
        return text
    return with_alts(text, (picture.alt for picture in post.pictures), post.language)


def _preview(post: Post) -> dict[str, Any]:
    """Which address gets the card; a photo's message has none."""
    return {"link_preview_options": {"url": post.link}} if post.link and not post.pictures else {}


def _file(picture: PictureFile, number: int) -> tuple[str, bytes, str]:
    name = f"picture{number}{mimetypes.guess_extension(picture.media_type) or ''}"
    return name, picture.content, picture.media_type


def _check_picture(picture: PictureFile) -> None:
    check_type(picture)
    short, long = sorted((picture.width, picture.height))
    if short + long > SIDES or long > RATIO * max(short, 1):
        raise PermanentError(
            gettext_noop("The picture is %(width)s × %(height)s pixels; Telegram does not take this shape."),
            reason=Reason.REJECTED,
            width=picture.width,
            height=picture.height,
        )


def _chat_id(config: TelegramConfig, facts: Mapping[str, Any]) -> str:
    """The channel's number as `verify` found it, since a name can be given to another channel."""
    return str(facts.get("chat_id") or _named(config.channel))


def _named(channel: str) -> str:
    """What people paste, as the API wants it: @name or -100…. Raises PermanentError."""
    text = channel.strip()
    if number := _NUMBER.fullmatch(text):
        return f"-100{number[1] or number[2]}"
    if name := _NAME.fullmatch(text):
        return f"@{name[1]}"
    raise PermanentError(
        gettext_noop("“%(channel)s” is not a channel's address. It looks like @name or https://t.me/name."),
        reason=Reason.REJECTED,
        about="channel",
        channel=text[:100],
    )


def _channel(config: TelegramConfig) -> dict[str, Any]:
    named = _named(config.channel)
    unknown = AccountError(
        gettext_noop(
            "The bot finds no channel “%(channel)s”. Check the name, and add the bot to the channel as an "
            "administrator who may post messages."
        ),
        reason=Reason.ACCOUNT,
        about="channel",
        channel=named,
    )
    try:
        chat = object_from(config.token, "getChat", {"chat_id": named})
    except (AccountError, PermanentError) as refused:
        raise unknown from refused
    if chat.get("type") != "channel":
        raise PermanentError(
            gettext_noop("“%(channel)s” is not a channel but a group or a person."),
            reason=Reason.REJECTED,
            about="channel",
            channel=named,
        )
    return chat


def _check_rights(config: TelegramConfig, chat_id: str, bot: Mapping[str, Any]) -> None:
    missing = AccountError(
        gettext_noop(
            "The bot @%(bot)s may not post in the channel. Open the channel in Telegram, choose Administrators, add "
            "the bot and let it post messages."
        ),
        reason=Reason.ACCOUNT,
        about="channel",
        bot=str(bot.get("username", "")),
    )
    try:
        member = call(config.token, "getChatMember", {"chat_id": chat_id, "user_id": bot["id"]})
    except (AccountError, PermanentError) as refused:
        raise missing from refused
    if not isinstance(member, dict) or member.get("status") != "administrator" or not member.get("can_post_messages"):
        raise missing


def _published(remote_id: str, facts: Mapping[str, Any]) -> Published:
    address = _address(str(facts.get("chat_id", "")), str(facts.get("username", "")))
    return Published(remote_id, f"{address}/{_ids(remote_id)[0]}")


def _address(chat_id: str, username: str) -> str:
    """The channel's public address; a private one's opens for its members only."""
    return f"https://t.me/{username}" if username else f"https://t.me/c/{chat_id.removeprefix('-100')}"


def _ids(remote_id: str) -> list[int]:
    """The messages behind a remote id. Raises PermanentError for what is none."""
    ids = [int(each) for each in remote_id.split(",") if each.isascii() and each.isdigit()]
    if not ids:
        raise PermanentError(gettext_noop("Telegram has no such message."), reason=Reason.REJECTED)
    return ids
