"""Whose move it is when a mail was refused or came back: by status code first, then by the words beside it.

Sources: RFC 3463 and its IANA registry for what codes mean; what follows from them is practice (docs/sending.md). The
first digit of the code beats an “Action: failed” beside it: servers report what they gave up trying as failed, too.
"""

from __future__ import annotations

import re

from publisher.vocabulary import BounceClass

STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
# In words it must stand where servers write it, and have a subject that exists (RFC 3463 §3: 0 to 7): “5.11.26” and
# “den 5.7.26” are days.
_SAID = re.compile(
    r"(?:^[ \t<>(\[\"'»-]{0,9}|(?<![\d.:])[245]\d\d[ \t-]{1,3}[(\[<#]?|#"
    r"|\b(?:status(?:[ -]?code)?|smtp|said|error(?: code)?|reason|response|diagnostic(?:-code)?|fejl(?:kode)?)\W{1,4})"
    r"(([245])\.([0-7])\.(\d{1,3}))(?![\d.])",
    re.IGNORECASE | re.MULTILINE,
)
# The reply codes of RFC 5321 that say no.
_CODE = re.compile(r"(?<![\d.:])(421|45[0-5]|471|50[0-4]|52[13]|53[0458]|55[0-6]|57[01])(?![\d.])")
# A server's words are looked at so far: the pattern below has no loops in loops, but the text may be huge.
_LOOKED_AT = 2000

_TABLE: dict[tuple[int, int], BounceClass] = {
    (1, 0): BounceClass.HARD,
    (1, 1): BounceClass.HARD,
    (1, 2): BounceClass.NO_ROUTE,
    (1, 3): BounceClass.HARD,
    (1, 6): BounceClass.HARD,
    (1, 7): BounceClass.OUR_FAULT,
    (1, 8): BounceClass.OUR_FAULT,
    (1, 10): BounceClass.NO_ROUTE,
    (2, 0): BounceClass.SOFT,
    (2, 1): BounceClass.DISABLED,
    (2, 2): BounceClass.SOFT,
    (2, 3): BounceClass.MESSAGE_FAULT,
    (2, 4): BounceClass.SOFT,
    (3, 4): BounceClass.MESSAGE_FAULT,
    (4, 4): BounceClass.NO_ROUTE,
    (7, 13): BounceClass.HARD,
    (7, 20): BounceClass.OUR_FAULT,
    (7, 23): BounceClass.OUR_FAULT,
    (7, 25): BounceClass.OUR_FAULT,
    (7, 26): BounceClass.OUR_FAULT,
    (7, 28): BounceClass.SOFT,
    (7, 29): BounceClass.OUR_FAULT,
    (7, 515): BounceClass.OUR_FAULT,
}
# By the middle number alone, where the last one is not in the table.
_SUBJECTS: dict[int, BounceClass] = {
    1: BounceClass.HARD,
    2: BounceClass.SOFT,
    3: BounceClass.SOFT,
    4: BounceClass.SOFT,
    5: BounceClass.OUR_FAULT,
    6: BounceClass.MESSAGE_FAULT,
    7: BounceClass.BLOCKED,
}
# Codes that many servers give for anything; their words say more.
_VAGUE = {(0, 0), (1, 0), (2, 0), (4, 1), (5, 0), (7, 0), (7, 1)}

