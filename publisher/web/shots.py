"""The pictures of a draft in the composer: each once, with its description's form; the posts' in their order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from publisher.compose.draft_pictures import Move, arrange
from publisher.compose.post_pictures import pictures_of
from publisher.models import Block, Message, Picture
from publisher.templatetags.sendouts import names
from publisher.web.composer_forms import PictureForm

# Of a picture of the posts: one place up, before all others, out of the posts; and further ones beside it.
SHOT_VERBS = {f"shot-{move}": move for move in Move}
ADD_VERB, OWN_VERB = "shot-add", "shot-own"


class Use(NamedTuple):
    """A picture where a draft shows it, with the description that it has there."""

    picture: Picture
    alt: str


@dataclass
class Shot:
    """A picture with its description's form. `place`: which it is in the posts that show the same, 0 in none of them;
    `number`: which of all on the page; `only`: where it is shown, for one that is not in those posts."""

    picture: Picture
    form: PictureForm
    alts: frozenset[str]
    number: int
    place: int = 0
    only: str = ""


class Shots:
    """All pictures of a draft. `shared` are the posts that show the same ones: as most do, of several the first."""

    def __init__(self, blocks: Sequence[Block], posts: Sequence[Message], data: Any) -> None:
        self.shared = following(posts)
        self._posts = posts
        in_mails = [Use(each.picture, str(each.content.get("alt", ""))) for each in blocks if each.picture]
        in_posts = {post.pk: [Use(each.picture, each.alt) for each in pictures_of(post)] for post in posts}
        first = in_posts[self.shared[0].pk] if self.shared else []
        uses = [*first, *in_mails, *(use for post in posts for use in in_posts[post.pk])]
        alts: dict[Picture, list[str]] = {}
        for use in uses:
            alts.setdefault(use.picture, []).append(use.alt)
        self._mails = {use.picture for use in in_mails}
        self._places = {use.picture: place for place, use in enumerate(first, 1)}
        self.all = [
            self._shot(number, picture, found, len(alts), data)
            for number, (picture, found) in enumerate(alts.items(), 1)
        ]

    def _shot(self, number: int, picture: Picture, alts: list[str], count: int, data: Any) -> Shot:
        # The first description that any use of it has.
        alt = next(filter(None, alts), "")
        form = PictureForm(data, prefix=f"picture-{picture.pk}", initial={"alt": alt})
        if count > 1:
            form.fields["alt"].label = _("Describe picture %(number)s (read aloud)") % {"number": number}
        place = self._places.get(picture, 0)
        return Shot(picture, form, frozenset(alts), number, place, "" if place else self._only(picture))

    def _only(self, picture: Picture) -> str:
        posts = [str(post.account) for post in self._posts if picture in [each.picture for each in pictures_of(post)]]
        places = ([_("the mail")] if picture in self._mails else []) + posts
        return _("Shown only here: %(places)s") % {"places": names(places, 4)} if self._posts else ""

    def __iter__(self) -> Iterator[Shot]:
        return iter(self.all)

    def __len__(self) -> int:
        return len(self.all)

    def of(self, picture_id: int) -> Shot | None:
        """The picture with this id."""
        return next((shot for shot in self.all if shot.picture.pk == picture_id), None)

    @property
    def last(self) -> int:
        """How many pictures the posts show."""
        return len(self._places)

    def arrange(self, verb: str, subject: str) -> None:
        """One of SHOT_VERBS, in all posts that show the same. Raises InputError if it is no draft any more."""
        shot = self.of(int(subject)) if subject.isascii() and subject.isdigit() else None
        if shot is not None:
            arrange(self.shared, shot.picture, SHOT_VERBS[verb])


def following(posts: Sequence[Message]) -> list[Message]:
    """The posts that show the same pictures, as most do; of several such groups the first."""
    shown = [tuple(each.picture_id for each in pictures_of(post)) for post in posts]
    most = max(shown, key=shown.count, default=())
    return [post for post, pictures in zip(posts, shown, strict=True) if pictures == most]
