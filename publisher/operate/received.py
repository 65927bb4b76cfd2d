"""A mail as it arrived: is it signed together with its unsubscribe headers, and has anybody put something into it?

One-click unsubscribing works only if a DKIM signature covers both headers (RFC 8058 §4); relays often leave the second
out. Whether the signature holds is the receiving server's to say, and it writes it down (RFC 8601).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html.parser import HTMLParser
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.compose.trial_key import trial_key_in
from publisher.errors import Explanation
from publisher.operate import heartbeat
from publisher.operate.findings import Finding, Found, Level, fail, ok, warn
from publisher.operate.moments import moment
from publisher.operate.trial_mail import HEADER, links_of

NAME = "received-mail"
WANTED = ("List-Unsubscribe", "List-Unsubscribe-Post")
# By then keys, gateways and consoles have been changed by somebody.
OLD = timedelta(days=90)
ABOUT = gettext_noop("Received mail")
# Where the services that we know send readers past, when their tracking is on.
_COUNTING_HOST = re.compile(
    r"(^|\.)(sendib[mt]\d*\.com|mjt\.lu|pstmrk\.it|awstrack\.me|spgo\.io|mlsend\d*\.com|mlsndr\.com|rsend\.link)$"
)
_LINK = re.compile(r"https?://[^\s<>\"']+")


@dataclass(frozen=True)
class Signature:
    """What matters of one DKIM-Signature header (RFC 6376 §3.5): who signs, and which headers (lower case)."""

    domain: str
    headers: frozenset[str]

    @classmethod
    def read(cls, value: str) -> Signature:
        """Read the header's tags; what is missing is empty."""
        pairs = (tag.partition("=") for tag in value.split(";"))
        tags = {name.strip().lower(): "".join(rest.split()) for name, _equals, rest in pairs}
        names = tags.get("h", "").lower().split(":")
        return cls(tags.get("d", "").lower(), frozenset(name for name in names if name))

    def leaves_out(self) -> list[str]:
        """The unsubscribe headers that it does not cover."""
        return [name for name in WANTED if name.lower() not in self.headers]


def examine_received(raw: bytes) -> Iterator[Finding]:
    """Look at one thing after the other in a mail, given as its bytes."""
    mail = message_from_bytes(raw, _class=EmailMessage, policy=default)
    for look in (_origin, _headers, _signatures, _verdict, _additions):
        for level, msgid, params in look(mail):
            yield Finding(level, ABOUT, Explanation(msgid, params))


def remember(raw: bytes, worst: Level) -> None:
    """Note how a mail was found, for the next look at everything; only a test mail of ours says something of us."""
    mail = message_from_bytes(raw, _class=EmailMessage, policy=default)
    trial = _trial_of(mail)
    if trial is not None:
        page = _read_page(mail)
        changed = bool(page.pictures or _foreign_links(page, trial[0]))
        tracking = ("on" if changed else "off") if page.links else ""
        detail = {"level": worst, "sent": trial[1].isoformat(), "tracking": tracking, "service": settings.OPSLAG_ESP}
        heartbeat.beat(NAME, detail)


@dataclass(frozen=True)
class Arrival:
    """How the last test mail arrived that somebody looked at: when it was sent, and whether its links and pictures
    were as we sent them (None: it does not show that)."""

    sent_at: datetime
    level: Level
    as_sent: bool | None

    @property
    def is_old(self) -> bool:
        """Whether much may have changed since."""
        return timezone.now() - self.sent_at > OLD


def last_arrival(service: str) -> Arrival | None:
    """Of the last test mail that went out by this service ("" for a server of one's own); None if there is none."""
    try:
        noted = heartbeat.noted(NAME)
    except DatabaseError:
        return None
    if noted is None or noted.detail.get("service") != service:
        return None
    as_sent = {"on": False, "off": True}.get(noted.detail.get("tracking", ""))
    return Arrival(datetime.fromisoformat(noted.detail["sent"]), Level(noted.detail["level"]), as_sent)


