"""Containers: what Instagram and Threads prepare of a post, unseen, and publish with one call each, once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext_noop

from publisher import http
from publisher.errors import PermanentError, ThrottledError, TransientError, UncertainError
from publisher.platforms.contract import PictureFile, Published
from publisher.platforms.meta_graph import moment_of
from publisher.platforms.meta_replies import QUOTA_S, SOON_S, container_error, object_of
from publisher.vocabulary import Reason

# They live for 24 hours, and ours are made up to 20 minutes before the first attempt.
CONTAINER_KEPT = timedelta(hours=23)
# A person waits while a sample is fetched.
SAMPLE_LOOKS = 4
# Access of 60 days is renewed halfway; the platforms renew none that is younger than a day.
_RENEWED_BEFORE = timedelta(days=30)
_USUAL_LIFE_S = 60 * 24 * 3600
_TOO_YOUNG_S = 6 * 3600
_NEVER_RENEWED = datetime.fromisoformat("2000-01-01T00:00:00+00:00")


@dataclass(frozen=True)
class Container:
    """What is prepared for a post and not public: its state there, and what is wrong with it in their words."""

    state: str
    said: str = ""


def wait_until_ready(look: Callable[[str], Container], containers: Sequence[str], waits_s: Sequence[float]) -> None:
    """Look at the containers, with pauses (seconds), until all are FINISHED.

    Raises TransientError after the last look, and what is wrong with one (`container_error`).
    """
    left = list(containers)
    for pause in waits_s:
        if not left:
            return
        time.sleep(pause)
        left = [each for each in left if not _is_ready(look(each))]
    if left:
        raise _not_ready()


def publish_once(
    found: Container, publish: Callable[[], Published], adopt: Callable[[], Published | None]
) -> Published:
    """Publish a container that surely is not public yet; one that is already is looked up instead (`adopt`).

    That makes a repeat harmless: there is no more than one post of a container. Raises UncertainError for one that is
    published and does not stand in the list of posts yet.
    """
    if found.state == "PUBLISHED":
        earlier = adopt()
        if earlier is None:
            raise UncertainError(
                gettext_noop("The platform says that this was published already: an earlier try may have worked."),
                reason=Reason.ANSWER_LOST,
            )
        return earlier
    if not _is_ready(found):
        raise _not_ready()
    return publish()


def public_address(picture: PictureFile) -> str:
    """Where the platform fetches the picture from us. Raises TransientError where it has no such address."""
    if not picture.url:
        raise TransientError(gettext_noop("The picture has no public address."), reason=Reason.CONNECTION)
    return picture.url


def check_fetchable(url: str, make: Callable[[], object]) -> None:
    """`make` a container with the picture at `url`. Raises PermanentError, in words, if it cannot be fetched."""
    try:
        make()
    except (PermanentError, TransientError) as error:
        if error.reason not in {Reason.REJECTED, Reason.BUSY}:
            raise
        raise PermanentError(
            gettext_noop(
                "The platform could not fetch a picture from %(host)s: “%(why)s”. Until it can, no post with a picture "
                "is published there. Opslag's own address (OPSLAG_BASE_URL) must be reachable from the internet by "
                "https, without sign-in."
            ),
            reason=Reason.REJECTED,
            host=urlsplit(url).netloc,
            why=error.explanation.params.get("message") or str(error),
        ) from error


def check_quota(rows: Sequence[Mapping[str, Any]], used: str, config: str) -> None:
    """Raise ThrottledError where no more can be published for now; `used` and `config` name the fields of a row."""
    for row in rows[:1]:
        allowed = row.get(config)
        total = allowed.get("quota_total") if isinstance(allowed, Mapping) else None
        count = row.get(used)
        if isinstance(total, int) and isinstance(count, int) and count >= total:
            raise ThrottledError(
                gettext_noop("The platform takes %(count)s posts a day from this channel; all of them are used."),
                reason=Reason.BUSY,
                retry_after=QUOTA_S,
                count=total,
            )


def renewal_of(ends_at: str) -> datetime | None:
    """When access that ends at `ends_at` (ISO 8601) is renewed; if that is not known it is tried now, to learn it."""
    moment = moment_of(ends_at)
    return moment - _RENEWED_BEFORE if moment else _NEVER_RENEWED


def renewed_token(reply: http.Reply, now: datetime) -> dict[str, str]:
    """The new access in an answer, and when it ends. Access younger than a day is refused, which is no harm.

    Raises AccountError for access that is worth nothing any more, and TransientError.
    """
    try:
        answer = object_of(reply)
    except PermanentError as error:
        raise TransientError(
            gettext_noop("The access could not be renewed yet: %(why)s"),
            reason=Reason.BUSY,
            retry_after=_TOO_YOUNG_S,
            why=str(error),
        ) from error
    token, seconds = answer.get("access_token"), answer.get("expires_in")
    if not isinstance(token, str) or not token:
        raise TransientError(gettext_noop("The platform gave no new access."), reason=Reason.CONNECTION)
    life = seconds if isinstance(seconds, int) and seconds > 0 else _USUAL_LIFE_S
    return {"access_token": token, "ends_at": (now + timedelta(seconds=life)).isoformat()}


def _is_ready(found: Container) -> bool:
    if found.state in {"ERROR", "EXPIRED"}:
        raise container_error(found.said if found.state == "ERROR" else "EXPIRED")
    return found.state == "FINISHED"


def _not_ready() -> TransientError:
    return TransientError(
        gettext_noop("The platform is still working on the picture."), reason=Reason.BUSY, retry_after=SOON_S
    )
