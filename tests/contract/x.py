"""A strict server of the X API v2 in memory: unknown keys refused, every call charged, duplicates refused.

Written from the API's description (A8 of the fact sheet); `spent` is what all calls cost so far, in US dollars.
"""

from __future__ import annotations

import html
import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from tests.contract import x_media, x_text
from tests.contract.faults import Known
from tests.contract.server import ContractServer, PublicPost, Route
from tests.contract.wire import RefusedError, Request, Response, answer, page
from tests.contract.x_oauth import XOAuth

POST_KEYS = {
    "text", "media", "reply", "quote_tweet_id", "reply_settings", "poll", "made_with_ai", "paid_partnership",
    "nullcast", "geo", "community_id",
}  # fmt: skip
PRICES = {
    "post": Decimal("0.015"), "post with address": Decimal("0.200"), "delete": Decimal("0.010"),
    "metadata": Decimal("0.005"), "own read": Decimal("0.001"), "read": Decimal("0.005"),
}  # fmt: skip
USER_ID, USERNAME = "2244994945", "kultur"
WINDOW = timedelta(minutes=15)
_DUPLICATE = "You are not allowed to create a Tweet with duplicate content."
_LISTED_BY = {"start_time", "max_results", "exclude", "tweet.fields", "pagination_token"}


