"""A strict Bluesky server in memory: a person's own server (PDS) and the public reading host at one address.

It refuses what the lexicons do not know, facets that cut characters, pictures without a description, refresh tokens
that were used. Its session is open from the start; `pds`, where it is set, is the one address that keeps the account.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape
from typing import Any, ClassVar

from tests.contract.bluesky_posts import COLLECTION, TID, Blob, Repository, check, record_cid
from tests.contract.bluesky_sessions import DID, HANDLE, OTHERS, Sessions
from tests.contract.faults import Known
from tests.contract.server import ContractServer, PublicPost, Route
from tests.contract.wire import RefusedError, Request, Response, answer, page

XRPC = "/xrpc/"
REPO = f"{XRPC}com.atproto.repo."
SERVER = f"{XRPC}com.atproto.server."
LARGEST_UPLOAD = 5_000_000
POINTS_AN_HOUR, HOUR_S = 5000, 3600
COSTS = {"createRecord": 3, "putRecord": 2, "deleteRecord": 1}
LOGIN_HOST_CALLS = {f"{SERVER}createSession", f"{XRPC}app.bsky.feed.getPosts"}
NAMES = {
    400: "InvalidRequest",
    401: "AuthenticationRequired",
    404: "XRPCNotSupported",
    413: "PayloadTooLarge",
    429: "RateLimitExceeded",
    500: "InternalServerError",
    502: "UpstreamFailure",
    503: "NotEnoughResources",
    504: "UpstreamTimeout",
}
NAMED = re.compile(r"(?!Contract:|Error:)([A-Z][A-Za-z]+): (.*)", re.DOTALL)
MAGIC = {b"\x89PNG\r\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}


class BlueskyServer(ContractServer):
    """The server; `token` and `refresh_token` are a session of its only account."""

    create = f"POST {REPO}putRecord"
    upload = f"POST {REPO}uploadBlob"
    pictures = ("media_fails",)
    own_faults: ClassVar[Mapping[str, Known]] = {
        "lax_blobs": Known(upload, "takes any bytes for what the call says they are, as a PDS 0.5 does"),
        "502": Known(create, "502 UpstreamFailure, nothing done"),
        "504": Known(create, "504 UpstreamTimeout, nothing done"),
    }

    def __init__(self) -> None:
        super().__init__()
        self.sessions = Sessions(self.clock)
        self.token, self.refresh_token = self.sessions.opened()
        self.pds = ""
        self.blobs: dict[str, Blob] = {}
        self.points: list[tuple[float, int]] = []

    def routes(self) -> list[Route]:
        return [
            ("POST", f"{SERVER}createSession", self._create_session),
            ("POST", f"{SERVER}refreshSession", self._refresh_session),
            ("GET", f"{SERVER}getSession", self._get_session),
            ("POST", f"{SERVER}deleteSession", self._delete_session),
            ("GET", f"{XRPC}com.atproto.identity.resolveHandle", self._resolve_handle),
            ("POST", f"{REPO}uploadBlob", self._upload_blob),
            ("POST", f"{REPO}(putRecord|createRecord)", self._write),
            ("POST", f"{REPO}deleteRecord", self._delete),
            ("GET", f"{REPO}getRecord", self._get_record),
            ("GET", f"{XRPC}com.atproto.sync.getBlob", self._get_blob),
            ("GET", f"{XRPC}app.bsky.feed.getPosts", self._get_posts),
            ("GET", f"/profile/{DID}/post/([a-z2-7]+)", self._seen),
        ]

    def refusal(self, request: Request, status: int, message: str) -> Response:
        named = NAMED.fullmatch(message)
        name, said = named.groups() if named else (NAMES.get(status, "InvalidRequest"), message)
        return answer({"error": name, "message": said}, status)

    def throttled(self, request: Request) -> Response:
        response = self.refusal(request, 429, "Rate Limit Exceeded")
        response.headers.update(self._rate_headers(left=0))
        if self.reset_s is not None:
            ends = self.clock.now().timestamp() + self.reset_s
            response.headers["RateLimit-Reset"] = str(int(ends))
        return response

    def token_fault(self, request: Request, *, expired: bool) -> Response:
        if expired:
            self.expire()
        else:
            self.revoke(request.headers.get("authorization", "").partition(" ")[2])
        return self.refusal(request, 400, "ExpiredToken: Token has expired")

    def revoke(self, token: str) -> None:
        self.sessions.revoke(token)

    def end_access(self) -> None:
        self.sessions.expire()

    def callers(self, request: Request) -> set[str]:
        """It has one account."""
        return {*super().callers(request), DID, HANDLE}

    def how_to(self, address: str) -> dict[str, str]:
        """What a person fills in to connect."""
        return {"handle": HANDLE, "app password": self.sessions.app_password, "server": address}

    def _route(self, request: Request) -> Response:
        if self.pds and request.path.startswith(XRPC) and request.path not in LOGIN_HOST_CALLS:
            at_home = request.origin == self.pds
            if not at_home:
                raise RefusedError(400, f"Contract: this account lives at {self.pds}")
        for status in ("502", "504"):
            if self.faults.take(status, request):
                raise RefusedError(int(status), f"{NAMES[int(status)]}: Upstream")
        response = super()._route(request)
        if request.path.startswith(REPO):
            response.headers.update(self._rate_headers(POINTS_AN_HOUR - sum(cost for _at, cost in self.points)))
        return response

    def _create_session(self, request: Request) -> Response:
        response = self._session(request, *self.sessions.log_in(_json(request)))
        response.headers.update(self.sessions.login_headers())
        return response

    def _refresh_session(self, request: Request) -> Response:
        if request.body:
            raise RefusedError(400, "A request body was provided when none was expected")
        return self._session(request, *self.sessions.refresh(request))

    def _session(self, request: Request, access: str, refresh: str) -> Response:
        return answer({"accessJwt": access, "refreshJwt": refresh} | self._me(request))

    def _me(self, request: Request) -> dict[str, Any]:
        home = {
            "id": "#atproto_pds",
            "type": "AtprotoPersonalDataServer",
            "serviceEndpoint": self.pds or request.origin,
        }
        document = {"id": DID, "alsoKnownAs": [f"at://{HANDLE}"], "service": [home]}
        return {"did": DID, "handle": HANDLE, "email": "kultur@example.org", "active": True, "didDoc": document}

    def _get_session(self, request: Request) -> Response:
        self.sessions.shown(request)
        return answer(self._me(request))

    def _delete_session(self, request: Request) -> Response:
        self.sessions.dead.add(self.sessions.shown(request, "refresh").session)
        return Response()

    def _resolve_handle(self, request: Request) -> Response:
        did = (OTHERS | {HANDLE: DID}).get(_query(request, "handle")["handle"].lower())
        if did is None:
            raise RefusedError(400, "Unable to resolve handle")
        return answer({"did": did})

    def _upload_blob(self, request: Request) -> Response:
        self.sessions.shown(request)
        if not request.media_type:
            raise RefusedError(400, "Request encoding (Content-Type) required but not provided")
        if len(request.body) > LARGEST_UPLOAD:
            raise RefusedError(413, "request entity too large")
        if self.faults.take("media_fails", request):
            raise RefusedError(500, "Internal Server Error")
        lax = self.faults.take("lax_blobs", request)
        blob = Blob(request.body, request.media_type if lax else _sniffed(request.body))
        self.blobs[blob.cid] = blob
        return answer({"blob": blob.entity()})

    def _write(self, request: Request, how: str) -> Response:
        self.sessions.shown(request)
        given = _json(request)
        allowed = {"repo", "collection", "rkey", "validate", "record", "swapCommit"}
        self._check_place(given, allowed | ({"swapRecord"} if how == "putRecord" else set()))
        self._pay(how)
        repository = Repository(self.blobs, self._content_id, self._root_of, self.text_limit or 300)
        record = check(given.get("record"), repository)
        rkey, cid = given["rkey"], record_cid(record)
        uri = f"at://{DID}/{COLLECTION}/{rkey}"
        there = self._content_id(uri)
        if there and how == "createRecord":
            # A real server says no more than this (an error of its tree).
            raise RefusedError(500, "Internal Server Error")
        if there and there != cid:
            raise RefusedError(400, f"InvalidSwap: Record was at {there}")
        if not there:
            self.posts.append(self._public(uri, rkey, cid, record))
        # The real answer to a repeat has no commit: nothing was written.
        commit = {} if there else {"commit": {"cid": record_cid(uri), "rev": rkey}}
        return self.committed(request, answer({"uri": uri, "cid": cid, "validationStatus": "valid"} | commit))

    def _check_place(self, given: Mapping[str, Any], allowed: set[str]) -> None:
        if unknown := set(given) - allowed:
            raise RefusedError(400, f"Contract: unknown fields: {', '.join(sorted(unknown))}")
        if given.get("repo") != DID or given.get("collection") != COLLECTION:
            raise RefusedError(400, "Contract: repo is the account's DID, and collection that of posts")
        if not isinstance(given.get("rkey"), str) or not TID.fullmatch(given["rkey"]):
            raise RefusedError(400, "Invalid record key: expected a TID")
        if "swapRecord" in given and given["swapRecord"] is not None:
            raise RefusedError(400, "Contract: swapRecord is null: this server changes no records")

    def _pay(self, how: str) -> None:
        now = self.clock.now().timestamp()
        self.points = [(at, cost) for at, cost in self.points if at > now - HOUR_S]
        if sum(cost for _at, cost in self.points) + COSTS[how] > POINTS_AN_HOUR:
            raise RefusedError(429, "Rate Limit Exceeded", self._rate_headers(left=0))
        self.points.append((now, COSTS[how]))

    def _rate_headers(self, left: int) -> dict[str, str]:
        now = self.clock.now().timestamp()
        begun = self.points[0][0] if self.points else now
        return {
            "RateLimit-Limit": str(POINTS_AN_HOUR),
            "RateLimit-Remaining": str(left),
            "RateLimit-Reset": str(int(begun) + HOUR_S),
            "RateLimit-Policy": f"{POINTS_AN_HOUR};w={HOUR_S}",
        }

    def _public(self, uri: str, rkey: str, cid: str, record: dict[str, Any]) -> PublicPost:
        embed = record.get("embed", {})
        images = embed.get("images", [])
        return PublicPost(
            remote_id=uri,
            text=record["text"],
            created_at=datetime.fromisoformat(record["createdAt"]).astimezone(UTC),
            alt_texts=[image["alt"] for image in images],
            pictures=[self.blobs[image["image"]["ref"]["$link"]].content for image in images],
            link=embed.get("external", {}).get("uri", ""),
            key=rkey,
            reply_to=record.get("reply", {}).get("parent", {}).get("uri", ""),
            fields={"record": record, "cid": cid},
        )

    def _delete(self, request: Request) -> Response:
        self.sessions.shown(request)
        given = _json(request)
        self._check_place(given, {"repo", "collection", "rkey", "swapCommit"})
        self._pay("deleteRecord")
        post = self.post(f"at://{DID}/{COLLECTION}/{given['rkey']}")
        if post is not None:
            post.deleted = True
        return answer({"commit": {"cid": record_cid(given), "rev": given["rkey"]}} if post else {})

    def _get_record(self, request: Request) -> Response:
        asked = _query(request, "repo", "collection", "rkey")
        uri = f"at://{asked['repo']}/{asked['collection']}/{asked['rkey']}"
        if asked["collection"] == "app.bsky.actor.profile" and asked["repo"] == DID:
            value = {"$type": asked["collection"], "displayName": "Kulturfællesskabet"}
            return answer({"uri": uri, "cid": record_cid(value), "value": value})
        post = self.post(uri)
        if post is None:
            raise RefusedError(400, f"RecordNotFound: Could not locate record: {uri}")
        return answer({"uri": uri, "cid": post.fields["cid"], "value": post.fields["record"]})

    def _get_blob(self, request: Request) -> Response:
        blob = self.blobs.get(_query(request, "did", "cid")["cid"])
        if blob is None:
            raise RefusedError(400, "BlobNotFound: Blob not found")
        return Response(200, blob.content, {"Content-Type": blob.media_type})

    def _get_posts(self, request: Request) -> Response:
        uris = request.query.get("uris", [])
        if set(request.query) != {"uris"} or not 1 <= len(uris) <= 25:
            raise RefusedError(400, "Error: uris must not have more than 25 elements")
        found = [post for uri in uris if (post := self.post(uri))]
        return answer({"posts": [self._view(post) for post in found]})

    def _view(self, post: PublicPost) -> dict[str, Any]:
        author = {"did": DID, "handle": HANDLE}
        counted = {"likeCount": post.likes, "repostCount": post.reposts, "quoteCount": 0,
                   "replyCount": len(self.comments(post))}  # fmt: skip
        view = {"uri": post.remote_id, "author": author, "indexedAt": post.created_at.isoformat()}
        return view | counted | post.fields

    def _content_id(self, uri: str) -> str:
        post = self.post(uri)
        return str(post.fields["cid"]) if post else ""

    def _root_of(self, uri: str) -> str:
        post = self.post(uri)
        reply = post.fields["record"].get("reply") if post else None
        return str(reply["root"]["uri"]) if reply else uri

    def _seen(self, request: Request, rkey: str) -> Response:
        post = self.post(f"at://{DID}/{COLLECTION}/{rkey}")
        if post is None:
            raise RefusedError(404, "Post not found")
        return page(f"<!doctype html><meta charset=utf-8><title>{HANDLE}</title><p>{escape(post.text)}</p>")


def _json(request: Request) -> dict[str, Any]:
    if request.media_type != "application/json":
        raise RefusedError(400, f'Wrong request encoding (Content-Type): "{request.media_type}"')
    return request.json()


def _query(request: Request, *names: str) -> dict[str, str]:
    if set(request.query) != set(names):
        raise RefusedError(400, f"Error: Params must have the properties {', '.join(names)}")
    return {name: values[-1] for name, values in request.query.items()}


def _sniffed(content: bytes) -> str:
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in MAGIC.items() if content.startswith(magic)), "application/octet-stream")
