"""What posts have got, in words: a number for each figure, or a dash and why there is none."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from publisher.errors import Explanation
from publisher.models import Account
from publisher.platforms import PLATFORMS
from publisher.platforms.abilities import FIGURES
from publisher.templatetags.dates import write_date
from publisher.track.comments import mark_seen
from publisher.track.posted import Posted
from publisher.vocabulary import AccountStatus
from publisher.web.staff import OwnRequest, id_in, staff, way_back

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

FIGURE_WORDS: dict[str, StrOrPromise] = {
    "likes": gettext_lazy("likes"),
    "reposts": gettext_lazy("shares"),
    "replies": gettext_lazy("comments"),
    "views": gettext_lazy("views"),
}
# How often a page asks for figures, in seconds: while some are about to come, and otherwise.
SOON_S, SELDOM_S = 30, 300
# How many PostFigures one press may be about: more than any page shows.
_AT_MOST = 500


@dataclass(frozen=True)
class FigureRow:
    """A post on a page. `cells`: (word, number or None), none if nobody tells any; `why`: what is missing, and why."""

    posted: Posted
    cells: list[tuple[str, int | None]]
    why: list[str]


def figure_rows(posts: Iterable[Posted]) -> list[FigureRow]:
    """For pages; the posts' messages have their account."""
    return [FigureRow(post, list(_cells(post)), list(_why(post))) for post in posts]


def poll_seconds(posts: Iterable[Posted], now: datetime) -> int:
    """How often a page should ask whether there are new figures; 0 where the platforms are asked no more.

    Often while an answer is due, which is stored within a minute or so; else seldom.
    """
    times = [at for post in posts if (at := post.next_at or _begins_at(post)) is not None]
    if not times:
        return 0
    pause = timedelta(seconds=SELDOM_S)
    # What is long overdue waits for something: a stop that is lifted, a channel that is connected.
    return SOON_S if any(-2 * pause <= at - now <= pause for at in times) else SELDOM_S


def _begins_at(post: Posted) -> datetime | None:
    """When a post that nobody has asked about yet is noted for it: soon after it is out, where that is done at all."""
    ended, account = post.message.finished_at, post.message.account
    asked_about = post.found and not post.gone and not post.withdrawn and post.read_at is None
    return ended if asked_about and account is not None and tells(account) else None


def fingerprint(rows: Iterable[FigureRow], poll: int) -> str:
    """Changes when the page would show something else or should ask at another pace."""
    shown = [(row.posted.message.pk, row.posted.address, row.posted.read_at, row.cells, row.why) for row in rows]
    return hashlib.sha256(repr((shown, poll)).encode()).hexdigest()[:16]


def _cells(post: Posted) -> Iterator[tuple[str, int | None]]:
    if post.read_at is not None:
        yield from ((str(FIGURE_WORDS[name]), post.figures.get(name)) for name in FIGURES)


def names(figures: Iterable[str]) -> str:
    """ "likes, comments" """
    return ", ".join(str(FIGURE_WORDS[name]) for name in figures)


def tells(account: Account) -> tuple[str, ...]:
    """Which of FIGURES the channel's platform tells."""
    platform = PLATFORMS.get(account.kind)
    return platform.abilities(account.facts).figures if platform else ()


def _why(post: Posted) -> Iterator[str]:
    account = post.message.account
    if account is None:
        return
    platform, told = PLATFORMS.get(account.kind), tells(account)
    label = {"platform": (platform.words.who or platform.called_there(account.facts)) if platform else account.kind}
    if post.withdrawn:
        yield _("The post was taken down.")
    elif post.gone:
        yield _("The post is no longer there: somebody deleted it on the platform.")
    elif not told:
        yield _("%(platform)s does not tell how posts do.") % label
    elif not post.found:
        yield _("It is not known where the post is, so the platform cannot be asked about it.")
    else:
        yield from _of_the_last_look(post, account)
    if post.withdrawn or post.gone:
        return
    if told and post.found:
        yield from _untold(post, account, label)
    kept = [name for name in told if post.read_at and post.figures.get(name) is None]
    if kept:
        yield _("Not told about this post: %(figures)s.") % {"figures": names(kept)}


def _untold(post: Posted, account: Account, label: Mapping[str, StrOrPromise]) -> Iterator[str]:
    """What is not among the figures, and whether it is the platform or our access that keeps it."""
    platform, told = PLATFORMS.get(account.kind), tells(account)
    missing = [name for name in FIGURES if name not in told and post.figures.get(name) is None]
    barred = [name for name in missing if platform and name in platform.abilities({}).figures]
    never = [name for name in missing if name not in barred]
    if never:
        yield _("%(platform)s does not tell: %(figures)s.") % {**label, "figures": names(never)}
    if barred:
        words = _("Our access to “%(name)s” lacks the permission for: %(figures)s. Connect the channel again.")
        yield words % {"name": account, "figures": names(barred)}


def _of_the_last_look(post: Posted, account: Account) -> Iterator[str]:
    if account.status != AccountStatus.CONNECTED:
        yield _("The channel must be connected again before its figures can be read.")
    elif post.error:
        yield _("They could not be read last time: %(why)s") % {"why": Explanation.from_json(post.error)}
    elif post.read_at is None and post.next_at is not None:
        yield _("Read for the first time %(at)s.") % {"at": write_date(post.next_at, "short")}
    elif post.read_at is None:
        yield _("Nothing has been told about it yet.")


@staff("edit")
@require_POST
def comments_seen(request: OwnRequest) -> HttpResponse:
    """The comments that a page showed have been looked at: `seen` are ids of PostFigures, each with how many."""
    pairs = (each.partition("-") for each in request.POST.getlist("seen")[:_AT_MOST])
    mark_seen(request.organisation, {id_in(pk): id_in(number) for pk, _dash, number in pairs})
    return redirect(way_back(request, reverse("today")))
