"""A strict server of Instagram content publishing in memory (fact sheet A5): containers, quota, comments, insights."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from html import escape
from typing import Any, ClassVar

from tests.contract.faults import Known
from tests.contract.meta_fetch import Box, Fetch, is_public, over_the_wire, what_is_wrong
from tests.contract.meta_login import VERSION, LoginServer
from tests.contract.meta_server import LONG, GraphError, Token, listed, shown
from tests.contract.server import PublicPost, Route
from tests.contract.wire import Request, Response, answer, page

MEDIA, PUBLISH = "POST /v*/*/media", "POST /v*/*/media_publish"
CAPTION, ALT, HASHTAGS, MENTIONS, CONTAINERS = 2200, 1000, 30, 20, 400
METRICS = {"views", "reach", "likes", "comments", "saved", "shares", "total_interactions"}
_ACCOUNT = {"id", "user_id", "username", "name", "profile_picture_url", "account_type"}
_MEDIA = {"id", "caption", "permalink", "shortcode", "timestamp", "like_count", "comments_count", "media_type"}
_COMMENT = {"id", "text", "timestamp", "username"}
WRONG = {
    "download": (9004, 2207052, "Only photo or video can be accepted as media type: the media could not be fetched"),
    "format": (36001, 2207005, "The image format is not supported"),
    "size": (36000, 2207004, "The image is too large to download"),
    "aspect": (36003, 2207009, "The submitted image has an aspect ratio that is not allowed"),
}


class InstagramServer(LoginServer):
    """The server. `fetch` gets a picture from its address; `quota`: posts in 24 hours. Takes both kinds of access."""

    create, upload = PUBLISH, MEDIA
    own_faults: ClassVar[Mapping[str, Known]] = {
        **LoginServer.login_faults,
        "download_slow": Known(MEDIA, "the picture takes too long to come (2207003)"),
        "not_ready": Known(PUBLISH, "says that the container is not ready (9007/2207027)"),
        "blocked": Known(PUBLISH, "blocked as spam (2207051)"),
        "late_list": Known("GET", "the list of posts leaves the newest out"),
    }

    def __init__(self, fetch: Fetch = over_the_wire) -> None:
        super().__init__()
        self.fetch = fetch
        self.quota = 100
        self.boxes: dict[str, Box] = {}

    def own_token(self, age: timedelta = timedelta(days=2)) -> str:
        """The account's own token (Instagram Login), given `age` ago for 60 days."""
        issued = self.clock.now() - age
        return self.issue(Token("profile", "17841", frozenset(), issued, issued + LONG), "IGAA")

    def routes(self) -> list[Route]:
        return [
            ("GET", "/refresh_access_token", self._refresh),
            ("GET", rf"{VERSION}/me", self._me_or_page),
            *self.login_routes(),
            ("POST", rf"{VERSION}/(17841|me)/media", self._contain),
            ("POST", rf"{VERSION}/(17841|me)/media_publish", self._publish),
            ("GET", rf"{VERSION}/(17841|me)/media", self._list),
            ("GET", rf"{VERSION}/(17841|me)/content_publishing_limit", self._limit),
            ("GET", rf"{VERSION}/17841", self._account),
            ("POST", rf"{VERSION}/(18\d+)/comments", self._comment),
            ("GET", rf"{VERSION}/(18\d+)/comments", self._comments),
            ("GET", rf"{VERSION}/(18\d+)/insights", self._insights),
            ("GET", rf"{VERSION}/([\w-]+)", self._read),
            ("GET", r"/p/(18\d+)/", self._page),
            ("GET", r"/picture/\d+", lambda request: page("")),
        ]

    def _as_account(self, request: Request, scope: str = "instagram_basic") -> Token:
        """Instagram Login names its permissions otherwise and always gives them all here."""
        token = self.allowed(request)
        if token.kind == "page" and self.pages[token.owner].instagram != "17841":
            raise self.missing("17841")
        return token if token.kind == "profile" else self.allowed(request, scope)

    def _me_or_page(self, request: Request) -> Response:
        token = self.allowed(request)
        return self._account(request) if token.kind == "profile" else self._me(request)

    def _account(self, request: Request) -> Response:
        self._as_account(request)
        given = self.asked(request, set(), _ACCOUNT, "IGUser")
        account = {"id": "17841", "user_id": "17841", "username": "kulturfaellesskabet", "name": "Kulturfællesskabet",
                   "account_type": "BUSINESS", "profile_picture_url": f"{request.origin}/picture/17841"}  # fmt: skip
        return answer(shown(account, given.get("fields", "id")))

    def _refresh(self, request: Request) -> Response:
        given = {name: values[-1] for name, values in request.query.items()}
        old = self.tokens.get(given.get("access_token", ""))
        if set(given) != {"grant_type", "access_token"} or given["grant_type"] != "ig_refresh_token" or old is None:
            raise GraphError(190, "Invalid OAuth access token")
        self.check_alive(old)
        if self.clock.now() - old.issued < timedelta(hours=24):
            raise GraphError(100, "Contract: the token is younger than 24 hours")
        fresh = self.own_token(timedelta(0))
        return answer({"access_token": fresh, "token_type": "bearer", "expires_in": int(LONG.total_seconds())})

    def _contain(self, request: Request, _account: str) -> Response:
        token = self._as_account(request, "instagram_content_publish")
        if request.media_type != "application/json":
            raise GraphError(100, "Contract: this call takes JSON")
        known = {"image_url", "caption", "alt_text", "is_carousel_item", "media_type", "children"}
        given = self.asked(request, known)
        day = self.clock.now() - timedelta(hours=24)
        if sum(1 for box in self.boxes.values() if box.created_at > day) >= CONTAINERS:
            raise GraphError(9, "(#9) Too many containers in 24 hours", 2207042)
        self._check_caption(given)
        box = Box(f"18{self.next_number()}", token.owner, self.clock.now(), given.get("caption", ""))
        if given.get("media_type") == "CAROUSEL":
            self._fill_carousel(box, given)
        else:
            self._fill_picture(request, box, given)
        self.boxes[box.box_id] = box
        return answer({"id": box.box_id})

    def _check_caption(self, given: dict[str, Any]) -> None:
        caption, item = given.get("caption", ""), given.get("is_carousel_item", False)
        words = caption.split()
        if item and caption:
            raise GraphError(100, "Contract: the caption belongs to the carousel")
        if (
            sum(1 + (ord(c) > 0xFFFF) for c in caption) > (self.text_limit or CAPTION)
            or sum(word.startswith("#") for word in words) > HASHTAGS
            or sum(word.startswith("@") for word in words) > MENTIONS
        ):
            raise GraphError(36004, "The caption is too long, or has too many hashtags or mentions", 2207010)

    def _fill_picture(self, request: Request, box: Box, given: dict[str, Any]) -> None:
        url, alt = given.get("image_url", ""), given.get("alt_text", "")
        if set(given) & {"media_type", "children"} or not url:
            raise GraphError(100, "(#100) The parameter image_url is required", 2207028 if "children" in given else 0)
        if len(alt) > ALT:
            raise GraphError(100, "(#100) Param alt_text is too long")
        if self.faults.take("download_slow", request):
            raise GraphError(-2, "Timed out while downloading the media", 2207003)
        found = self.fetch(url) if is_public(url) else None
        wrong = what_is_wrong(found, {"JPEG"}, (0.8, 1.91))
        if wrong:
            code, subcode, words = WRONG[wrong]
            raise GraphError(code, words, subcode, error_user_msg=words)
        assert found is not None
        box.alt_texts, box.pictures, box.is_item = [alt], [found.content], given.get("is_carousel_item") is True
        if self.faults.take("media_fails", request):
            box.error = "Error: Media upload has failed with error code 2207026"
        box.looks = self.media_polls if self.faults.take("media_slow", request) else 0

    def _fill_carousel(self, box: Box, given: dict[str, Any]) -> None:
        if set(given) - {"media_type", "children", "caption"}:
            raise GraphError(100, "Contract: a carousel has children and a caption")
        items = [self.boxes.get(name) for name in str(given.get("children", "")).split(",")]
        if not 2 <= len(items) <= 10:
            raise GraphError(100, "The carousel must have between 2 and 10 children", 2207028)
        for item in items:
            if item is None or not item.is_item or item.state(self.clock.now()) != "FINISHED":
                raise GraphError(9007, "A child of the carousel is not ready", 2207027)
            box.alt_texts += item.alt_texts
            box.pictures += item.pictures

    def _publish(self, request: Request, _account: str) -> Response:
        token = self._as_account(request, "instagram_content_publish")
        given = self.asked(request, {"creation_id"})
        box = self.boxes.get(str(given.get("creation_id", "")))
        if box is None or box.owner != token.owner or box.is_item:
            raise GraphError(24, "The requested resource does not exist", 2207006)
        state = box.state(self.clock.now())
        if state == "IN_PROGRESS" or self.faults.take("not_ready", request):
            raise GraphError(9007, "Media ID is not available", 2207027)
        if state == "EXPIRED":
            raise GraphError(24, "The media builder with creation id has expired", 2207008)
        if state == "PUBLISHED":
            raise GraphError(100, "The media was published already")
        if self.faults.take("blocked", request):
            raise GraphError(4, "We restrict certain activity to protect our community", 2207051)
        if state == "ERROR":
            raise GraphError(-1, "The media could not be created", 2207032)
        if self._used() >= self.quota:
            raise GraphError(9, "(#9) The number of posts in 24 hours is used up", 2207042)
        media_id = f"18{self.next_number()}"
        box.media_id = media_id
        self.posts.append(
            PublicPost(media_id, box.text, self.clock.now(), box.alt_texts, box.pictures,
                       fields={"only_roles": not self.is_live(request)})
        )  # fmt: skip
        return self.committed(request, answer({"id": media_id}))

    def _used(self) -> int:
        day = self.clock.now() - timedelta(hours=24)
        return sum(1 for post in self.posts if post.created_at > day and not post.reply_to)

    def _limit(self, request: Request, _account: str) -> Response:
        self._as_account(request, "instagram_content_publish")
        given = self.asked(request, set(), {"quota_usage", "config"}, "IGUser")
        row = {"quota_usage": self._used(), "config": {"quota_total": self.quota, "quota_duration": 86400}}
        return answer({"data": [shown(row, given.get("fields", "quota_usage"))]})

    def _list(self, request: Request, _account: str) -> Response:
        self._as_account(request)
        given = self.asked(request, {"limit", "after"}, _MEDIA, "Media")
        own = [post for post in reversed(self.posts) if not post.reply_to]
        own = own[1:] if self.faults.take("late_list", request) else own
        rows = [shown(self._entity(post, request), given.get("fields", "id")) for post in own]
        return listed(request, rows, given.get("after", ""), min(int(given.get("limit", 25)), 25))

    def _read(self, request: Request, identity: str) -> Response:
        self._as_account(request)
        if box := self.boxes.get(identity):
            given = self.asked(request, set(), {"id", "status_code", "status"}, "Container")
            state = box.state(self.clock.now())
            row = {"id": identity, "status_code": state, "status": box.error if state == "ERROR" else f"{state}: ok"}
            return answer(shown(row, given.get("fields", "id")))
        post = self._own(identity)
        known, node = (_COMMENT, "Comment") if post.reply_to else (_MEDIA, "Media")
        given = self.asked(request, set(), known, node)
        return answer(shown(self._entity(post, request), given.get("fields", "id")))

    def _own(self, identity: str) -> PublicPost:
        for post in self.posts:
            if post.remote_id == identity:
                return post
        raise self.missing(identity)

    def _comment(self, request: Request, media_id: str) -> Response:
        self._as_account(request, "instagram_manage_comments")
        self._own(media_id)
        given = self.asked(request, {"message"})
        if not given.get("message"):
            raise GraphError(100, "(#100) The parameter message is required")
        comment = PublicPost(f"18{self.next_number()}", given["message"], self.clock.now(), reply_to=media_id)
        self.posts.append(comment)
        return self.committed(request, answer({"id": comment.remote_id}))

    def _comments(self, request: Request, media_id: str) -> Response:
        self._as_account(request, "instagram_manage_comments")
        given, post = self.asked(request, {"limit", "after"}, _COMMENT, "Comment"), self._own(media_id)
        rows = [shown(self._entity(each, request), given.get("fields", "id"))
                for each in reversed(self.comments(post))]  # fmt: skip
        return listed(request, rows, given.get("after", ""), 25)

    def _insights(self, request: Request, media_id: str) -> Response:
        self._as_account(request, "instagram_manage_insights")
        post = self._own(media_id)
        metrics = self.asked(request, {"metric"}).get("metric", "").split(",")
        if set(metrics) - METRICS:
            raise GraphError(100, "(#100) metric must be one of the following values: views, reach, …")
        comments = len(self.comments(post))
        told = {"views": post.views, "reach": post.views, "likes": post.likes, "comments": comments, "saved": 0,
                "shares": post.reposts, "total_interactions": post.likes + comments + post.reposts}  # fmt: skip
        rows = [{"name": name, "period": "lifetime", "values": [{"value": told[name]}]} for name in metrics]
        return answer({"data": rows})

    def comment_id(self, post: PublicPost) -> str:
        return f"18{self.next_number()}"

    def _entity(self, post: PublicPost, request: Request) -> dict[str, Any]:
        by = "enlaeser" if post.fields.get("reader") else "kulturfaellesskabet"
        return {
            "id": post.remote_id, "caption": post.text or None, "text": post.text, "username": by,
            "timestamp": post.created_at.strftime("%Y-%m-%dT%H:%M:%S+0000"), "like_count": post.likes,
            "comments_count": len(self.comments(post)), "permalink": f"{_site(request)}/p/{post.remote_id}/",
        }  # fmt: skip

    def _page(self, request: Request, media_id: str) -> Response:
        """What anybody sees at a post's own address."""
        post = self.post(media_id)
        if post is None or post.fields.get("only_roles"):
            return page("<h1>Sorry, this page isn't available.</h1>", 404)
        return page(f"<!doctype html><meta charset=utf-8><title>Instagram</title><p>{escape(post.text)}</p>")


def _site(request: Request) -> str:
    """Where people see posts: Instagram's own site, or this server where it is one of its own."""
    return "https://www.instagram.com" if "//graph." in request.origin else request.origin
