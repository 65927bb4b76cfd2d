"""A strict Bot API server in memory with one bot and one channel (core.telegram.org/bots/api).

It refuses unknown fields and markup that it cannot read, counts UTF-16 units after reading the markup, and lets the bot
write only while it is an administrator who may post. Nothing can be read back, as at Telegram.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import re
from html.parser import HTMLParser
from typing import Any, ClassVar

from PIL import Image, UnidentifiedImageError

from tests.contract.faults import Known
from tests.contract.server import ContractServer, PublicPost, Route
from tests.contract.wire import Part, RefusedError, Request, Response, answer

TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
CHAT_ID, NEW_CHAT_ID = -1001234567890, -1009876543210
BOT = {"id": 110201543, "is_bot": True, "first_name": "Opslag", "username": "opslag_bot"}
TEXT, CAPTION, ALBUM = 4096, 1024, 10
PHOTO_BYTES = 10_485_760
TAGS = {"b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "span", "a", "code", "pre", "blockquote"}
SENDS = {"chat_id", "disable_notification", "protect_content", "reply_parameters"}
FIELDS = {
    "getMe": set(),
    "getChat": {"chat_id"},
    "getChatMember": {"chat_id", "user_id"},
    "sendMessage": SENDS | {"text", "parse_mode", "link_preview_options"},
    "sendPhoto": SENDS | {"photo", "caption", "parse_mode"},
    "sendMediaGroup": SENDS | {"media"},
    "editMessageText": {"chat_id", "message_id", "text", "parse_mode", "link_preview_options"},
    "editMessageCaption": {"chat_id", "message_id", "caption", "parse_mode"},
    "deleteMessage": {"chat_id", "message_id"},
}
PREVIEW = {"is_disabled", "url", "prefer_small_media", "prefer_large_media", "show_above_text"}


class TelegramServer(ContractServer):
    """`token` is the bot's; a post's remote id is its message's, an album's are joined by commas (fields["album"])."""

    create, upload = "POST /bot*/send", "POST /bot*/send"
    pictures = ("media_fails",)
    tells_figures = access_ends = False
    own_faults: ClassVar = {
        "not_a_member": Known("POST /bot", "the bot was taken out of the channel"),
        "no_post_right": Known("POST /bot", "the bot may not post messages"),
        "moved": Known("POST /bot", "the channel has a new id, and says so to whoever uses the old one"),
    }

    def __init__(self, username: str = "kultur") -> None:
        self.token = TOKEN
        self.username = username
        self.chat_type = "channel"
        self.chat_id = CHAT_ID
        self._revoked: set[str] = set()
        self._message_ids = itertools.count(17)
        self._methods = {
            "getMe": self._me,
            "getChat": self._shown_chat,
            "getChatMember": self._member,
            "sendMessage": self._send_message,
            "sendPhoto": self._send_photo,
            "sendMediaGroup": self._send_album,
            "editMessageText": self._edit_text,
            "editMessageCaption": self._edit_caption,
            "deleteMessage": self._delete_message,
        }
        super().__init__()

    def routes(self) -> list[Route]:
        return [("POST", r"/bot([^/]+)/(\w+)", self._method)]

    def refusal(self, request: Request, status: int, message: str) -> Response:
        return answer({"ok": False, "error_code": status, "description": message}, status)

    def throttled(self, request: Request) -> Response:
        wait_s = self.reset_s or 5
        said = {"ok": False, "error_code": 429, "description": f"Too Many Requests: retry after {wait_s}"}
        return answer(said | {"parameters": {"retry_after": wait_s}}, 429)

    def token_fault(self, request: Request, *, expired: bool) -> Response:
        self.revoke(self.token)
        return self.refusal(request, 401, "Unauthorized")

    def revoke(self, token: str) -> None:
        self._revoked.add(token)

    def callers(self, request: Request) -> set[str]:
        """The bot's token, and the channel that it writes to by its id."""
        token = request.path.split("/")[1].removeprefix("bot")
        with contextlib.suppress(RefusedError, ValueError):
            return {token, str(_given(request)[0].get("chat_id", "")), str(self.chat_id), f"@{self.username}"}
        return {token}

    def move(self) -> None:
        """Give the channel another id."""
        self.chat_id = NEW_CHAT_ID

    def _method(self, request: Request, token: str, method: str) -> Response:
        if not re.fullmatch(r"\d+:[\w-]{30,}", token):
            raise RefusedError(404, "Not Found")
        if token != self.token or token in self._revoked:
            raise RefusedError(401, "Unauthorized")
        if method not in FIELDS:
            raise RefusedError(404, "Not Found: method not found")
        fields, files = _given(request)
        if unknown := (set(fields) | set(files)) - FIELDS[method] - _attached(fields):
            raise RefusedError(400, f"Contract: unknown fields: {', '.join(sorted(unknown))}")
        if method != "getMe" and (refused := self._no_chat(request, fields)):
            return refused
        if method in {"sendPhoto", "sendMediaGroup"} and self.faults.take("media_fails", request):
            raise RefusedError(400, "Bad Request: IMAGE_PROCESS_FAILED")
        result = self._methods[method](fields, files)
        response = answer({"ok": True, "result": result})
        return self.committed(request, response) if method.startswith("send") else response

    def _no_chat(self, request: Request, fields: dict[str, Any]) -> Response | None:
        if self.faults.take("moved", request):
            self.move()
        if str(fields.get("chat_id")) == str(CHAT_ID) != str(self.chat_id):
            said = "Bad Request: group chat was upgraded to a supergroup chat"
            moved = {"ok": False, "error_code": 400, "description": said}
            return answer(moved | {"parameters": {"migrate_to_chat_id": self.chat_id}}, 400)
        if str(fields.get("chat_id")) not in {str(self.chat_id), f"@{self.username}"}:
            raise RefusedError(400, "Bad Request: chat not found")
        if self.faults.take("not_a_member", request):
            raise RefusedError(403, "Forbidden: bot is not a member of the channel chat")
        if "/send" in request.path and self.faults.take("no_post_right", request):
            raise RefusedError(400, "Bad Request: need administrator rights in the channel chat")
        return None

    def _me(self, fields: dict[str, Any], files: dict[str, Part]) -> dict[str, Any]:
        return dict(BOT)

    def _shown_chat(self, fields: dict[str, Any], files: dict[str, Part]) -> dict[str, Any]:
        return self._chat()

    def _member(self, fields: dict[str, Any], files: dict[str, Part]) -> dict[str, Any]:
        if fields.get("user_id") != BOT["id"]:
            raise RefusedError(400, "Bad Request: user not found")
        right = "no_post_right" not in self.faults.state()
        return {"user": BOT, "status": "administrator", "can_post_messages": right, "can_edit_messages": False}

    def _send_message(self, fields: dict[str, Any], files: dict[str, Part]) -> dict[str, Any]:
        text = _parsed(fields, "text")
        if not text.strip():
            raise RefusedError(400, "Bad Request: message text is empty")
        if _units(text) > (self.text_limit or TEXT):
            raise RefusedError(400, "Bad Request: message is too long")
        preview = fields.get("link_preview_options", {})
        if set(preview) - PREVIEW:
            raise RefusedError(400, "Contract: unknown link_preview_options")
        return self._published(text, [], fields, link=preview.get("url", ""))[0]

    def _send_photo(self, fields: dict[str, Any], files: dict[str, Part]) -> dict[str, Any]:
        if "photo" not in files:
            raise RefusedError(400, "Bad Request: there is no photo in the request")
        return self._published(_caption(fields), [_photo(files["photo"])], fields)[0]

    def _send_album(self, fields: dict[str, Any], files: dict[str, Part]) -> list[dict[str, Any]]:
        media = fields.get("media")
        if not isinstance(media, list) or not 2 <= len(media) <= ALBUM:
            raise RefusedError(400, "Bad Request: group send failed: 2-10 items")
        photos, captions = [], []
        for each in media:
            if set(each) - {"type", "media", "caption", "parse_mode"} or each.get("type") != "photo":
                raise RefusedError(400, "Contract: an item is a photo with media, caption and parse_mode")
            name = str(each["media"]).removeprefix("attach://")
            if name not in files:
                raise RefusedError(400, "Bad Request: wrong file identifier/HTTP URL specified")
            photos.append(_photo(files[name]))
            captions.append(_caption(each))
        return self._published("\n".join(filter(None, captions)), photos, fields)

    def _edit_text(self, fields: dict[str, Any], files: dict[str, Part]) -> dict[str, Any]:
        post = self._to_change(fields, "edit")
        if post.pictures:
            raise RefusedError(400, "Bad Request: there is no text in the message to edit")
        text = _parsed(fields, "text")
        if _units(text) > (self.text_limit or TEXT):
            raise RefusedError(400, "Bad Request: message is too long")
        return self._edited(post, text)

    def _edit_caption(self, fields: dict[str, Any], files: dict[str, Part]) -> dict[str, Any]:
        post = self._to_change(fields, "edit")
        if not post.pictures:
            raise RefusedError(400, "Bad Request: there is no caption in the message to edit")
        return self._edited(post, _caption(fields))

    def _delete_message(self, fields: dict[str, Any], files: dict[str, Part]) -> bool:
        post = self._to_change(fields, "delete")
        left = [each for each in post.fields["album"] if each != fields["message_id"]]
        post.fields["album"], post.deleted = left, not left
        return True

    def _to_change(self, fields: dict[str, Any], what: str) -> PublicPost:
        if not isinstance(fields.get("message_id"), int):
            raise RefusedError(400, "Bad Request: message identifier is not specified")
        for post in self.public():
            if fields["message_id"] in post.fields["album"]:
                return post
        raise RefusedError(400, f"Bad Request: message to {what} not found")

    def _edited(self, post: PublicPost, text: str) -> dict[str, Any]:
        if text == post.text:
            said = "message is not modified: specified new message content and reply markup are exactly the same"
            raise RefusedError(400, f"Bad Request: {said}")
        post.text, post.edits = text, post.edits + 1
        return self._entity(post, post.fields["album"][0])

    def _published(
        self, text: str, photos: list[bytes], fields: dict[str, Any], link: str = ""
    ) -> list[dict[str, Any]]:
        reply_to = self._replied_to(fields)
        ids = [next(self._message_ids) for _ in photos or [b""]]
        post = PublicPost(
            ",".join(map(str, ids)), text, self.clock.now(), [], photos, link, reply_to=reply_to, fields={"album": ids}
        )
        self.posts.append(post)
        return [self._entity(post, message_id) for message_id in ids]

    def _replied_to(self, fields: dict[str, Any]) -> str:
        given = fields.get("reply_parameters")
        if given is None:
            return ""
        if not isinstance(given, dict) or set(given) != {"message_id"} or not isinstance(given["message_id"], int):
            raise RefusedError(400, "Contract: reply_parameters names one message_id")
        for post in self.public():
            if given["message_id"] in post.fields["album"]:
                return post.remote_id
        raise RefusedError(400, "Bad Request: message to be replied not found")

    def _chat(self) -> dict[str, Any]:
        named = {"username": self.username} if self.username else {}
        return {"id": self.chat_id, "title": "Kulturfællesskabet", "type": self.chat_type, **named}

    def _entity(self, post: PublicPost, message_id: int) -> dict[str, Any]:
        words = {"caption": post.text} if post.pictures else {"text": post.text}
        seconds = int(post.created_at.timestamp())
        return {"message_id": message_id, "sender_chat": self._chat(), "chat": self._chat(), "date": seconds, **words}