class XServer(ContractServer):
    """The server: `rate` posts, `delete_rate` deletions in 15 minutes; a text is a duplicate for `compared_for`."""

    create = "POST /2/tweets"
    upload = "POST /2/media/upload"
    own_faults: ClassVar[Mapping[str, Known]] = {
        "no_credits": Known("POST /2/tweets", "402: the credit is used up"),
        "no_duplicate_check": Known("POST /2/tweets", "takes the same text again, as X sometimes does"),
        "reply_forbidden": Known("POST /2/tweets", "403 for an answer, as for programs that nobody mentioned"),
    }

    def __init__(self, rate: int = 100) -> None:
        super().__init__()
        self.oauth = XOAuth(self.clock)
        self.token, self.refresh_token = self.oauth.issue()
        self.rate = rate
        self.delete_rate = 50
        self.compared_for = timedelta(hours=24)
        self.spent = Decimal(0)
        self.media: dict[str, x_media.Media] = {}
        self.figures: dict[str, dict[str, int]] = {}
        self._made: list[datetime] = []
        self._deleted: list[datetime] = []
        self._last_id = 1346889436626259968

    def routes(self) -> list[Route]:
        return [
            ("GET", "/i/oauth2/authorize", lambda request: self.oauth.ask(request)),
            ("POST", "/i/oauth2/authorize", lambda request: self.oauth.agree(request)),
            ("POST", "/2/oauth2/token", lambda request: self.oauth.token(request)),
            ("GET", "/2/users/me", self._me),
            ("POST", "/2/media/upload", self._upload),
            ("GET", "/2/media/upload", self._upload_state),
            ("POST", "/2/media/metadata", self._describe),
            ("POST", "/2/tweets", self._create),
            ("GET", "/2/tweets", self._read),
            ("DELETE", r"/2/tweets/([^/]+)", self._delete),
            ("GET", r"/2/users/([^/]+)/tweets", self._listing),
            ("GET", r"/[\w/]+/status/(\d+)", self._page),
        ]

    def refusal(self, request: Request, status: int, message: str) -> Response:
        titles = {
            400: "Invalid Request",
            401: "Unauthorized",
            402: "CreditsDepleted",
            403: "Forbidden",
            404: "Not Found",
        }
        shape: dict[str, Any] = {"title": titles.get(status, "Error"), "detail": message, "status": status}
        if status == 400:
            shape = {"errors": [{"message": message, "parameters": {}}], "title": "Invalid Request", "detail": message}
        shape["type"] = "about:blank"
        return answer(shape, status)

    def throttled(self, request: Request) -> Response:
        reset = str(int((self.clock.now() + timedelta(seconds=self.reset_s or 600)).timestamp()))
        response = self.refusal(request, 429, "Too Many Requests")
        response.headers |= {"x-rate-limit-limit": "100", "x-rate-limit-remaining": "0", "x-rate-limit-reset": reset}
        return response

    def token_fault(self, request: Request, *, expired: bool) -> Response:
        if not expired:
            self.revoke(request.headers.get("authorization", "").removeprefix("Bearer "))
        return self.refusal(request, 401, "Unauthorized")

    def revoke(self, token: str) -> None:
        if token in self.oauth.access:
            self.oauth.access[token].family.revoked = True

    def end_access(self) -> None:
        for token in self.oauth.access.values():
            token.until = self.clock.now()

    def callers(self, request: Request) -> set[str]:
        """It has one account."""
        return {*super().callers(request), USER_ID, USERNAME}

    def shown(self) -> dict[str, Any]:
        return super().shown() | {"spent_usd": str(self.spent)}

    def _me(self, request: Request) -> Response:
        self.oauth.allowed(request, "users.read", "tweet.read")
        _only(request.query, {"user.fields"})
        return answer({"data": {"id": USER_ID, "name": "Kulturfællesskabet", "username": USERNAME,
                                "profile_image_url": "https://pbs.example.org/kultur.png"}})  # fmt: skip

    def _upload(self, request: Request) -> Response:
        self.oauth.allowed(request, "media.write")
        slow = self.faults.take("media_slow", request)
        media = x_media.received(_json(request), self._next_id(), self.clock, self.media_polls if slow else 0)
        media.failed = self.faults.take("media_fails", request)
        self.media[media.media_id] = media
        return answer({"data": media.entity(ready_at_once=not slow and not media.failed)})

    def _upload_state(self, request: Request) -> Response:
        self.oauth.allowed(request, "media.write")
        media = self._own_media(request.query.get("media_id", [""])[0])
        media.polls_left = max(0, media.polls_left - 1)
        return answer({"data": media.entity(ready_at_once=False)})

    def _describe(self, request: Request) -> Response:
        self.oauth.allowed(request, "media.write")
        media_id, alt = x_media.described(_json(request))
        media = self._own_media(media_id)
        if media.state != "succeeded":
            raise RefusedError(400, "Contract: the media is not ready")
        media.alt = alt
        self.spent += PRICES["metadata"]
        return answer({"data": {"id": media_id, "associated_metadata": {"alt_text": {"text": alt}}}})

    def _create(self, request: Request) -> Response:
        self.oauth.allowed(request, "tweet.write", "tweet.read", "users.read")
        if self.faults.take("no_credits", request):
            raise RefusedError(402, "Your account has no credits left.")
        self._count(request)
        given = _json(request)
        _only(given, POST_KEYS)
        x_text.check_options(given)
        text, media, reply_to = given.get("text", ""), self._attached(given), self._parent(request, given)
        self._check_text(text, bool(media))
        if not self.faults.take("no_duplicate_check", request) and self._is_duplicate(text, reply_to):
            raise RefusedError(403, _DUPLICATE)
        post = PublicPost(
            self._next_id(), text, self.clock.now(), [each.alt for each in media], [each.content for each in media],
            reply_to=reply_to, fields={"short": [_short() for _ in x_text.addresses(text)]},
        )  # fmt: skip
        self.posts.append(post)
        self.spent += PRICES["post with address" if x_text.addresses(text) else "post"]
        made = {
            "id": post.remote_id,
            "text": html.escape(text, quote=False),
            "edit_history_tweet_ids": [post.remote_id],
        }
        return self.committed(request, answer({"data": made}, 201))

    def _count(self, request: Request) -> None:
        now = self.clock.now()
        self._made = [made for made in self._made if made > now - WINDOW]
        if len(self._made) >= self.rate:
            raise RefusedError(429, "Too Many Requests", self._rate(self.rate, self._made[0]))
        self._made.append(now)

    def _rate(self, limit: int, first: datetime) -> dict[str, str]:
        reset = str(int((first + WINDOW).timestamp()))
        return {"x-rate-limit-limit": str(limit), "x-rate-limit-remaining": "0", "x-rate-limit-reset": reset}

    def _check_text(self, text: object, has_media: bool) -> None:
        if not isinstance(text, str) or (not text.strip() and not has_media):
            raise RefusedError(400, "Contract: a post has text or media")
        if x_text.weight(text) > (self.text_limit or x_text.LIMIT):
            raise RefusedError(400, "Your Tweet text is too long. Keep it to 280 characters.")

    def _attached(self, given: dict[str, Any]) -> list[x_media.Media]:
        if "media" not in given:
            return []
        media_ids = given["media"].get("media_ids") if set(given["media"]) == {"media_ids"} else None
        if not isinstance(media_ids, list) or not 1 <= len(media_ids) <= 4:
            raise RefusedError(400, "Contract: media_ids holds one to four ids and nothing stands beside it")
        found = [self._own_media(media_id) for media_id in media_ids]
        if len(found) > 1 and any(media.is_gif for media in found):
            raise RefusedError(400, "Contract: four photos or one GIF")
        if any(media.state != "succeeded" for media in found):
            raise RefusedError(400, "Your media IDs are invalid.")
        return found

    def _own_media(self, media_id: object) -> x_media.Media:
        media = self.media.get(str(media_id))
        if media is None or not isinstance(media_id, str) or media.until < self.clock.now():
            raise RefusedError(400, "Your media IDs are invalid.")
        return media

    def _parent(self, request: Request, given: dict[str, Any]) -> str:
        if "reply" not in given:
            return ""
        if set(given["reply"]) != {"in_reply_to_tweet_id"}:
            raise RefusedError(400, "Contract: reply holds in_reply_to_tweet_id alone")
        if self.faults.take("reply_forbidden", request):
            raise RefusedError(403, "You can only reply to posts that mention or quote you.")
        if self.post(str(given["reply"]["in_reply_to_tweet_id"])) is None:
            raise RefusedError(403, "You attempted to reply to a Tweet that is deleted or not visible to you.")
        return str(given["reply"]["in_reply_to_tweet_id"])

    def _is_duplicate(self, text: str, reply_to: str) -> bool:
        since = self.clock.now() - self.compared_for
        same = [post for post in self.public() if post.created_at > since and post.text == text]
        return bool(text) and any(post.reply_to == reply_to for post in same)

    def _read(self, request: Request) -> Response:
        self.oauth.allowed(request, "tweet.read", "users.read")
        _only(request.query, {"ids", "tweet.fields"})
        ids = request.query.get("ids", [""])[0].split(",")
        if not 1 <= len(ids) <= 100 or not all(re.fullmatch(r"\d{1,19}", each) for each in ids):
            raise RefusedError(400, f"The `ids` query parameter value {ids} is not valid")
        found = [post for each in ids if (post := self.post(each))]
        gone = [each for each in ids if self.post(each) is None]
        self.spent += PRICES["own read"] * len(found)
        fields = set(request.query.get("tweet.fields", [""])[0].split(","))
        content: dict[str, Any] = {"data": [self._entity(post, fields) for post in found]} if found else {}
        errors = [{"value": each, "title": "Not Found Error", "detail": f"Could not find {each}"} for each in gone]
        return answer(content | ({"errors": errors} if errors else {}))

    def _listing(self, request: Request, user_id: str) -> Response:
        self.oauth.allowed(request, "tweet.read", "users.read")
        _only(request.query, _LISTED_BY)
        asked = {name: values[0] for name, values in request.query.items()}
        if user_id != USER_ID or not 5 <= int(asked.get("max_results", "10")) <= 100:
            raise RefusedError(400, "Contract: max_results is 5 to 100, of the account itself")
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", asked.get("start_time", "")):
            raise RefusedError(400, "Contract: start_time is wanted, as YYYY-MM-DDTHH:mm:ssZ")
        since, place = datetime.fromisoformat(asked["start_time"]), int(asked.get("pagination_token", "0"))
        if since > self.clock.now():
            raise RefusedError(400, "start_time must be before now")
        found = [post for post in reversed(self.public()) if post.created_at >= since]
        rows, rest = found[place : place + int(asked["max_results"])], place + int(asked["max_results"])
        self.spent += PRICES["own read"] * len(rows)
        meta: dict[str, Any] = {"result_count": len(rows)} | ({"next_token": str(rest)} if rest < len(found) else {})
        fields = set(asked.get("tweet.fields", "").split(","))
        return answer(({"data": [self._entity(post, fields) for post in rows]} if rows else {}) | {"meta": meta})

    def _entity(self, post: PublicPost, fields: set[str]) -> dict[str, Any]:
        """As X tells it: & as &amp;, each address as a t.co address, one more at the end for the pictures."""
        text, urls = html.escape(post.text, quote=False), []
        for short, address in zip(post.fields["short"], x_text.addresses(post.text), strict=True):
            text = text.replace(html.escape(address, quote=False), short, 1)
            full = address if "://" in address else f"http://{address}"
            urls.append({"url": short, "expanded_url": full, "display_url": address[:20]})
        if post.pictures:
            where = f"https://x.com/{USERNAME}/status/{post.remote_id}/photo/1"
            text = f"{text} https://t.co/picture".strip()
            urls += [{"url": "https://t.co/picture", "expanded_url": where, "media_key": "3_1"} for _ in post.pictures]
        shown: dict[str, Any] = {
            "created_at": post.created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "author_id": USER_ID,
            "entities": {"urls": urls} if urls else None,
            "attachments": {"media_keys": [f"3_{n}" for n in range(len(post.pictures))]} if post.pictures else None,
            "referenced_tweets": [{"type": "replied_to", "id": post.reply_to}] if post.reply_to else None,
            "public_metrics": {
                "retweet_count": post.reposts, "reply_count": len(self.comments(post)), "like_count": post.likes,
                "quote_count": 0, "bookmark_count": 0, "impression_count": post.views,
            } | self.figures.get(post.remote_id, {}),
        }  # fmt: skip
        asked = {name: value for name, value in shown.items() if name in fields and value is not None}
        return {"id": post.remote_id, "text": text, "edit_history_tweet_ids": [post.remote_id]} | asked

    def _delete(self, request: Request, remote_id: str) -> Response:
        self.oauth.allowed(request, "tweet.write", "tweet.read", "users.read")
        post = self.post(remote_id)
        if post is None:
            raise RefusedError(404, "Not Found")
        now = self.clock.now()
        self._deleted = [at for at in self._deleted if at > now - WINDOW]
        if len(self._deleted) >= self.delete_rate:
            raise RefusedError(429, "Too Many Requests", self._rate(self.delete_rate, self._deleted[0]))
        self._deleted.append(now)
        post.deleted = True
        self.spent += PRICES["delete"]
        return answer({"data": {"deleted": True}})

    def _page(self, request: Request, remote_id: str) -> Response:
        post = self.post(remote_id)
        if post is None:
            raise RefusedError(404, "Not Found")
        return page(f"<!doctype html><meta charset=utf-8><title>X</title><p>{html.escape(post.text)}")

    def _next_id(self) -> str:
        self._last_id += 1
        return str(self._last_id)


def _json(request: Request) -> dict[str, Any]:
    if request.media_type != "application/json":
        raise RefusedError(415, "Contract: this call takes JSON")
    return request.json()


def _only(given: Any, known: set[str]) -> None:
    if unknown := set(given) - known:
        raise RefusedError(400, f"The field or parameter [{', '.join(sorted(unknown))}] is not known")


def _short() -> str:
    return f"https://t.co/{secrets.token_urlsafe(6)}"
