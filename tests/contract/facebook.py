"""A strict server of Facebook Pages in memory (fact sheet A4): Login, feed, unpublished photos, comments, insights."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any, ClassVar

from PIL import Image

from tests.contract.faults import Known
from tests.contract.meta_login import VERSION, LoginServer
from tests.contract.meta_server import GraphError, Token, listed, shown
from tests.contract.server import PublicPost, Route
from tests.contract.wire import Part, Request, Response, answer, page

# Of any Page.
FEED, PHOTOS = "POST /v*/*/feed", "POST /v*/*/photos"
METRICS = {"post_media_view", "post_total_media_view_unique", "post_clicks", "post_reactions_by_type_total"}
LIMIT, PHOTO_BYTES = 63_206, 4_000_000
_POST = {"id", "message", "created_time", "permalink_url", "shares", "reactions", "comments", "from"}
_COMMENT = {"id", "message", "created_time", "permalink_url", "from"}


@dataclass
class Photo:
    """An uploaded picture that nobody sees yet; a post may use it once, for a day."""

    content: bytes
    alt: str
    page_id: str
    until: datetime
    used: bool = False


class FacebookServer(LoginServer):
    """The server. `followers`: a Page with fewer than 100 has no insights; `alien`: ids of posts of other apps."""

    create, upload = FEED, PHOTOS
    pictures = ("media_fails",)
    own_faults: ClassVar[Mapping[str, Known]] = {
        **LoginServer.login_faults,
        "duplicate_quirk": Known(FEED, "what was posted before is answered with 506, nothing is posted"),
        "code_1": Known(FEED, "an unknown error (code 1), nothing done"),
        "blocked": Known(FEED, "the Page is blocked for now (code 368)"),
        "authorise": Known(FEED, "Page publishing authorisation is missing (1404078)"),
        "hides_posts": Known("GET", "the list of posts leaves the newest out"),
    }

    def __init__(self) -> None:
        super().__init__()
        self.photos: dict[str, Photo] = {}
        self.followers = 250
        self.alien: set[str] = set()

    def routes(self) -> list[Route]:
        return [
            *self.login_routes(),
            ("POST", rf"{VERSION}/(\d+|me)/photos", self._upload),
            ("POST", rf"{VERSION}/(\d+|me)/feed", self._publish),
            ("GET", rf"{VERSION}/(\d+|me)/posts", self._list),
            ("POST", rf"{VERSION}/(\d+_\d+)/comments", self._comment),
            ("GET", rf"{VERSION}/(\d+_\d+)/comments", self._comments),
            ("GET", rf"{VERSION}/(\d+_\d+)/insights", self._insights),
            ("GET", rf"{VERSION}/([\w-]+)", self._read),
            ("POST", rf"{VERSION}/(\d+_\d+)", self._edit),
            ("DELETE", rf"{VERSION}/([\w-]+)", self._delete),
            ("GET", r"/(\d+_\d+)", self._page),
            ("GET", r"/picture/\d+", lambda request: page("")),
        ]

    def comment_id(self, post: PublicPost) -> str:
        return f"{post.remote_id.partition('_')[2]}_{self.next_number()}"

    def public(self) -> list[PublicPost]:
        return [post for post in super().public() if not post.fields.get("only_roles")]

    def _own(self, remote_id: str) -> PublicPost:
        """A post as the API has it, seen by everybody or not."""
        for post in self.posts:
            if post.remote_id == remote_id and not post.deleted:
                return post
        raise self.missing(remote_id)

    def _of_page(self, token: Token, remote_id: str) -> PublicPost:
        """The same, which the token's Page wrote; what others wrote beneath its posts it may read."""
        post = self._own(remote_id)
        if token.kind != "page" or token.owner != post.fields.get("by", remote_id.partition("_")[0]):
            raise self.missing(remote_id)
        return post

    def _as_page(self, request: Request, page_id: str, *scopes: str) -> Token:
        token = self.allowed(request, *scopes)
        if token.kind != "page":
            raise GraphError(190, "(#190) This method must be called with a Page Access Token", 2069032)
        if page_id not in {"me", token.owner}:
            raise self.missing(page_id)
        if scopes and token.only is not None and token.owner not in token.only:
            raise GraphError(200, "(#200) The Page was not chosen when permission was given", status=403)
        if "CREATE_CONTENT" not in self.pages[token.owner].tasks:
            raise GraphError(200, "(#200) The user has no CREATE_CONTENT task on the Page", status=403)
        return token

    def _upload(self, request: Request, page_id: str) -> Response:
        token = self._as_page(request, page_id, "pages_manage_posts")
        self.asked(request, set())
        parts = request.parts()
        if unknown := set(parts) - {"source", "published", "alt_text_custom"}:
            raise GraphError(100, f"Contract: unknown parts: {', '.join(sorted(unknown))}")
        if "alt_text_custom" not in parts or parts.get("published", Part(b"")).content != b"false":
            raise GraphError(100, "Contract: alt_text_custom and published=false are needed")
        source = parts.get("source", Part(b""))
        if len(source.content) > PHOTO_BYTES:
            raise GraphError(1, "Photos should be smaller than 4 MB", 1366046)
        if self.faults.take("media_fails", request) or not _is_picture(source):
            raise GraphError(324, "(#324) Missing or invalid image file")
        photo_id, until = str(self.next_number()), self.clock.now() + timedelta(days=1)
        self.photos[photo_id] = Photo(source.content, parts["alt_text_custom"].content.decode(), token.owner, until)
        return answer({"id": photo_id})

    def _publish(self, request: Request, page_id: str) -> Response:
        token = self._as_page(request, page_id, "pages_manage_posts")
        if request.media_type != "application/json":
            raise GraphError(100, "Contract: this call takes JSON")
        given = self.asked(request, {"message", "link", "published", "attached_media"}, _POST, "Post")
        self._check(given)
        photos = self._photos(given.get("attached_media", []), token.owner)
        self._play(request, given)
        number, hidden = self.next_number(), not self.is_live(request)
        post = PublicPost(
            f"{token.owner}_{number}", given.get("message", ""), self.clock.now(), [photo.alt for photo in photos],
            [photo.content for photo in photos], given.get("link", ""), fields={"only_roles": hidden},
        )  # fmt: skip
        self.posts.append(post)
        for photo in photos:
            photo.used = True
        return self.committed(request, answer(shown(self._entity(post, request), given.get("fields", "id"))))

    def _check(self, given: dict[str, Any]) -> None:
        message, link = given.get("message", ""), given.get("link", "")
        if not isinstance(message, str) or not isinstance(link, str) or given.get("published", True) is not True:
            raise GraphError(100, "Contract: message and link are text, published is true")
        if not message and not link and not given.get("attached_media"):
            raise GraphError(100, "(#100) The parameters message or link are missing")
        if sum(1 + (ord(c) > 0xFFFF) for c in message) > (self.text_limit or LIMIT):
            raise GraphError(100, "(#100) Param message is too long")
        if link and (given.get("attached_media") or not link.startswith(("http://", "https://"))):
            raise GraphError(1609008, "(#1609008) The link cannot be posted", 1609008)

    def _photos(self, attached: object, page_id: str) -> list[Photo]:
        if not isinstance(attached, list) or not all(
            isinstance(e, dict) and set(e) == {"media_fbid"} for e in attached
        ):
            raise GraphError(100, "Contract: attached_media is a list of {media_fbid}")
        found = [self.photos.get(each["media_fbid"]) for each in attached]
        photos = [photo for photo in found if photo and photo.page_id == page_id and photo.until > self.clock.now()]
        if len(photos) < len(found):
            raise GraphError(100, "(#100) Invalid parameter: media_fbid")
        if any(photo.used for photo in photos):
            raise GraphError(100, "The photos were already posted", 1366051)
        return photos

    def _play(self, request: Request, given: dict[str, Any]) -> None:
        before = [post.text for post in self.posts]
        if given.get("message") in before and self.faults.take("duplicate_quirk", request):
            raise GraphError(506, "(#506) Duplicate status message")
        for name, error in (
            ("code_1", GraphError(1, "(#1) An unknown error occurred", 99, status=500)),
            (
                "blocked",
                GraphError(368, "(#368) The action attempted has been deemed abusive or is otherwise disallowed"),
            ),
            ("authorise", GraphError(100, "Page Publishing Authorization required", 1404078)),
        ):
            if self.faults.take(name, request):
                raise error

    def _list(self, request: Request, page_id: str) -> Response:
        token = self._as_page(request, page_id, "pages_read_engagement")
        given = self.asked(request, {"since", "limit", "after"}, _POST, "Post")
        since = datetime.fromtimestamp(int(given.get("since", 0)), UTC)
        own = [p for p in self.posts if not p.deleted and not p.reply_to and p.remote_id.startswith(f"{token.owner}_")]
        rows = [shown(self._entity(post, request), given.get("fields", "id")) for post in reversed(own)
                if post.created_at >= since]  # fmt: skip
        hidden = 1 if self.faults.take("hides_posts", request) else 0
        return listed(request, rows[hidden:], given.get("after", ""), min(int(given.get("limit", 25)), 25))

    def _comment(self, request: Request, post_id: str) -> Response:
        token = self.allowed(request, "pages_manage_engagement")
        post, given = self._of_page(token, post_id), self.asked(request, {"message"}, _COMMENT, "Comment")
        if not given.get("message"):
            raise GraphError(100, "(#100) The parameter message is missing")
        comment = PublicPost(
            self.comment_id(post),
            given["message"],
            self.clock.now(),
            reply_to=post_id,
            fields={"by": token.owner, **post.fields},
        )
        self.posts.append(comment)
        return self.committed(request, answer(shown(self._entity(comment, request), given.get("fields", "id"))))

    def _comments(self, request: Request, post_id: str) -> Response:
        post = self._of_page(self.allowed(request, "pages_read_engagement"), post_id)
        given = self.asked(request, {"filter", "limit", "after"}, _COMMENT, "Comment")
        rows = [shown(self._entity(each, request), given.get("fields", "id")) for each in self.comments(post)]
        return listed(request, rows, given.get("after", ""), min(int(given.get("limit", 25)), 25))

    def _insights(self, request: Request, post_id: str) -> Response:
        post = self._of_page(self.allowed(request, "read_insights"), post_id)
        metrics = self.asked(request, {"metric", "period"}).get("metric", "").split(",")
        if set(metrics) - METRICS:
            raise GraphError(100, "(#100) The value must be a valid insights metric")
        told = {"post_clicks": 0, "post_reactions_by_type_total": {"like": post.likes} if post.likes else {}}
        rows = [{"name": m, "period": "lifetime", "values": [{"value": told.get(m, post.views)}],
                 "id": f"{post_id}/{m}"} for m in metrics]  # fmt: skip
        return answer({"data": rows if self.followers >= 100 else []})

    def _read(self, request: Request, remote_id: str) -> Response:
        post = self._of_page(self.allowed(request, "pages_read_engagement"), remote_id)
        given = self.asked(request, set(), _COMMENT if post.reply_to else _POST, "Comment" if post.reply_to else "Post")
        return answer(shown(self._entity(post, request), given.get("fields", "id")))

    def _edit(self, request: Request, remote_id: str) -> Response:
        token = self.allowed(request, "pages_manage_posts")
        post, given = self._of_page(token, remote_id), self.asked(request, {"message"})
        if remote_id in self.alien:
            raise GraphError(200, "(#200) This post wasn't created by the application", status=403)
        if not isinstance(given.get("message"), str) or not given["message"]:
            raise GraphError(100, "(#100) The parameter message is missing")
        post.text, post.edits = given["message"], post.edits + 1
        return answer({"success": True})

    def _delete(self, request: Request, remote_id: str) -> Response:
        token = self.allowed(request, "pages_manage_posts")
        self.asked(request, set())
        self._of_page(token, remote_id).deleted = True
        return answer({"success": True})

    def _entity(self, post: PublicPost, request: Request) -> dict[str, Any]:
        by = post.fields.get("by")
        return {
            "id": post.remote_id, "message": post.text or None,
            "created_time": post.created_at.strftime("%Y-%m-%dT%H:%M:%S+0000"),
            "permalink_url": f"{request.origin}/{post.remote_id}",
            "shares": {"count": post.reposts} if post.reposts else None,
            "reactions": {"data": [], "summary": {"total_count": post.likes}},
            "comments": {"data": [], "summary": {"total_count": len(self.comments(post))}},
            "from": {"id": by, "name": self.pages[by].name} if by else None,
        }  # fmt: skip

    def _page(self, request: Request, remote_id: str) -> Response:
        """What anybody sees at a post's own address."""
        post = self.post(remote_id)
        if post is None:
            return page("<h1>This content isn't available right now</h1>", 404)
        return page(f"<!doctype html><meta charset=utf-8><title>Facebook</title><p>{escape(post.text)}</p>")


def _is_picture(source: Part) -> bool:
    try:
        with Image.open(io.BytesIO(source.content)) as image:
            return f"image/{(image.format or '').lower()}" == source.media_type and image.format in {"JPEG", "PNG"}
    except OSError:
        return False
