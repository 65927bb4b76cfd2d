"""What a source plug-in is: it reads from outside and answers with plain dataclasses; it knows no database."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from publisher.errors import Explanation, OpslagError

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True)
class PictureRef:
    """A picture as a source names it; `items.pictures` downloads and checks it. Sizes in pixels, 0 if unknown."""

    url: str
    alt: str = ""
    caption: str = ""
    credit: str = ""
    width: int = 0
    height: int = 0


@dataclass(frozen=True)
class Event:
    """When and where an item takes place. Times are aware; with `all_day` only their dates count, the last included.

    `floating`: the source named no zone, so the times are what clocks show at the place, labelled UTC. `price` is in
    words, "0" where it is free; `status` is one of `vocabulary.EventStatus`.
    """

    starts_at: datetime
    ends_at: datetime | None = None
    all_day: bool = False
    place: str = ""
    price: str = ""
    booking_url: str = ""
    status: str = "scheduled"
    floating: bool = False


@dataclass(frozen=True)
class Candidate:
    """One entry as a source gave it. Text fields are plain text; `body_html` is unsafe until `items.content` cleans it.

    `external_key` is the entry's own identity (a feed's guid), "" if it has none; `published_at` is aware or None.
    """

    external_key: str
    title: str
    link: str = ""
    lead: str = ""
    body_html: str = ""
    author: str = ""
    published_at: datetime | None = None
    language: str = ""
    tags: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    pictures: tuple[PictureRef, ...] = ()
    event: Event | None = None


@dataclass(frozen=True)
class Step:
    """One page of the way to a source: the config fields that it asks for, in order, and the words of its button.

    With `shows_samples` the page shows what its fields make of what is there.
    """

    title: StrOrPromise
    hint: StrOrPromise
    fields: tuple[str, ...]
    button: StrOrPromise
    shows_samples: bool = False


@dataclass(frozen=True)
class Offer:
    """What may be chosen for a field, as (value, words); our guess; a sentence of help. Without choices it is typed."""

    choices: tuple[tuple[str, StrOrPromise], ...] = ()
    guess: str = ""
    help: StrOrPromise = ""


@dataclass(frozen=True)
class Sample:
    """An entry as it would come in; `kept_out` says why it does not (a draft, say)."""

    candidate: Candidate
    kept_out: Explanation | None = None


@dataclass(frozen=True)
class Poll:
    """What one look at a source gave.

    `state` is kept on the Source row and handed to the next poll (validators, counted redirects); `unchanged` means
    nothing was parsed; `min_interval_s` is the pause in seconds that the source asks for (0: none);
    `gone` means that it said it is gone for good (410). `withdrawn` names entries that the source takes back, each as
    the `external_key` it had; `complete`: the source gave all it has, so what is missing is not there any more.
    `partial`: only what is new or changed, so what is missing says nothing; `more`: look again soon for the rest, and
    until there is no rest a first look goes on. `began` (aware): this is one of several looks that together give all,
    and the first of them began then; with the last of them it is `complete`. `damage` says in words that part of what
    the source gave could not be read.
    """

    candidates: tuple[Candidate, ...] = ()
    withdrawn: tuple[str, ...] = ()
    complete: bool = False
    began: datetime | None = None
    state: Mapping[str, Any] = field(default_factory=dict)
    unchanged: bool = False
    min_interval_s: int = 0
    gone: bool = False
    partial: bool = False
    more: bool = False
    title: str = ""
    damage: Explanation | None = None


@dataclass(frozen=True)
class Suggestion:
    """Another place that a person may have meant: its config fields, and what it is called there ("" if nothing)."""

    values: Mapping[str, Any]
    title: str = ""


class Source(ABC):
    """Reads news from one place.

    Config fields are a dataclass; a field's metadata says `label` and `help`, `secret` (encrypted, never shown again;
    `open`: may be seen while it is typed),
    `choices` (the only values), `lines` (a text of so many lines), `needed` (although it has a default).
    A source with `steps` is set up over several pages: all fields but those of the first step have defaults.
    One that is not `polled` is given its news by whoever has its token. `has_lasting_ids`: each entry has an identifier
    that never changes and is never given to another, so that its words say nothing about which one it is.
    """

    kind: ClassVar[str]
    label: ClassVar[StrOrPromise]
    config_class: ClassVar[type]
    steps: ClassVar[tuple[Step, ...]] = ()
    polled: ClassVar[bool] = True
    has_lasting_ids: ClassVar[bool] = False

    def host(self, config: Any) -> str:
        """The server that a poll asks, so that several sources on it are read one after the other; "" for none."""
        return ""

    def moved(self, state: Mapping[str, Any]) -> tuple[str, str] | None:
        """From which address to which the source has moved by itself, as its state says; None if it has not."""
        return None

    def left_out(self, state: Mapping[str, Any]) -> tuple[int, int] | None:
        """How many entries it reads at most, and how many older ones it left out for that; None if it read all."""
        return None

    def suggestions(self, config: Any, error: OpslagError) -> tuple[Suggestion, ...]:
        """Where else it may be, after a first look at what a person gave ended in `error`. Never raises OpslagError."""
        return ()

    @abstractmethod
    def poll(self, config: Any, state: Mapping[str, Any]) -> Poll:
        """Look once.

        Raises TransientError (try again later), PermanentError (a person must change something) with a sentence
        for staff; never anything else for what the outside world sends.
        """

    def first_poll(self, config: Any) -> Poll:
        """Look before it is kept. Raises as `poll`, and PermanentError for what a person must decide first."""
        return self.poll(config, {})

    def described(self, config: Mapping[str, Any]) -> str:
        """Where the news comes from, for pages; `config` are the open fields as they are stored."""
        return str(config.get("url", ""))

    def place(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Those of all filled-in fields by which it is the same source; others only change how it is read.

        Without any, an organisation may have several that are filled in alike.
        """
        secret = {each.name for each in fields(self.config_class) if each.metadata.get("secret")}
        return {name: value for name, value in values.items() if name not in secret}

    def offers(self, step: Step, config: Any) -> Mapping[str, Offer]:
        """What to offer for the fields of `step`, with what was filled in before it. Raises the same as `poll`."""
        return {}

    def samples(self, config: Any) -> Sequence[Sample]:
        """What the first entries will look like, those that are kept out among them. Raises the same as `poll`."""
        return [Sample(candidate) for candidate in self.poll(config, {}).candidates]