def look_at_last_received() -> Found:
    """Whether somebody has looked at a mail as it arrives, and how it was."""
    if settings.OPSLAG_TRANSPORT == "capture" or settings.OPSLAG_CATCHER_DIR:
        return
    found = last_arrival(settings.OPSLAG_ESP)
    if found is None:
        yield warn(
            gettext_noop(
                "nobody has looked yet whether mail arrives signed together with its unsubscribe headers. "
                "`opslag doctor --send-test you@example.org` sends one to look at."
            )
        )
    elif found.level == Level.FAIL:
        yield fail(
            gettext_noop(
                "something was wrong with the test mail that was looked at last (sent %(at)s). Mend it, then look at a "
                "new one: `opslag doctor --send-test you@example.org`."
            ),
            at=moment(found.sent_at),
        )
    elif found.is_old:
        yield warn(
            gettext_noop(
                "the last test mail that was looked at had arrived well, but that is long ago (sent %(at)s). Look at a "
                "new one: `opslag doctor --send-test you@example.org`."
            ),
            at=moment(found.sent_at),
        )
    else:
        yield ok(gettext_noop("a test mail had arrived well (sent %(at)s)"), at=moment(found.sent_at))


def _trial_of(mail: EmailMessage) -> tuple[str, datetime] | None:
    """The key in a test mail of ours and when it was sent; None for any other mail."""
    for name in (HEADER, "Message-ID", "List-Unsubscribe"):
        for value in _values(mail, name):
            if (found := trial_key_in(value)) is not None:
                return found
    return None


def _origin(mail: EmailMessage) -> Found:
    if not mail.keys():
        return
    trial = _trial_of(mail)
    if trial is None:
        yield warn(
            gettext_noop(
                "it is not a test mail of this installation, so what is said of it here is not remembered. "
                "`opslag doctor --send-test you@example.org` sends one."
            )
        )
    else:
        words = gettext_noop("the test mail that was sent %(at)s")
        yield ok(words, at=moment(trial[1]))


def _values(mail: EmailMessage, name: str) -> list[str]:
    return [str(value) for value in mail.get_all(name, [])]


def _headers(mail: EmailMessage) -> Found:
    if not mail.keys():
        yield fail(gettext_noop("this is no mail. Save it with all its headers: “Show original”, as an .eml file."))
        return
    for name in WANTED:
        number = len(_values(mail, name))
        if not number:
            yield fail(gettext_noop("it arrived without %(header)s: something on the way takes it out."), header=name)
        elif number > 1:
            yield fail(
                gettext_noop("it has %(header)s more than once: something on the way adds its own."), header=name
            )


def _signatures(mail: EmailMessage) -> Found:
    signatures = [Signature.read(value) for value in _values(mail, "DKIM-Signature")]
    if not mail.keys():
        return
    if not signatures:
        yield fail(
            gettext_noop(
                "it is not signed (no DKIM-Signature): Gmail and others refuse such newsletters. Have the mail server "
                "that sends it out sign for the sender's domain."
            )
        )
        return
    whole = [signature for signature in signatures if not signature.leaves_out()]
    if not whole:
        yield from _what_is_left_out(min(signatures, key=lambda each: len(each.leaves_out())))
        return
    domains, sender = sorted({signature.domain for signature in whole}), _sender_domain(mail)
    yield ok(
        gettext_noop("it is signed by %(domains)s, together with both unsubscribe headers"), domains=", ".join(domains)
    )
    if not any(_belong_together(domain, sender) for domain in domains):
        yield warn(
            gettext_noop(
                "nobody signs it for %(sender)s, the sender's own domain. DMARC then rests on SPF alone: have "
                "%(sender)s set up as a signing domain."
            ),
            sender=sender or "?",
        )


def _what_is_left_out(nearest: Signature) -> Found:
    yield fail(
        gettext_noop(
            "the signature of %(domain)s does not cover %(headers)s: mail programs then offer no one-click "
            "unsubscribing. Add what is missing where mail is signed."
        ),
        domain=nearest.domain,
        headers=", ".join(nearest.leaves_out()),
    )
    yield warn(
        gettext_noop(
            "OpenDKIM: SignHeaders *,+list-unsubscribe,+list-unsubscribe-post. rspamd: sign_headers in "
            "local.d/dkim_signing.conf. Exim: dkim_sign_headers = _DKIM_SIGN_HEADERS:List-Unsubscribe:"
            "List-Unsubscribe-Post. Exchange Server signs nothing itself: the gateway behind it must."
        )
    )


def _sender_domain(mail: EmailMessage) -> str:
    addresses = mail["From"].addresses if mail["From"] else ()
    return str(addresses[0].domain).lower() if addresses else ""


def _belong_together(one: str, other: str) -> bool:
    return bool(one and other) and (one == other or one.endswith(f".{other}") or other.endswith(f".{one}"))


