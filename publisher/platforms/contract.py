"""What a platform plug-in is: prepare → commit → confirm on plain dataclasses; it knows no database."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from django.utils.translation import gettext_noop

from publisher.errors import Explanation, InputError, PermanentError
from publisher.platforms.abilities import Abilities, Limits
from publisher.platforms.post_address import Addressed
from publisher.platforms.words import Words

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

_PLAIN_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9_.]{0,48}[a-z0-9_])?", re.IGNORECASE)


@dataclass(frozen=True)
class PictureFile:
    """A picture's frozen bytes as they will be uploaded, with the text that is read aloud. Sizes in pixels.

    `focal` (from the left and from the top, 0 to 1) is what the platform's own crops should keep. `url` is a signed
    address at which anybody can fetch these bytes for a few hours, for platforms that fetch pictures themselves.
    """

    content: bytes
    media_type: str
    alt: str
    width: int
    height: int
    focal: tuple[float, float] = (0.5, 0.5)
    url: str = ""


@dataclass(frozen=True)
class Card:
    """What a link card shows on platforms where we make it ourselves; elsewhere the platform reads the page."""

    title: str
    description: str = ""
    picture: PictureFile | None = None


@dataclass(frozen=True)
class Post:
    """One public call's content, frozen at approval: every attempt sends exactly these bytes.

    `key` is the idempotency key, the same on every attempt; `planned_at` (aware) is the time that the platform shows;
    `reply_to` is the remote id of the part before it in a thread or under which it is the first comment, "" for the
    first part; `thread_root` is the remote id of the first part. `title` is the first news item's headline. `taken` are
    the remote ids of the account's other posts of that time: what is looked for is never one of them, however alike.
    `campaign` names the send-out that it belongs to, and `revision` rises with each change to what was approved.
    """

    text: str
    key: str
    planned_at: datetime
    link: str = ""
    language: str = ""
    visibility: str = "public"
    pictures: tuple[PictureFile, ...] = ()
    reply_to: str = ""
    thread_root: str = ""
    title: str = ""
    card: Card | None = None
    taken: frozenset[str] = frozenset()
    campaign: str = ""
    revision: int = 1


@dataclass(frozen=True)
class Published:
    """A post as the platform holds it. `earlier`: it took no new one, since it has this one with the same words."""

    remote_id: str
    permalink: str = ""
    earlier: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Missing:
    """What `find` answers instead of None where it can say among how many posts it looked in vain."""

    among: int

    def __bool__(self) -> bool:
        return False


@dataclass(frozen=True)
class Profile:
    """Who an account is on its platform, and what its server told about itself (`facts`, kept on the Account row).

    `warnings`: what a person should know although it works, such as a permission that is missing for figures.
    """

    remote_id: str
    name: str
    handle: str
    url: str = ""
    avatar_url: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[Explanation, ...] = ()


@dataclass(frozen=True)
class Figures:
    """What a platform counts about one post; None where it does not tell. `replies` are all, ours among them."""

    likes: int | None = None
    reposts: int | None = None
    replies: int | None = None
    views: int | None = None


class Platform(Addressed, ABC):
    """Publishes posts of one kind of account. `config_class` holds connection fields (secrets marked in metadata).

    `label` says what is connected (“Facebook Page”), `name` what the platform itself is called (“Facebook”) where that
    is something else, `words` how sentences speak of it. A field with `hidden` in its metadata is filled in by
    connecting or renewing, never typed. `link_in_text` says that a post's link becomes part of its text (see
    `length.published_text`) and counts in its length; elsewhere it does so beside pictures only, unless
    `picture_and_card`: a post shows both. `one_at_a_time`: readers leaf through several pictures, where others show
    them side by side. `sign_in` is there where a person connects by signing in at the platform. `handle_example`: by
    what a text mentions somebody there, "" where it cannot. `mended_there`: refusals (by msgid) that connecting again
    does not mend but something at the platform, each in a word or two for a mark. Every method may raise
    TransientError, PermanentError or AccountError (TokenExpiredError where renewing may help); only `commit`, `edit`
    and `delete` may raise UncertainError.
    """

    kind: ClassVar[str]
    label: ClassVar[StrOrPromise]
    name: ClassVar[StrOrPromise] = ""
    config_class: ClassVar[type]
    link_in_text: ClassVar[bool] = True
    picture_and_card: ClassVar[bool] = False
    one_at_a_time: ClassVar[bool] = False
    sign_in: ClassVar[SignIn | None] = None
    words: ClassVar[Words] = Words()
    handle_example: ClassVar[str] = ""
    # Pauses (seconds) between looks at a post whose answer was lost; () for the usual three quarters of an hour.
    looks_s: ClassVar[tuple[float, ...]] = ()
    mended_there: ClassVar[Mapping[str, StrOrPromise]] = MappingProxyType({})

    @property
    def called(self) -> StrOrPromise:
        """The platform's own name, in sentences and behind the names of channels."""
        return self.name or self.label

    def called_there(self, facts: Mapping[str, Any]) -> StrOrPromise:
        """What the account's own server is called, where several kinds speak this platform's language."""
        return self.called

    def abilities(self, facts: Mapping[str, Any]) -> Abilities:
        """What the account's server can do; by itself nothing but publishing."""
        return Abilities()

    @abstractmethod
    def limits(self, facts: Mapping[str, Any]) -> Limits:
        """The limits of the account's server, from what `verify` found out."""

    @abstractmethod
    def length(self, text: str, facts: Mapping[str, Any]) -> int:
        """The length of `text` as this platform counts it."""

    def follow_up_length(self, text: str, facts: Mapping[str, Any]) -> int:
        """The same of what follows a post, where that is counted in another way."""
        return self.length(text, facts)

    def handle_of(self, typed: str) -> str:
        """A name that is mentioned there, from what a person typed: with or without @, or a profile's address.

        Raises InputError.
        """
        name = typed.strip().rstrip("/").rpartition("/")[2].removeprefix("@")
        if not _PLAIN_NAME.fullmatch(name):
            raise self.no_handle(typed)
        return f"@{name}"

    def no_handle(self, typed: str) -> InputError:
        """What to raise for what is no name there."""
        words = gettext_noop("“%(typed)s” is no name there. It looks like this: %(example)s")
        return InputError(words, typed=typed, example=self.handle_example)

    def mention(self, name: str, handle: str) -> str:
        """How a text mentions the one who is called `name` here, by a handle that `handle_of` gave."""
        return handle

    def as_read(self, text: str) -> str:
        """A text as readers see it, where what we hand over has marks of its own in it."""
        return text

    def short_address(self, address: str) -> str:
        """What readers see of an http(s) address in a post's text; the whole of it leads on."""
        return address

    @abstractmethod
    def repeat_safe_for(self, facts: Mapping[str, Any]) -> timedelta:
        """How long after the first attempt a commit with the same key may be repeated without a second post."""

    def repeats_safely(self, facts: Mapping[str, Any], post: Post) -> bool:
        """Whether `repeat_safe_for` holds for this post: not, say, for a comment where only posts are compared."""
        return True

    @abstractmethod
    def verify(self, config: Any) -> Profile:
        """Check that the credentials work and learn who and what is at the other end."""

    @abstractmethod
    def prepare(self, config: Any, facts: Mapping[str, Any], post: Post) -> dict[str, Any]:
        """Do all that is not yet public (uploads); answers what `commit` needs, as JSON. May be repeated."""

    @abstractmethod
    def commit(self, config: Any, facts: Mapping[str, Any], post: Post, prepared: Mapping[str, Any]) -> Published:
        """The one call that makes the post public. Raises UncertainError if it may have happened unseen.

        With Reason.DUPLICATE if the platform compared the words and has them: from a lost try, or from another post.
        """

    @abstractmethod
    def confirm(self, config: Any, facts: Mapping[str, Any], published: Published) -> Published:
        """Read the post back: its id and permalink as the public sees them."""

    @abstractmethod
    def find(self, config: Any, facts: Mapping[str, Any], post: Post, since: datetime) -> Published | Missing | None:
        """Look among the account's own posts since `since` (aware) for one that surely is this post; else falsy.

        Those in `post.taken` are passed over.
        """

    def check_pictures(self, config: Any, facts: Mapping[str, Any], url: str) -> None:
        """Have the platform fetch the picture at `url`, where it fetches pictures from us; publishes nothing.

        Raises PermanentError, in words that say what to do, if it cannot be fetched.
        """

    def edit(self, config: Any, facts: Mapping[str, Any], published: Published, post: Post) -> Published:
        """Give a published post the text of `post`; answers the post as it is now. May be repeated."""
        raise PermanentError(gettext_noop("A published post cannot be changed on this platform."), reason="no_edit")

    def delete(self, config: Any, facts: Mapping[str, Any], published: Published) -> None:
        """Take a published post down; one that is gone already is no error. May be repeated."""
        raise PermanentError(gettext_noop("A post cannot be taken down on this platform."), reason="no_delete")

    def figures(self, config: Any, facts: Mapping[str, Any], remote_ids: Sequence[str]) -> dict[str, Figures]:
        """The figures of some of our posts, by remote id; what the platform does not have (any more) is left out."""
        return {}

    def renew_at(self, config: Any) -> datetime | None:
        """When the credentials should be renewed without a person (aware), None if never.

        In the past where what a person filled in must be changed for credentials before anything else can be done.
        """
        return None

    def lasts_until(self, config: Any) -> datetime | None:
        """When a person must connect the account again at the latest (aware), None if that is not known to come."""
        return None

    def renew(self, config: Any, app: Any) -> Mapping[str, Any] | None:
        """New values for the config fields that change, such as tokens; `app` as for `sign_in`, or None.

        None where only a person can renew the access, by connecting again: then the platform's refusal stands. What it
        gives is stored before it is used: at some platforms the old token is worthless from this call on.
        """
        return None


