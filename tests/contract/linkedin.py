"""A strict server of LinkedIn's versioned API in memory (A7 of the fact sheet): one person who looks after pages.

Refuses missing headers, versions that ended, unknown keys, unescaped little text, the same post again in ten minutes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from html import escape
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

from tests.contract import linkedin_posts as posts
from tests.contract.faults import Known
from tests.contract.linkedin_images import Picture
from tests.contract.linkedin_oauth import LinkedInOAuth
from tests.contract.server import ContractServer, PublicPost, Route
from tests.contract.wire import RefusedError, Request, Response, answer, page

COMPARED_FOR = timedelta(minutes=10)
VERSIONS = {f"2026{month:02}" for month in range(1, 10)}
CODES = {
    400: "BAD_REQUEST", 401: "UNAUTHORIZED", 403: "ACCESS_DENIED", 404: "NOT_FOUND", 409: "CONFLICT",
    422: "UNPROCESSABLE_ENTITY", 426: "NONEXISTENT_VERSION", 429: "TOO_MANY_REQUESTS",
}  # fmt: skip
# Page: name, vanity name, the person's role.
PAGES = {
    "1": ("Kulturfællesskabet", "kulturfaellesskabet", "ADMINISTRATOR"),
    "2": ("Museet", "museet", "CONTENT_ADMIN"),
    "3": ("Biblioteket", "biblioteket", "ANALYST"),
}
WRITES, READS, ADMIN = "w_organization_social", "r_organization_social", "rw_organization_admin"
_URN = re.compile(r"urn:li:(?:share|ugcPost):\d+")
_LIST = re.compile(r"(shares|ugcPosts)=List\(([^()]*)\)")


class LinkedInServer(ContractServer):
    """The server; `quota` calls a day for the person, by the clock's UTC day."""

    create = "POST /rest/posts"
    upload = "POST /rest/images"
    own_faults: ClassVar[Mapping[str, Known]] = {
        "409": Known("POST /rest/posts", "CONFLICT, nothing done"),
        "commit_then_409": Known("POST /rest/posts", "posts, then says CONFLICT"),
        "no_access": Known("POST /rest/posts", "403: the person lost the role"),
    }

    def __init__(self, quota: int = 10_000) -> None:
        super().__init__()
        self.oauth = LinkedInOAuth(self.clock)
        self.token = self.oauth.issue()
        self.quota = quota
        self.versions = set(VERSIONS)
        self.images: dict[str, Picture] = {}
        self.figures: dict[str, dict[str, int]] = {}
        self._calls_of_day: Counter[str] = Counter()
        self._last_id = 7_100_000_000_000_000_000

    def routes(self) -> list[Route]:
        urn = r"([^/]+)"
        return [
            ("GET", "/oauth/v2/authorization", lambda request: self.oauth.ask(request)),
            ("POST", "/oauth/v2/authorization", lambda request: self.oauth.agree(request)),
            ("POST", "/oauth/v2/accessToken", lambda request: self.oauth.token(request)),
            ("GET", "/rest/organizationAcls", self._roles),
            ("GET", r"/rest/organizations/(\d+)", self._organisation),
            ("POST", "/rest/images", self._place),
            ("PUT", r"/dms-uploads/([\w-]+)", self._put),
            ("GET", f"/rest/images/{urn}", self._image),
            ("POST", "/rest/posts", self._create),
            ("GET", "/rest/posts", self._by_author),
            ("GET", f"/rest/posts/{urn}", self._read),
            ("POST", f"/rest/posts/{urn}", self._edit),
            ("DELETE", f"/rest/posts/{urn}", self._delete),
            ("POST", f"/rest/socialActions/{urn}/comments", self._comment),
            ("GET", f"/rest/socialActions/{urn}/comments", self._comments),
            ("GET", rf"/rest/socialActions/{urn}/comments/(\d+)", self._read_comment),
            ("POST", rf"/rest/socialActions/{urn}/comments/(\d+)", self._edit_comment),
            ("DELETE", rf"/rest/socialActions/{urn}/comments/(\d+)", self._delete_comment),
            ("GET", "/rest/organizationalEntityShareStatistics", self._statistics),
            ("GET", r"/feed/update/([^/]+)/", self._page),
        ]

    def refusal(self, request: Request, status: int, message: str) -> Response:
        code = message.partition(":")[0] if re.match(r"[A-Z_]{8,}(:|$)", message) else CODES.get(status, "ERROR")
        return answer({"status": status, "code": code, "message": message}, status)

    def throttled(self, request: Request) -> Response:
        return self.refusal(request, 429, "Resource level throttle DAY limit for calls to this resource is reached.")

    def reset_in(self, seconds: int | None) -> None:
        raise ValueError("LinkedIn does not tell when a throttle ends: at midnight UTC (advance_s moves the clock)")

    def callers(self, request: Request) -> set[str]:
        """The token, and the page that the call is made for."""
        named = set(re.findall(rb"urn:li:organization:\d+", request.body + unquote(request.url).encode()))
        return {urn.decode() for urn in named} | {*super().callers(request)}

    def comment_id(self, post: PublicPost) -> str:
        return self._comment_urn(post)

    def token_fault(self, request: Request, *, expired: bool) -> Response:
        if not expired:
            self.revoke(request.headers.get("authorization", "").removeprefix("Bearer "))
        return self.refusal(request, 401, "Expired access token" if expired else "The token has been revoked")

    def revoke(self, token: str) -> None:
        if token in self.oauth.access:
            self.oauth.access[token].revoked = True

    def end_access(self) -> None:
        for token in self.oauth.access.values():
            token.until = self.clock.now()

    def _route(self, request: Request) -> Response:
        if request.path.startswith("/rest/"):
            self._check_headers(request)
            self._count()
        return super()._route(request)

    def _check_headers(self, request: Request) -> None:
        version = request.headers.get("linkedin-version", "")
        if not version:
            raise RefusedError(400, "VERSION_MISSING: A version must be present. Please specify a version")
        if version not in self.versions:
            raise RefusedError(426, f"Requested version {version} is not active")
        if request.headers.get("x-restli-protocol-version") != "2.0.0":
            raise RefusedError(400, "Contract: X-Restli-Protocol-Version must be 2.0.0")
        if request.method == "POST" and request.media_type != "application/json":
            raise RefusedError(415, "Contract: this call takes JSON")

    def _count(self) -> None:
        day = f"{self.clock.now():%Y-%m-%d}"
        self._calls_of_day[day] += 1
        if self._calls_of_day[day] > self.quota:
            raise RefusedError(429, "Resource level throttle MEMBER DAY limit for calls to this resource is reached.")

    def _roles(self, request: Request) -> Response:
        self.oauth.allowed(request, ADMIN)
        asked = {name: values[0] for name, values in request.query.items()}
        if asked.get("q") != "roleAssignee" or asked.get("state") != "APPROVED" or set(asked) - {"q", "role", "state"}:
            raise RefusedError(400, "Contract: q=roleAssignee, role and state=APPROVED")
        rows = [
            {"organization": f"urn:li:organization:{number}", "role": role, "state": "APPROVED",
             "roleAssignee": "urn:li:person:p1"}
            for number, (_name, _vanity, role) in PAGES.items() if role == asked.get("role", role)
        ]  # fmt: skip
        return answer({"elements": rows, "paging": {"start": 0, "count": 10, "links": []}})

    def _organisation(self, request: Request, number: str) -> Response:
        self.oauth.allowed(request, ADMIN)
        if number not in PAGES:
            raise RefusedError(404, "Not found")
        name, vanity, _role = PAGES[number]
        return answer({"id": int(number), "localizedName": name, "vanityName": vanity})

    def _place(self, request: Request) -> Response:
        self.oauth.allowed(request, WRITES)
        given = request.json()
        asked = given.get("initializeUploadRequest")
        if request.query != {"action": ["initializeUpload"]} or set(given) != {"initializeUploadRequest"}:
            raise RefusedError(400, "Contract: action=initializeUpload with an initializeUploadRequest")
        if not isinstance(asked, dict) or set(asked) != {"owner"}:
            raise RefusedError(422, "Contract: initializeUploadRequest holds owner alone")
        self._may_publish(asked["owner"])
        urn = f"urn:li:image:C{self._next_id()}"
        slow = self.faults.take("media_slow", request)
        self.images[urn] = Picture(urn, asked["owner"], self.media_polls if slow else 0)
        self.images[urn].failed = self.faults.take("media_fails", request)
        until = int((self.clock.now() + timedelta(hours=1)).timestamp() * 1000)
        url = f"{request.origin}/dms-uploads/{urn.rpartition(':')[2]}"
        return answer({"value": {"uploadUrlExpiresAt": until, "uploadUrl": url, "image": urn}})

    def _put(self, request: Request, name: str) -> Response:
        self.oauth.allowed(request, WRITES)
        picture = self.images.get(f"urn:li:image:{name}")
        if picture is None or not request.body:
            raise RefusedError(404, "Not found")
        failed = picture.failed
        picture.put(request.body)
        picture.failed = picture.failed or failed
        return Response(201)

    def _image(self, request: Request, segment: str) -> Response:
        self.oauth.allowed(request, READS)
        picture = self.images.get(_unquoted(segment))
        if picture is None:
            raise RefusedError(404, "Not found")
        picture.polls_left = max(0, picture.polls_left - 1)
        return answer({"id": picture.urn, "owner": picture.owner, "status": picture.status})

    def _create(self, request: Request) -> Response:
        self.oauth.allowed(request, WRITES)
        if self.faults.take("no_access", request):
            raise RefusedError(403, "Organization permissions must be used when using organization as author")
        if self.faults.take("409", request):
            raise RefusedError(409, "Conflict")
        given = request.json()
        self._may_publish(given.get("author"))
        post = posts.checked_post(given, self.images.get, self.text_limit or posts.TEXT_LENGTH)
        if earlier := self._same(post):
            raise RefusedError(422, f"Content is a duplicate of {earlier.remote_id}")
        post.remote_id, post.created_at = f"urn:li:share:{self._next_id()}", self.clock.now()
        self.posts.append(post)
        if self.faults.take("commit_then_409", request):
            raise RefusedError(409, "Conflict")
        return self.committed(request, Response(201, b"", {"x-restli-id": post.remote_id}))

    def _same(self, post: PublicPost) -> PublicPost | None:
        since, same = self.clock.now() - COMPARED_FOR, posts.sameness(post)
        shares = [each for each in self.public() if _URN.fullmatch(each.remote_id) and each.created_at > since]
        return next((each for each in shares if posts.sameness(each) == same), None)

    def _by_author(self, request: Request) -> Response:
        self.oauth.allowed(request, READS)
        asked = {name: values[0] for name, values in request.query.items()}
        if set(asked) != {"author", "q", "count", "start", "sortBy"} or asked["q"] != "author":
            raise RefusedError(400, "Contract: author, q=author, count, start and sortBy")
        if request.headers.get("x-restli-method") != "FINDER" or asked["sortBy"] != "LAST_MODIFIED":
            raise RefusedError(400, "Contract: X-RestLi-Method is FINDER, sortBy LAST_MODIFIED")
        start, count = int(asked["start"]), int(asked["count"])
        if not 1 <= count <= 100:
            raise RefusedError(400, "Contract: count is 1 to 100")
        ours = [each for each in self.public() if each.fields.get("author") == asked["author"]]
        rows = sorted(map(posts.told, ours), key=lambda row: (row["lastModifiedAt"], row["id"]), reverse=True)
        return answer({"elements": rows[start : start + count], "paging": {"start": start, "count": count}})

    def _read(self, request: Request, segment: str) -> Response:
        self.oauth.allowed(request, READS)
        return answer(posts.told(self._post(segment)))

    def _edit(self, request: Request, segment: str) -> Response:
        self.oauth.allowed(request, WRITES)
        given = request.json()
        if request.headers.get("x-restli-method") != "PARTIAL_UPDATE" or list(given) != ["patch"]:
            raise RefusedError(400, "Contract: X-RestLi-Method is PARTIAL_UPDATE, the body a patch")
        if set(given["patch"]) != {"$set"} or set(given["patch"]["$set"]) != {"commentary"}:
            raise RefusedError(422, "UNPERMITTED_FIELDS_PRESENT: only commentary may be set")
        post = self._post(segment)
        commentary = posts.checked_commentary(given["patch"]["$set"]["commentary"], posts.TEXT_LENGTH)
        post.fields |= {"commentary": commentary, "changed_at": int(self.clock.now().timestamp() * 1000)}
        post.text, post.edits = posts.shown(commentary), post.edits + 1
        return Response(204)

    def _delete(self, request: Request, segment: str) -> Response:
        self.oauth.allowed(request, WRITES)
        if request.headers.get("x-restli-method") != "DELETE":
            raise RefusedError(400, "Contract: X-RestLi-Method is DELETE")
        self._post(segment).deleted = True
        return Response(204)

    def _comment(self, request: Request, segment: str) -> Response:
        self.oauth.allowed(request, WRITES)
        given, thread = request.json(), self._post(segment)
        posts.only(given, {"actor", "object", "message"})
        self._may_publish(given.get("actor"))
        if given.get("object") != thread.remote_id:
            raise RefusedError(422, "Contract: object is the post in the path")
        comment = PublicPost(self._comment_urn(thread), _message(given), self.clock.now(), reply_to=thread.remote_id)
        comment.fields = {"actor": given["actor"]}
        self.posts.append(comment)
        told = _told_comment(comment)
        return self.committed(request, answer(told, 201, x_restli_id=told["id"]))

    def _comment_urn(self, thread: PublicPost) -> str:
        """LinkedIn names the thread by the post's activity."""
        return f"urn:li:comment:({thread.remote_id.replace('share', 'activity')},{self._next_id()})"

    def _comments(self, request: Request, segment: str) -> Response:
        self.oauth.allowed(request, READS)
        thread = self._post(segment)
        found = self.comments(thread)
        return answer({"elements": [_told_comment(each) for each in reversed(found)], "paging": {}})

    def _read_comment(self, request: Request, segment: str, number: str) -> Response:
        self.oauth.allowed(request, READS)
        return answer(_told_comment(self._found_comment(segment, number)))

    def _edit_comment(self, request: Request, segment: str, number: str) -> Response:
        self.oauth.allowed(request, WRITES)
        comment = self._found_comment(segment, number)
        self._may_publish(request.query.get("actor", [""])[0])
        patch = request.json().get("patch", {}).get("message", {}).get("$set")
        if request.headers.get("x-restli-method") != "PARTIAL_UPDATE" or not isinstance(patch, dict):
            raise RefusedError(400, "Contract: X-RestLi-Method is PARTIAL_UPDATE, the body a patch")
        comment.text, comment.edits = _message({"message": patch}), comment.edits + 1
        return answer(_told_comment(comment))

    def _delete_comment(self, request: Request, segment: str, number: str) -> Response:
        self.oauth.allowed(request, WRITES)
        self._may_publish(request.query.get("actor", [""])[0])
        self._found_comment(segment, number).deleted = True
        return Response(204)

    def _found_comment(self, segment: str, number: str) -> PublicPost:
        found = self.post(f"urn:li:comment:({_unquoted(segment)},{number})")
        if found is None:
            raise RefusedError(404, "Not found")
        return found

    def _statistics(self, request: Request) -> Response:
        self.oauth.allowed(request, ADMIN)
        listed = _LIST.search(urlsplit(request.url).query)
        page_urn = request.query.get("organizationalEntity", [""])[0]
        if not listed or request.query.get("q") != ["organizationalEntity"] or ":" in listed[2]:
            raise RefusedError(400, "Contract: q, organizationalEntity and shares=List(…) with encoded URNs")
        self._may_publish(page_urn)
        name = "share" if listed[1] == "shares" else "ugcPost"
        urns = [urn for urn in map(unquote, listed[2].split(",")) if self.post(urn)]
        rows = [
            {name: urn, "organizationalEntity": page_urn, "totalShareStatistics": self._counted(urn)} for urn in urns
        ]
        return answer({"elements": rows, "paging": {}})

    def _counted(self, urn: str) -> dict[str, int]:
        """What the public did, unless `figures` says something else."""
        post = self.post(urn)
        assert post is not None
        told = {"impressionCount": post.views, "uniqueImpressionsCount": post.views, "clickCount": 0,
                "likeCount": post.likes, "commentCount": len(self.comments(post)), "shareCount": post.reposts,
                "engagement": 0}  # fmt: skip
        return told | self.figures.get(urn, {})

    def _page(self, request: Request, urn: str) -> Response:
        post = self.post(unquote(urn))
        if post is None:
            raise RefusedError(404, "Not found")
        return page(f"<!doctype html><meta charset=utf-8><title>LinkedIn</title><p>{escape(post.text)}")

    def _post(self, segment: str) -> PublicPost:
        urn = _unquoted(segment)
        if not _URN.fullmatch(urn):
            raise RefusedError(400, f"INVALID_URN_ID: {urn}")
        post = self.post(urn)
        if post is None:
            raise RefusedError(404, "Not found")
        return post

    def _may_publish(self, page_urn: object) -> None:
        _name, _vanity, role = PAGES.get(str(page_urn).rpartition(":")[2], ("", "", ""))
        if not str(page_urn).startswith("urn:li:organization:") or role not in {"ADMINISTRATOR", "CONTENT_ADMIN"}:
            raise RefusedError(403, "Organization permissions must be used when using organization as author")

    def _next_id(self) -> str:
        self._last_id += 1
        return str(self._last_id)


def _unquoted(segment: str) -> str:
    if ":" in segment or "(" in segment:
        raise RefusedError(400, "Contract: a URN in a path is encoded")
    return unquote(segment)


def _message(given: dict[str, Any]) -> str:
    message = given.get("message")
    text = message.get("text") if isinstance(message, dict) and set(message) == {"text"} else None
    if not isinstance(text, str) or not text.strip():
        raise RefusedError(422, "Contract: message holds a text")
    if len(text) > posts.COMMENT_LENGTH:
        raise RefusedError(422, "FIELD_LENGTH_TOO_LONG: message")
    return text


def _told_comment(comment: PublicPost) -> dict[str, Any]:
    made = int(comment.created_at.timestamp() * 1000)
    thread, number = comment.remote_id[len("urn:li:comment:(") : -1].split(",")
    return {
        "id": number, "commentUrn": comment.remote_id, "object": thread,
        "actor": comment.fields.get("actor", "urn:li:person:reader"),
        "message": {"text": comment.text}, "created": {"time": made}, "lastModified": {"time": made},
    }  # fmt: skip
