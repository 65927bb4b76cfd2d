"""A strict server of the Threads API in memory (fact sheet A6): containers, answers, quotas, insights, deletion."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property, partial
from html import escape
from typing import Any, ClassVar

from tests.contract.faults import Known
from tests.contract.meta_fetch import Box, Fetch, is_public, over_the_wire, what_is_wrong
from tests.contract.meta_server import GraphError, GraphServer, Token, listed, shown
from tests.contract.server import PublicPost, Route
from tests.contract.threads_oauth import USER, ThreadsOAuth
from tests.contract.wire import Request, Response, answer, page

CREATE, PUBLISH = f"POST /v1.0/{USER}/threads", f"POST /v1.0/{USER}/threads_publish"
TEXT, ALT, LINKS = 500, 1000, 5
METRICS = {"views", "likes", "replies", "reposts", "quotes", "shares"}
_MEDIA = {"id", "permalink", "text", "timestamp", "media_type", "is_reply", "replied_to"}
_LIMITS = {"quota_usage", "config", "reply_quota_usage", "reply_config", "delete_quota_usage", "delete_config"}
_URL = re.compile(r"https?://[^\s<>\"]*[^\s<>\".,;:!?)\]…”]")
_PICTOGRAPHS = ((0x1F000, 0x1FAFF), (0x2600, 0x27BF), (0x2300, 0x23FF), (0x2B00, 0x2BFF), (0xE0020, 0xE007F))
_JOINERS = {0x200D, 0xFE0F, 0x20E3}
_WRONG = {
    "download": "UNKNOWN_DOWNLOAD",
    "format": "INVALID_FORMAT",
    "size": "TOO_LARGE",
    "aspect": "INVALID_ASPEC_RATIO",
}


def weight(text: str) -> int:
    """A text's length: an emoji is as long as its UTF-8 bytes, all else 1."""
    total = 0
    for sign in text:
        code = ord(sign)
        pictograph = any(low <= code <= high for low, high in _PICTOGRAPHS) and unicodedata.category(sign) != "Nd"
        total += len(sign.encode()) if pictograph or code in _JOINERS else 1
    return total


