"""The source `database`: rows of a table, or of a read-only query, in SQLite, PostgreSQL, MariaDB and MySQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, cast

from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from publisher.sources.contract import Offer, Poll, Sample, Source, Step
from publisher.sources.database_rows import status_word

COLUMN = "_column"
_CONNECTION, _ROWS = ("database_url", "database_password"), ("table", "query")
# Imported at the first look, not with every process: SQLAlchemy and two drivers cost 25 MB.
_LOOKS = "publisher.sources.database_looks"


def _mapped(label: Any, **more: Any) -> Any:
    return field(default="", metadata={"label": label, **more})


@dataclass(frozen=True)
class DatabaseConfig:
    """Where the rows are, which column is what, and how to read them."""

    database_url: str = field(
        repr=False,
        metadata={
            "label": _("Address of the database"),
            "secret": True,
            "open": True,
            "help": _(
                "For example postgresql://user@host/database, mariadb://user@host/database or "
                "sqlite:////folder/file.sqlite3. Use a user that may only read; its password has a field of its own."
            ),
        },
    )
    table: str = field(default="", metadata={"label": _("Table or view")})
    query: str = field(
        default="",
        metadata={
            "label": _("Or a query of your own"),
            "lines": 5,
            "help": _("One SELECT that gives a row for each news item. Leave it empty to read a table."),
        },
    )
    id_column: str = _mapped(_("Id of the row"), needed=True, help=_("By it Opslag knows a news item again."))
    title_column: str = _mapped(_("Headline"), needed=True)
    lead_column: str = _mapped(_("Lead"))
    body_column: str = _mapped(_("Body text"))
    body_is: str = field(
        default="html",
        metadata={
            "label": _("The body text is written as"),
            "choices": (("html", "HTML"), ("text", _("Plain text"))),
        },
    )
    picture_column: str = _mapped(_("Address of the picture"))
    picture_alt_column: str = _mapped(_("Description of the picture"))
    author_column: str = _mapped(_("Author"))
    areas_column: str = _mapped(_("Areas"))
    tags_column: str = _mapped(_("Topics"))
    separator: str = field(
        default="semicolon",
        metadata={
            "label": _("Several areas or topics in one field are parted by"),
            "choices": (
                ("semicolon", _("Semicolon ;")),
                ("comma", _("Comma ,")),
                ("bar", _("Vertical bar |")),
                ("slash", _("Slash /")),
                ("line", _("A new line")),
            ),
        },
    )
    link_column: str = _mapped(_("Link"))
    published_column: str = _mapped(_("Published"), help=_("A row whose time has not come yet is left until then."))
    updated_column: str = _mapped(_("Last changed"), help=_("With it Opslag finds changes in large tables at once."))
    time_zone: str = field(
        default="Europe/Copenhagen",
        metadata={
            "label": _("Time zone of times without one"),
            "help": _("For example Europe/Copenhagen or UTC."),
            "needed": True,
        },
    )
    status_column: str = _mapped(_("Status"), help=_("With it a draft is never published."))
    published_values: str = _mapped(_("These values of the status mean published (comma between them)"))
    without_status: str = field(
        default="ask",
        metadata={
            "label": _("If no status is chosen"),
            "choices": (("ask", "–"), ("all", _("All rows are published, none of them is a draft"))),
        },
    )
    event_starts_column: str = _mapped(_("The event begins"))
    event_ends_column: str = _mapped(_("The event ends"))
    event_place_column: str = _mapped(_("Place of the event"))
    database_password: str = field(
        default="",
        repr=False,
        metadata={
            "label": _("Password"),
            "secret": True,
            "belongs_to": "database_url",
            "help": _("The user’s. A file needs none."),
        },
    )

    def columns(self) -> dict[str, str]:
        """Our field → its column, of those that have one; the time of change is also the raw one."""
        names = {each.name.removesuffix(COLUMN): each.name for each in fields(self) if each.name.endswith(COLUMN)}
        return {name: column for name, attribute in names.items() if (column := getattr(self, attribute))}

    def published(self) -> frozenset[str]:
        """The status words that mean published."""
        return frozenset(status_word(word) for word in self.published_values.split(",") if word.strip())


class DatabaseSource(Source):
    """Reads rows with nothing but SELECT: all of a small table each time, of a large one what changed, page by page."""

    kind: ClassVar[str] = "database"
    has_lasting_ids: ClassVar[bool] = True
    label: ClassVar[str] = cast("str", _("Database"))
    config_class: ClassVar[type] = DatabaseConfig
    steps: ClassVar[tuple[Step, ...]] = (
        Step(
            _("Which database?"),
            _("Opslag only reads from it. The address is kept encrypted and never shown again."),
            _CONNECTION,
            _("Test the connection"),
        ),
        Step(
            _("Which table?"),
            _("The connection works. Choose where the news is, or write a query for it."),
            _ROWS,
            _("Go on"),
        ),
        Step(
            _("Which column is what?"),
            _("Opslag has guessed from the names. Look at what comes of it, and put right what is wrong."),
            tuple(each.name for each in fields(DatabaseConfig) if each.name not in _CONNECTION + _ROWS),
            _("Go on"),
            shows_samples=True,
        ),
    )

    def host(self, config: DatabaseConfig) -> str:
        """The database server; "" for a file."""
        return str(import_string(f"{_LOOKS}.host")(config))

    def described(self, config: Mapping[str, Any]) -> str:
        """The table; a query is too long to name."""
        if config.get("query"):
            return str(_("A query of your own"))
        return str(_("Table “%(name)s”")) % {"name": config.get("table", "")}

    def place(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Where the rows are, by what they are known again, and which of them are published."""
        names = ("database_url", "table", "query", "id_column", "status_column", "published_values")
        return {name: values.get(name) or "" for name in names}

    def offers(self, step: Step, config: DatabaseConfig) -> Mapping[str, Offer]:
        """Tables once the address is known, columns and guesses once the table is."""
        return cast("Mapping[str, Offer]", import_string(f"{_LOOKS}.offers")(step, config))

    def samples(self, config: DatabaseConfig) -> Sequence[Sample]:
        """The newest rows, drafts among them."""
        return cast("Sequence[Sample]", import_string(f"{_LOOKS}.samples")(config))

    def first_poll(self, config: DatabaseConfig) -> Poll:
        """As `poll`; a column that may tell drafts from what is published must have been answered for."""
        return cast("Poll", import_string(f"{_LOOKS}.first_poll")(config))

    def poll(self, config: DatabaseConfig, state: Mapping[str, Any]) -> Poll:
        """Read the next page of the whole and, in a large table, what changed since the last time.

        Raises TransientError (unreachable, locked, too slow), PermanentError (refused, no such table or column).
        """
        return cast("Poll", import_string(f"{_LOOKS}.poll")(config, state))