@dataclass(frozen=True)
class Found:
    """A profile that a signed-in person may use, with the config fields that do so; `obstacle`: why not to publish."""

    profile: Profile
    values: Mapping[str, Any]
    obstacle: Explanation | None = None


class SignIn(ABC):
    """Connecting by a person who signs in at the platform (OAuth 2, RFC 6749; PKCE, RFC 7636, where it has it).

    `app_class` is a dataclass of what the platform gave to our app (client id and secret), with metadata as config
    fields have; `asks` names the config fields that a person fills in before (a server's address, say). `registers`:
    `register` makes the app on the spot, one for each `host`; elsewhere staff must get one from the platform. `app_of`
    names the kind of account whose app people sign in with here as well, "" where it is one of its own. `https_only`:
    people are sent back only to an address of ours with https. `before` says
    in sentences what a person must have and do to come through, `app_before` what whoever makes the app must.
    """

    app_class: ClassVar[type]
    app_of: ClassVar[str] = ""
    asks: ClassVar[tuple[str, ...]] = ()
    registers: ClassVar[bool] = False
    https_only: ClassVar[bool] = False
    before: ClassVar[tuple[StrOrPromise, ...]] = ()
    app_before: ClassVar[tuple[StrOrPromise, ...]] = ()

    def host(self, values: Mapping[str, Any]) -> str:
        """The server that `values` name, where each has its own apps; else ""."""
        return ""

    def register(self, values: Mapping[str, Any], redirect_uri: str) -> Any | None:
        """An app of ours made on the spot, as an `app_class`; None where staff must get one from the platform."""
        return None

    def revoke(self, app: Any, config: Any) -> bool:
        """Take back what `redeem` gave, once the account is disconnected here; false where the platform cannot."""
        return False

    @abstractmethod
    def address(self, app: Any, values: Mapping[str, Any], *, redirect_uri: str, state: str, challenge: str) -> str:
        """Where to send the person. `challenge` is the S256 code challenge of PKCE."""

    @abstractmethod
    def redeem(
        self, app: Any, values: Mapping[str, Any], *, code: str, verifier: str, redirect_uri: str
    ) -> tuple[Found, ...]:
        """Change the code for credentials: one Found per profile (page, organisation) that the person may use.

        Raises AccountError, in words that say what to do, where none can be used.
        """