def _given(request: Request) -> tuple[dict[str, Any], dict[str, Part]]:
    """Fields and files of a call, whichever of the two bodies it has."""
    if request.media_type == "application/json":
        return request.json(), {}
    if request.media_type != "multipart/form-data":
        raise RefusedError(400, "Contract: this call takes JSON or multipart/form-data")
    parts = request.parts()
    files = {name: part for name, part in parts.items() if part.filename}
    fields: dict[str, Any] = {name: part.content.decode() for name, part in parts.items() if not part.filename}
    for name in fields.keys() & {"media", "reply_parameters", "link_preview_options"}:
        fields[name] = json.loads(fields[name])
    return fields, files


def _attached(fields: dict[str, Any]) -> set[str]:
    media = fields.get("media")
    return {str(each.get("media")).removeprefix("attach://") for each in media} if isinstance(media, list) else set()


def _caption(fields: dict[str, Any]) -> str:
    caption = _parsed(fields, "caption")
    if _units(caption) > CAPTION:
        raise RefusedError(400, "Bad Request: message caption is too long")
    return caption


def _photo(part: Part) -> bytes:
    if len(part.content) > PHOTO_BYTES:
        raise RefusedError(413, "Request Entity Too Large")
    try:
        with Image.open(io.BytesIO(part.content)) as image:
            image.load()
            short, long = sorted(image.size)
    except (UnidentifiedImageError, OSError):
        raise RefusedError(400, "Bad Request: IMAGE_PROCESS_FAILED") from None
    if short + long > 10_000 or long > 20 * short:
        raise RefusedError(400, "Bad Request: PHOTO_INVALID_DIMENSIONS")
    return part.content