def _verdict(mail: EmailMessage) -> Found:
    """What the server that received it says; the topmost is the reader's own (RFC 8601 §5)."""
    said = next(iter(_values(mail, "Authentication-Results")), "").lower()
    results = {}
    for name in ("dkim", "spf", "dmarc"):
        if found := re.findall(rf"\b{name}\s*=\s*(\w+)", said):
            # A mail may bear several signatures; one that holds is enough.
            results[name] = "pass" if "pass" in found else found[0]
    if not results:
        yield warn(
            gettext_noop(
                "nobody has noted whether its signature holds. Look at one that a large provider received, e.g. Gmail."
            )
        )
        return
    words = ", ".join(f"{name}={result}" for name, result in results.items())
    if results.get("dkim") == "pass" and results.get("dmarc", "pass") in {"pass", "none", "bestguesspass"}:
        yield ok(gettext_noop("the receiving server is content: %(words)s"), words=words)
    else:
        yield fail(
            gettext_noop(
                "the receiving server is not content: %(words)s. Check the DKIM key, SPF and DMARC of the sender's "
                "domain, and whether something changes mails after they are signed."
            ),
            words=words,
        )


class _Page(HTMLParser):
    """Links, pictures, and those of the pictures that nobody can see."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.pixels: list[str] = []
        self.pictures: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag leads to."""
        values = {name: value or "" for name, value in attrs}
        if tag == "a" and values.get("href", "").startswith(("http://", "https://")):
            self.links.append(values["href"])
        if tag == "img":
            self.pictures.append(values.get("src", ""))
            if _is_invisible(values):
                self.pixels.append(values.get("src", ""))


def _is_invisible(values: dict[str, str]) -> bool:
    style = "".join(values.get("style", "").lower().split())
    sizes = [values.get("width", ""), values.get("height", ""), *re.findall(r"(?:^|;)(?:width|height):(\d+)", style)]
    tiny = any(size.strip().removesuffix("px") in {"0", "1"} for size in sizes)
    return tiny or "display:none" in style or bool(_COUNTING_HOST.search(_host(values.get("src", ""))))


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _additions(mail: EmailMessage) -> Found:
    """What a service puts into mails when its open and click tracking is on."""
    page, trial = _read_page(mail), _trial_of(mail)
    yield from _as_it_looks(page) if trial is None else _as_it_was_sent(page, trial[0])


def _foreign_links(page: _Page, key: str) -> list[str]:
    """Links in a test mail that were not in it when it left, without any picture."""
    ours = links_of(key)
    return [link for link in page.links if link not in ours]


def _as_it_was_sent(page: _Page, key: str) -> Found:
    """Of our own test mail we know what it held."""
    if not page.links:
        yield warn(gettext_noop("it arrived without its links, so whether anything counts readers cannot be told."))
        return
    links = _foreign_links(page, key)
    if page.pictures:
        yield from _put_in(page.pictures[0])
    if links:
        yield from _led_past(links[0])
    if not links and not page.pictures:
        yield ok(gettext_noop("its links and pictures are as they left: nothing in it counts who opens or clicks"))


def _as_it_looks(page: _Page) -> Found:
    ours = _host(settings.OPSLAG_BASE_URL)
    foreign = [link for link in page.links if _host(link) != ours]
    counted = [link for link in foreign if _COUNTING_HOST.search(_host(link))]
    if page.links and len(foreign) == len(page.links):
        counted = foreign
    if counted:
        yield from _led_past(counted[0])
    if page.pixels:
        yield from _put_in(page.pixels[0])
    if page.links and not counted and not page.pixels:
        yield ok(gettext_noop("its links lead where they should, and nothing in it counts who reads it"))


def _led_past(link: str) -> Found:
    yield fail(
        gettext_noop(
            "its links lead past %(host)s: click tracking is on. Switch it off in the service's console, or in what "
            "your mail gateway does to links."
        ),
        host=_host(link),
    )


def _put_in(picture: str) -> Found:
    yield fail(
        gettext_noop(
            "a picture that nobody can see was put into it (from %(host)s): open tracking is on. Switch it off in the "
            "service's console."
        ),
        host=_host(picture),
    )


def _read_page(mail: EmailMessage) -> _Page:
    page = _Page()
    for part in mail.walk():
        if part.get_content_maintype() != "text" or not isinstance(part, EmailMessage):
            continue
        try:
            content = str(part.get_content())
        except (LookupError, ValueError):
            continue
        if part.get_content_subtype() == "html":
            page.feed(content)
        else:
            page.links += _LINK.findall(content)
    return page