_PHRASES: tuple[tuple[BounceClass, tuple[str, ...]], ...] = (
    (
        BounceClass.OUR_FAULT,
        (
            r"sender (?:domain|verif)",
            r"sender address rejected",
            r"unauthenticated (?:e-?mail|message)",
            r"\b(?:spf|dkim)\b.{0,40}fail",
            r"\bdmarc\b",
            r"authentication (?:level|required|checks)",
            r"not authori[sz]ed to send",
            r"afsender(?:ens )?(?:domæne|adresse)",
        ),
    ),
    (
        BounceClass.SOFT,
        (
            r"mailbox (?:is )?(?:full|over)",
            r"over (?:its )?quota|overquota|quota (?:exceeded|full)",
            r"exceeded (?:\w+ )?(?:storage|quota)",
            r"insufficient (?:system )?storage|out of storage|storage (?:allocation|limit)",
            r"postkassen?(?: \w+)? er (?:fuld|fyldt)|indbakken?(?: \w+)? er (?:fuld|fyldt)",
        ),
    ),
    (
        BounceClass.MESSAGE_FAULT,
        (
            r"message (?:is )?too (?:large|big)",
            r"size (?:limit )?exceed|exceeds? (?:\w+ ){0,3}size",
            r"(?:meddelelsen|mailen|beskeden) er for stor",
        ),
    ),
    (
        BounceClass.DISABLED,
        (
            r"(?:account|mailbox|user)(?: \w+){0,2} (?:disabled|inactive|deactivated|suspended|not active|is closed)",
            r"disabled or discontinued",
            r"postkassen er (?:lukket|spærret)|kontoen er (?:lukket|spærret|deaktiveret)",
        ),
    ),
    (
        BounceClass.HARD,
        (
            r"user (?:is )?(?:unknown|not found|doesn'?t exist|does not exist)",
            r"unknown (?:user|recipient|mailbox|address|local)",
            r"no such (?:user|recipient|mailbox|address|person|account)",
            r"(?:recipient|address|mailbox|account)(?: \w+)? (?:not found|unknown|does not exist|doesn'?t exist)",
            r"(?:recipient|address|mailbox|account) (?:is )?(?:unavailable|invalid|not valid)",
            # Microsoft 365 says “access denied” for addresses that its directory does not have.
            r"recipient address rejected: (?:user|undeliverable|access denied)",
            r"(?:invalid|nonexistent|bad) (?:recipient|mailbox|user|address)",
            r"not (?:our|a local) (?:customer|user)|no mailbox (?:here|by that)",
            r"doesn'?t have an? (?:\S+ )?account|wasn'?t found at|not listed in",
            r"no longer (?:valid|available|exists|in use)",
            r"(?:modtageren|adressen|brugeren|postkassen|kontoen)(?: \w+){0,3} (?:er ukendt|eksisterer ikke)",
            r"ukendt (?:modtager|bruger|adresse)|findes ikke|kunne ikke findes|blev ikke fundet",
            r"recipnotfound|resolver\.adr",
        ),
    ),
    (
        BounceClass.NO_ROUTE,
        (
            r"(?:host|domain)(?: name)?(?: \S+)? (?:not found|unknown|does not exist)",
            r"unrouteable|no route to host|null ?mx|dns (?:error|query)",
            r"does not accept (?:e-?)?mail|couldn'?t find any host|mail for .{1,80} loops back",
        ),
    ),
    (
        BounceClass.BLOCKED,
        (
            r"\bspam\b|junk mail|spamhaus",
            r"block ?list|blacklist|denylist|blocked|afvist af (?:en )?regel",
            r"reputation|policy|rejected due to",
        ),
    ),
    (
        BounceClass.SOFT,
        (
            r"timed? ?out|delivery time expired|undeliverable for \d+",
            r"temporar|midlertidig|try again|retry|greylist",
            r"too many|rate limit",
            r"could not connect|couldn'?t connect|connection refused|lost connection",
        ),
    ),
)
_WORDS = [(bounce, re.compile("|".join(phrases))) for bounce, phrases in _PHRASES]


def classify(status: str, text: str = "") -> BounceClass:
    """Whose move it is; `status` is an enhanced code such as 5.1.1 ("" if there is none), `text` the server's words.

    Without a status one is looked for in the text.
    """
    words = text[:_LOOKED_AT].lower()
    found = STATUS.search(status) or STATUS.search(status_in(words))
    if found is None:
        return _without_status(words)
    kind, subject, detail = (int(part) for part in found.groups())
    if kind == 4:
        # For the time being, whatever the reason; that a domain or we are not accepted stays worth knowing.
        return BounceClass.OUR_FAULT if _TABLE.get((subject, detail)) == BounceClass.OUR_FAULT else BounceClass.SOFT
    if (subject, detail) in _VAGUE and (said := _by_words(words)):
        return said
    return _TABLE.get((subject, detail)) or _SUBJECTS.get(subject) or BounceClass.UNKNOWN


def status_in(text: str) -> str:
    """The first enhanced status code in a server's words; "" if there is none."""
    found = _SAID.search(text[:_LOOKED_AT])
    return found[1] if found else ""


def _by_words(words: str) -> BounceClass | None:
    return next((bounce for bounce, pattern in _WORDS if pattern.search(words)), None)


def _without_status(words: str) -> BounceClass:
    """A bare 4xx is for the time being; a bare 5xx says nothing of why, so it does not block an address by itself."""
    code = _CODE.search(words)
    if code is not None and code[1].startswith("4"):
        return BounceClass.SOFT
    return _by_words(words) or BounceClass.UNKNOWN