def _units(text: str) -> int:
    return sum(2 if ord(character) > 0xFFFF else 1 for character in text)


def _parsed(fields: dict[str, Any], name: str) -> str:
    """The text as people see it: with parse_mode HTML its tags are read, and unknown ones refused."""
    text = fields.get(name, "")
    if not isinstance(text, str):
        raise RefusedError(400, f"Contract: {name} is a text")
    if "parse_mode" not in fields:
        return text
    if fields["parse_mode"] != "HTML":
        raise RefusedError(400, "Contract: only parse_mode HTML")
    if re.search(r"&(?!(?:lt|gt|amp|quot|#\d+);)", text):
        raise RefusedError(400, "Bad Request: can't parse entities: unescaped &")
    if "<" in re.sub(r"</?[a-zA-Z][^<>]*>", "", text):
        raise RefusedError(400, "Bad Request: can't parse entities: unclosed start tag")
    reader = _Reader()
    reader.feed(text)
    reader.close()
    if reader.open:
        raise RefusedError(400, f"Bad Request: can't parse entities: Can't find end tag of \"{reader.open[-1]}\"")
    return "".join(reader.words).strip()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {"a": {"href"}, "span": {"class"}, "code": {"class"}, "blockquote": {"expandable"}}.get(tag, set())
        if tag not in TAGS or (tag == "span" and attrs != [("class", "tg-spoiler")]):
            raise RefusedError(400, f'Bad Request: can\'t parse entities: Unsupported start tag "{tag}"')
        if unknown := {name for name, _value in attrs} - known:
            raise RefusedError(400, f"Contract: {tag} has no attribute {', '.join(sorted(unknown))}")
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            raise RefusedError(400, f'Bad Request: can\'t parse entities: Unexpected end tag "{tag}"')

    def handle_data(self, data: str) -> None:
        self.words.append(data)
