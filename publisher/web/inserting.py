"""The composer's menu of what goes into a text with a press: saved texts, hashtags, partners."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.http import QueryDict

from publisher.models import Organisation, Partner, SavedText

VERB = "put"


@dataclass(frozen=True)
class Insert:
    """One entry: `key` is what its button sends, `words` what goes into the text, by themselves or in a line."""

    key: str
    name: str
    words: str
    in_line: bool = False


@dataclass(frozen=True)
class Inserts:
    """All that an organisation has to put into texts."""

    texts: list[Insert] = field(default_factory=list)
    partners: list[Insert] = field(default_factory=list)

    @classmethod
    def of(cls, organisation: Organisation) -> Inserts:
        """By name."""
        texts = SavedText.objects.for_organisation(organisation)
        partners = Partner.objects.for_organisation(organisation).only("name")
        return cls(
            [Insert(f"text-{row.pk}", row.name, row.text) for row in texts],
            [Insert(f"partner-{row.pk}", row.name, f"@[{row.name}]", in_line=True) for row in partners],
        )


def put(data: QueryDict, organisation: Organisation) -> QueryDict:
    """What a form sent, with what its button “put:<field>:<key>” names at the end of that field.

    A page with script puts it where the cursor is and sends no such thing.
    """
    _verb, _colon, rest = data.get("do", "").partition(":")
    name, _colon, key = rest.rpartition(":")
    offered = Inserts.of(organisation)
    chosen = next((each for each in (*offered.texts, *offered.partners) if each.key == key), None)
    if chosen is None or name not in data:
        return data
    before = str(data[name]).rstrip()
    space = "" if not before else " " if chosen.in_line else "\n\n"
    changed = data.copy()
    changed[name] = f"{before}{space}{chosen.words}"
    return changed
