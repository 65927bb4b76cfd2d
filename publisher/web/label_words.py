"""Labellings and what uses a topic or area, in plain words."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from publisher.items.label_care import Uses
from publisher.models import Area, LabelRule, Topic
from publisher.templatetags.dates import number
from publisher.templatetags.sendouts import names
from publisher.vocabulary import LabelRuleKind
from publisher.web.rule_words import either

MANY = 12


def knows_by(rule: LabelRule) -> str:
    """By what a labelling knows news: “News with the category “Koncert” or “Koncerter””."""
    if rule.kind == LabelRuleKind.SOURCE:
        return _("News from %(source)s") % {"source": f"“{rule.source}”"}
    said = either([f"“{word}”" for word in rule.words])
    if rule.kind == LabelRuleKind.CATEGORY:
        return _("News with the category %(words)s") % {"words": said}
    return _("News with the word %(words)s") % {"words": said}


def gives(rule: LabelRule) -> str:
    """What that news gets."""
    return names([*rule.topics.all(), *rule.areas.all()], MANY)


def use_sentences(used: Uses) -> list[str]:
    """What has a topic or area; one sentence if nothing has."""
    counted = [
        ngettext("%(number)s news item has it.", "%(number)s news items have it.", used.items) % _n(used.items)
        if used.items
        else "",
        _("Rules that name it: %(names)s.") % {"names": _quoted(used.rules)} if used.rules else "",
        _("Newsletters that offer it: %(names)s.") % {"names": _quoted(used.newsletters)} if used.newsletters else "",
        ngettext("%(number)s reader has chosen it.", "%(number)s readers have chosen it.", used.readers)
        % _n(used.readers)
        if used.readers
        else "",
    ]
    return [words for words in counted if words] or [_("Nothing uses it.")]


def removal_sentences(label: Topic | Area, used: Uses) -> list[str]:
    """What removing it does."""
    sentences = use_sentences(used)
    sentences.append(_("It is taken off all of them; the news itself and what was sent stay as they are."))
    if off := [rule for rule in used.rules_only if rule.active]:
        words = ngettext(
            "This rule names nothing else of the kind and is switched off, since it would take all news: %(names)s.",
            "These rules name nothing else of the kind and are switched off, since they would take all news: "
            "%(names)s.",
            len(off),
        )
        sentences.append(words % {"names": _quoted(off)})
    if used.readers_only:
        words = ngettext(
            "%(number)s reader has chosen nothing else of the kind and will get everything.",
            "%(number)s readers have chosen nothing else of the kind and will get everything.",
            used.readers_only,
        )
        sentences.append(words % _n(used.readers_only))
    if used.unsent:
        words = _("First take “%(label)s” off these send-outs, which have not gone out: %(names)s.")
        sentences.append(words % {"label": label.name, "names": _quoted(used.unsent)})
    return sentences


def _quoted(rows: object) -> str:
    return ", ".join(f"“{row}”" for row in rows)  # type: ignore[attr-defined]


def _n(value: int) -> dict[str, str]:
    return {"number": number(value)}
