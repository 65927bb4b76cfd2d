"""A rule in plain words: one sentence that says what it does, and its parts."""

from __future__ import annotations

from datetime import date, datetime, time

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from publisher.models import Rule
from publisher.rules.misfire import AT_LEAST, FAILURES_IN_A_ROW, TIMES_USUAL, most_while_new
from publisher.templatetags.dates import number, write_date
from publisher.templatetags.sendouts import names
from publisher.vocabulary import RuleMail, RuleMode, RuleTiming

MANY = 8


def sentence(rule: Rule) -> str:
    """News from “Nyheder” about Music becomes a post on Mastodon; a colleague approves it; at most 3 a day."""
    what = _("%(news)s becomes %(made)s") % {"news": what_words(rule), "made": _made(rule)}
    return "; ".join([what, *_who(rule), *limits(rule)]) + "."


def what_words(rule: Rule) -> str:
    """Which news."""
    parts = {
        _("from %(names)s"): [f"“{row}”" for row in rule.sources.all()],
        _("about %(names)s"): [str(row) for row in rule.topics.all()],
        pgettext("area", "in %(names)s"): [str(row) for row in rule.areas.all()],
        _("with %(names)s"): [f"“{word}”" for word in rule.words],
        _("without %(names)s"): [f"“{word}”" for word in rule.without_words],
    }
    said = [words % {"names": either(rows)} for words, rows in parts.items() if rows]
    return " ".join([pgettext("subject of a sentence", "News") if said else _("All news"), *said])


def either(rows: list[str]) -> str:
    """One or another of them: “A, B or C”."""
    if len(rows) > MANY:
        return names(rows, MANY)
    first, last = ", ".join(rows[:-1]), "".join(rows[-1:])
    return _("%(first)s or %(last)s") % {"first": first, "last": last} if first else last


def _made(rule: Rule) -> str:
    made = []
    if rule.newsletter and rule.mail_as == RuleMail.NEXT_ISSUE:
        made.append(_("a part of the next issue of %(newsletter)s") % {"newsletter": rule.newsletter})
    elif rule.newsletter:
        made.append(_("a mail of its own from %(newsletter)s") % {"newsletter": rule.newsletter})
    if accounts := list(rule.accounts.all()):
        words = ngettext("a post on %(names)s", "a post each on %(names)s", len(accounts))
        made.append(words % {"names": names(accounts, MANY)})
    return names(made) or "–"


def _who(rule: Rule) -> list[str]:
    gathers = rule.newsletter_id is not None and rule.mail_as == RuleMail.NEXT_ISSUE
    alone = gathers and not rule.accounts.all()
    if alone:
        return [_("a colleague approves the issue")]
    if rule.mode == RuleMode.REVIEW:
        return [_("a colleague approves it")]
    goes = _("it goes out by itself, %(when)s") % {"when": when_words(rule)}
    return [goes, _("a colleague approves the issue")] if gathers else [goes]


def when_words(rule: Rule) -> str:
    """When what it makes goes out by itself."""
    if rule.timing == RuleTiming.AFTER_MINUTES:
        words = ngettext("after %(number)s minute", "after %(number)s minutes", rule.delay_minutes)
        return words % {"number": number(rule.delay_minutes)}
    if rule.timing == RuleTiming.NEXT_SLOT:
        return _("at the channel’s next posting time")
    return pgettext("rule", "at once")


def limits(rule: Rule) -> list[str]:
    """Its limits, each in a few words; the gap and the quiet hours only where they count."""
    found = [_("at most %(number)s a day") % {"number": number(rule.daily_cap)}]
    if rule.mode == RuleMode.AUTOMATIC:
        if rule.min_gap_minutes:
            words = ngettext(
                "at least %(number)s minute apart", "at least %(number)s minutes apart", rule.min_gap_minutes
            )
            found.append(words % {"number": number(rule.min_gap_minutes)})
        found += _quiet(rule)
    return [*found, _oldest(rule.max_age_hours)]


def _oldest(hours: int) -> str:
    """In days where they are whole, and more than one."""
    days, rest = divmod(hours, 24)
    if days > 1 and not rest:
        return _("nothing older than %(number)s days") % {"number": number(days)}
    words = ngettext("nothing older than %(number)s hour", "nothing older than %(number)s hours", hours)
    return words % {"number": number(hours)}


def _quiet(rule: Rule) -> list[str]:
    found = []
    if rule.quiet_from and rule.quiet_until:
        hours = {"begins": _clock(rule.quiet_from), "ends": _clock(rule.quiet_until)}
        found.append(_("nothing between %(begins)s and %(ends)s") % hours)
    days = [
        *([_("on Saturdays and Sundays")] if rule.quiet_weekends else []),
        *([_("on public holidays")] if rule.quiet_holidays else []),
    ]
    if days:
        found.append(_("nothing %(days)s") % {"days": either(days)})
    return found


def _clock(at: time) -> str:
    return write_date(datetime.combine(date.min, at), "time")


def misfire_words(rule: Rule) -> str:
    """When the rule holds itself."""
    usual = _(
        "The rule holds itself and asks if one day brings more than %(times)s times its busiest day of the last four "
        "weeks (and at least %(number)s news items), or if it fails %(failures)s times in a row."
    ) % {"times": TIMES_USUAL, "number": AT_LEAST, "failures": FAILURES_IN_A_ROW}
    new = _(
        "In its first week, and on the day it is switched on, it asks if a day brings more than %(number)s news items."
    ) % {"number": number(most_while_new(rule))}
    return f"{usual} {new}"