class ThreadsServer(GraphServer):
    """The server; `fetch` gets a picture from its address, `quotas` are posts, answers and deletions in 24 hours."""

    create, upload = PUBLISH, CREATE
    token_in_address = True
    own_faults: ClassVar[Mapping[str, Known]] = {
        **GraphServer.graph_faults,
        "unknown_error": Known(CREATE, "the container ends in ERROR with UNKNOWN"),
        "late_list": Known("GET", "the list of posts leaves the newest out"),
    }

    def __init__(self, fetch: Fetch = over_the_wire) -> None:
        super().__init__()
        self.fetch = fetch
        self.quotas = {"posts": 250, "replies": 1000, "deletes": 100}
        self.deleted = 0
        self.boxes: dict[str, Box] = {}
        self.token = self.oauth.long_token()

    @cached_property
    def oauth(self) -> ThreadsOAuth:
        """The pages and calls by which a person lets an app in."""
        return ThreadsOAuth(self.clock, self.issue, self._good)

    def routes(self) -> list[Route]:
        user = rf"/v1\.0/({USER}|me)"
        return [
            ("GET", "/oauth/authorize", self.oauth.ask),
            ("POST", "/oauth/authorize", self.oauth.agree),
            ("POST", "/oauth/access_token", self.oauth.exchange),
            ("GET", "/access_token", self.oauth.lengthen),
            ("GET", "/refresh_access_token", self.oauth.refresh),
            ("GET", user, self._profile),
            ("POST", f"{user}/threads", self._contain),
            ("POST", f"{user}/threads_publish", self._publish),
            ("GET", f"{user}/threads", partial(self._list, False)),
            ("GET", f"{user}/replies", partial(self._list, True)),
            ("GET", f"{user}/threads_publishing_limit", self._limit),
            ("GET", r"/v1\.0/(31\d+)/insights", self._insights),
            ("GET", r"/v1\.0/([\w-]+)", self._read),
            ("DELETE", r"/v1\.0/([\w-]+)", self._delete),
            ("GET", r"/@kulturfaellesskabet/post/(31\d+)", self._page),
        ]

    def _good(self, text: str) -> Token:
        token = self.tokens.get(text)
        if token is None:
            raise GraphError(190, "Invalid OAuth 2.0 Access Token", status=401)
        self.check_alive(token)
        return token

    def _profile(self, request: Request, _user: str) -> Response:
        self.allowed(request, "threads_basic")
        known = {"id", "username", "name", "threads_profile_picture_url", "threads_biography"}
        given = self.asked(request, set(), known, "User")
        row = {"id": USER, "username": "kulturfaellesskabet", "name": "Kulturfællesskabet",
               "threads_profile_picture_url": f"{request.origin}/picture"}  # fmt: skip
        return answer(shown(row, given.get("fields", "id")))

    def _contain(self, request: Request, _user: str) -> Response:
        token = self.allowed(request, "threads_basic", "threads_content_publish")
        if request.media_type != "application/x-www-form-urlencoded":
            raise GraphError(100, "Contract: this call takes a form")
        known = {"media_type", "text", "image_url", "alt_text", "is_carousel_item", "children", "reply_to_id",
                 "reply_control", "link_attachment", "topic_tag"}  # fmt: skip
        given = self.asked(request, known)
        self._check_text(given)
        if given.get("reply_to_id"):
            self.allowed(request, "threads_manage_replies")
            self._own(given["reply_to_id"])
        box = Box(f"30{self.next_number()}", token.owner, self.clock.now(), given.get("text", ""))
        box.reply_to, box.link = given.get("reply_to_id", ""), given.get("link_attachment", "")
        fill = {"TEXT": self._fill_text, "IMAGE": self._fill_picture, "CAROUSEL": self._fill_carousel}
        if given.get("media_type") not in fill:
            raise GraphError(100, "(#100) Param media_type must be one of {TEXT, IMAGE, VIDEO, CAROUSEL}")
        fill[given["media_type"]](box, given)
        if self.faults.take("media_fails", request):
            box.error = "INVALID_ASPEC_RATIO"
        elif self.faults.take("unknown_error", request):
            box.error = "UNKNOWN"
        box.looks = self.media_polls if self.faults.take("media_slow", request) else 0
        self.boxes[box.box_id] = box
        return answer({"id": box.box_id})

    def _check_text(self, given: dict[str, Any]) -> None:
        text, link = given.get("text", ""), given.get("link_attachment", "")
        if weight(text) > (self.text_limit or TEXT):
            raise GraphError(100, "Param text must be at most 500 characters long")
        if len({*_URL.findall(text), *([link] if link else [])}) > LINKS:
            raise GraphError(100, "THREADS_API__LINK_LIMIT_EXCEEDED")
        if link and given.get("media_type") != "TEXT":
            raise GraphError(100, "link_attachment is for posts of text only")

    def _fill_text(self, box: Box, given: dict[str, Any]) -> None:
        if set(given) & {"image_url", "alt_text", "children", "is_carousel_item"}:
            raise GraphError(100, "Contract: a TEXT container has words alone")
        if not given.get("text") and not given.get("link_attachment"):
            raise GraphError(100, "The parameter text is required")

    def _fill_picture(self, box: Box, given: dict[str, Any]) -> None:
        url, alt = given.get("image_url", ""), given.get("alt_text", "")
        if not url or "children" in given or len(alt) > ALT:
            raise GraphError(100, "The parameter image_url is required, and alt_text is at most 1000 characters")
        box.is_item = given.get("is_carousel_item") == "true"
        if box.is_item and box.text:
            raise GraphError(100, "Contract: the text belongs to the carousel")
        found = self.fetch(url) if is_public(url) else None
        box.error = _WRONG.get(what_is_wrong(found, {"JPEG", "PNG"}, (0.1, 10.0)), "")
        if found is not None and not box.error:
            box.alt_texts, box.pictures = [alt], [found.content]

    def _fill_carousel(self, box: Box, given: dict[str, Any]) -> None:
        items = [self.boxes.get(name) for name in given.get("children", "").split(",")]
        if set(given) & {"image_url", "alt_text"} or not 2 <= len(items) <= 20:
            raise GraphError(100, "A carousel has between 2 and 20 children")
        for item in items:
            if item is None or not item.is_item or item.state(self.clock.now()) != "FINISHED":
                raise GraphError(100, "A child of the carousel is not ready")
            box.alt_texts += item.alt_texts
            box.pictures += item.pictures

    def _publish(self, request: Request, _user: str) -> Response:
        token = self.allowed(request, "threads_basic", "threads_content_publish")
        box = self.boxes.get(self.asked(request, {"creation_id"}).get("creation_id", ""))
        if box is None or box.owner != token.owner or box.is_item:
            raise GraphError(24, "The requested resource does not exist", 4279009)
        state = box.state(self.clock.now())
        if state != "FINISHED":
            raise GraphError(100 if state == "PUBLISHED" else 24, f"The container cannot be published: {state}")
        if self._used(bool(box.reply_to)) >= self.quotas["replies" if box.reply_to else "posts"]:
            raise GraphError(9, "(#9) The number of posts in 24 hours is used up", 2207042)
        box.media_id = f"31{self.next_number()}"
        post = PublicPost(
            box.media_id, box.text, self.clock.now(), box.alt_texts, box.pictures, box.link, reply_to=box.reply_to
        )
        self.posts.append(post)
        return self.committed(request, answer({"id": box.media_id}))

    def _used(self, replies: bool) -> int:
        day = self.clock.now() - timedelta(hours=24)
        return sum(1 for post in self.posts if post.created_at > day and bool(post.reply_to) == replies)

    def _limit(self, request: Request, _user: str) -> Response:
        self.allowed(request, "threads_basic", "threads_content_publish")
        given = self.asked(request, set(), _LIMITS, "User")
        row: dict[str, Any] = {"id": USER}
        used_up = {"": ("posts", self._used(False)), "reply_": ("replies", self._used(True))}
        for name, (total, used) in (used_up | {"delete_": ("deletes", self.deleted)}).items():
            row[f"{name}quota_usage"] = used
            row[f"{name}config"] = {"quota_total": self.quotas[total], "quota_duration": 86400}
        return answer({"data": [shown(row, given.get("fields", "quota_usage"))]})

    def _list(self, replies: bool, request: Request, _user: str) -> Response:
        self.allowed(request, "threads_basic")
        given = self.asked(request, {"limit", "after", "since", "until"}, _MEDIA, "Media")
        own = [post for post in reversed(self.public()) if bool(post.reply_to) == replies]
        own = own[1:] if self.faults.take("late_list", request) else own
        rows = [shown(self._entity(post, request), given.get("fields", "id")) for post in own]
        return listed(request, rows, given.get("after", ""), min(int(given.get("limit", 25)), 25))

    def _read(self, request: Request, identity: str) -> Response:
        self.allowed(request, "threads_basic")
        if box := self.boxes.get(identity):
            given = self.asked(request, set(), {"id", "status", "error_message"}, "Container")
            state = box.state(self.clock.now())
            row = {"id": identity, "status": state, "error_message": box.error or None}
            return answer(shown(row, given.get("fields", "id")))
        given = self.asked(request, set(), _MEDIA, "Media")
        return answer(shown(self._entity(self._own(identity), request), given.get("fields", "id")))

    def _delete(self, request: Request, identity: str) -> Response:
        self.allowed(request, "threads_basic", "threads_delete")
        self.asked(request, set())
        post = self._own(identity)
        if self.deleted >= self.quotas["deletes"]:
            raise GraphError(9, "(#9) The number of deletions in 24 hours is used up", 2207042)
        post.deleted, self.deleted = True, self.deleted + 1
        return answer({"success": True, "deleted_id": identity})

    def _insights(self, request: Request, identity: str) -> Response:
        self.allowed(request, "threads_basic", "threads_manage_insights")
        self._own(identity)
        metrics = self.asked(request, {"metric"}).get("metric", "").split(",")
        if set(metrics) - METRICS:
            raise GraphError(100, "(#100) metric must be one of the following values: views, likes, …")
        rows = [{"name": name, "period": "lifetime", "values": [{"value": len(name)}]} for name in metrics]
        return answer({"data": rows})

    def _own(self, identity: str) -> PublicPost:
        post = self.post(identity)
        if post is None:
            raise self.missing(identity)
        return post

    def _entity(self, post: PublicPost, request: Request) -> dict[str, Any]:
        return {
            "id": post.remote_id, "text": post.text or None, "is_reply": bool(post.reply_to),
            "timestamp": post.created_at.strftime("%Y-%m-%dT%H:%M:%S+0000"),
            "permalink": f"{request.origin}/@kulturfaellesskabet/post/{post.remote_id}",
        }  # fmt: skip

    def _page(self, request: Request, identity: str) -> Response:
        """What anybody sees at a post's own address."""
        post = self.post(identity)
        if post is None:
            return page("<h1>Not found</h1>", 404)
        return page(f"<!doctype html><meta charset=utf-8><title>Threads</title><p>{escape(post.text)}</p>")
