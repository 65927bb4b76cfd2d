"""What the doctor asks about an e-mail service: does mail go to it, do its reports come in, is its tracking off?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher import http
from publisher.errors import AccountError, OpslagError
from publisher.models import Delivery, Heartbeat
from publisher.operate import heartbeat
from publisher.operate.findings import Found, fail, ok, warn
from publisher.operate.moments import moment
from publisher.operate.received import last_arrival
from publisher.transports.esp import ask
from publisher.transports.esps import Esp, Tracking, configured_esp
from publisher.transports.smtp import SmtpTransport
from publisher.vocabulary import DeliveryStatus

_OFF = gettext_noop("%(service)s does not count who opens and clicks")


def look_at_esp() -> Found:
    """Everything about the service; nothing where mail goes to a server of one's own."""
    try:
        esp = configured_esp()
    except AccountError as error:
        yield fail(error.explanation.msgid, **error.explanation.params)
        return
    if esp is None:
        return
    if settings.OPSLAG_TRANSPORT == "smtp":
        yield from _where_it_goes(esp)
    yield from _reports(esp)
    yield from _tracking(esp)


def _where_it_goes(esp: Esp) -> Found:
    try:
        host = SmtpTransport().address.host
    except AccountError:
        return
    if esp.host and not _same_owner(host, esp.host):
        yield warn(
            gettext_noop(
                "mail goes to %(host)s, which is not %(service)s's %(theirs)s. Leave the host out of OPSLAG_SMTP_URL "
                "(smtp://user:password@), or take OPSLAG_ESP away."
            ),
            host=host,
            service=esp.label,
            theirs=esp.host,
        )
    else:
        yield ok(gettext_noop("mail goes to %(service)s (%(host)s)"), service=esp.label, host=host)


def _same_owner(host: str, theirs: str) -> bool:
    """Regions differ in the name before the domain."""
    return host.split(".")[-2:] == theirs.split(".")[-2:]


def _reports(esp: Esp) -> Found:
    if not esp.view:
        yield warn(
            gettext_noop(
                "%(service)s reports nothing that Opslag can read: bounces and complaints only come by mail. "
                "See docs/production.md."
            ),
            service=esp.label,
        )
        return
    address = f"{settings.OPSLAG_BASE_URL}/webhooks/esp/{esp.name}"
    if not settings.OPSLAG_ESP_WEBHOOK_KEY:
        yield fail(
            gettext_noop(
                "bounces and complaints at %(service)s stay unknown. Have it report to %(address)s, and set "
                "OPSLAG_ESP_WEBHOOK_KEY."
            ),
            service=esp.label,
            address=address,
        )
        return
    try:
        noted = heartbeat.noted(heartbeat.name_of_webhook(esp.name))
        sent = Delivery.objects.filter(status=DeliveryStatus.SENT, account=None).exists()
    except DatabaseError:
        return
    yield from _what_came_in(esp, noted, address) if noted else _nothing_came(esp, address, sent=sent)


def _nothing_came(esp: Esp, address: str, *, sent: bool) -> Found:
    if sent:
        words = gettext_noop(
            "%(service)s has never reported anything. Check that its webhooks lead to %(address)s and can reach it."
        )
        yield warn(words, service=esp.label, address=address)
    else:
        yield ok(gettext_noop("%(service)s may report to %(address)s"), service=esp.label, address=address)


def _what_came_in(esp: Esp, noted: Heartbeat, address: str) -> Found:
    numbers = heartbeat.lately(noted, timezone.now())
    yield ok(gettext_noop("%(service)s last reported %(at)s"), service=esp.label, at=moment(noted.at))
    if number := numbers.get("refused"):
        yield warn(
            gettext_noop(
                "calls to %(address)s were refused (%(number)s in a week): OPSLAG_ESP_WEBHOOK_KEY is not what "
                "%(service)s uses, or strangers tried."
            ),
            number=number,
            address=address,
            service=esp.label,
        )
    if number := numbers.get("unreadable"):
        yield warn(
            gettext_noop(
                "reports could not be read (%(number)s in a week): does a webhook of another kind lead to %(address)s?"
            ),
            number=number,
            address=address,
        )
    if number := numbers.get("tracked"):
        yield fail(
            gettext_noop(
                "%(service)s reports who opened a mail or clicked in it (%(number)s in a week): its tracking is on. "
                "Switch it off there, and these reports too."
            ),
            service=esp.label,
            number=number,
        )


def _tracking(esp: Esp) -> Found:
    reader = _READERS.get(esp.name)
    if esp.tracking is Tracking.NONE:
        yield ok(_OFF, service=esp.label)
    elif reader is not None and settings.OPSLAG_ESP_KEY and not _is_set_in_each_call(esp):
        yield from _as_the_account_says(esp, reader)
    elif (esp.tracking is Tracking.EACH_MAIL and reader is None) or _is_set_in_each_call(esp):
        yield ok(gettext_noop("each mail tells %(service)s not to count who opens and clicks"), service=esp.label)
    else:
        yield from _please_look(esp)


def _is_set_in_each_call(esp: Esp) -> bool:
    return esp.tracking is Tracking.ACCOUNT and esp.sets_tracking and settings.OPSLAG_TRANSPORT == "esp"


def _please_look(esp: Esp) -> Found:
    """Nobody can be asked: what arrived tells."""
    found = last_arrival(esp.name)
    if found is not None and found.as_sent is False:
        yield fail(
            gettext_noop(
                "%(service)s counts who opens or clicks: the test mail of %(at)s arrived with other links or with a "
                "picture. Switch both off in its console, then send a new one."
            ),
            service=esp.label,
            at=moment(found.sent_at),
        )
    elif found is not None and found.as_sent and not found.is_old:
        yield ok(
            gettext_noop(
                "%(service)s does not count who opens and clicks: the test mail of %(at)s arrived as it was sent"
            ),
            service=esp.label,
            at=moment(found.sent_at),
        )
    else:
        yield warn(
            gettext_noop(
                "whether %(service)s counts who opens and clicks is set in its console: switch both off there. To see "
                "it: `opslag doctor --send-test you@example.org`, save what arrives, `opslag doctor --received FILE`."
            ),
            service=esp.label,
        )


Reader = Callable[[], Iterable[str]]


def _as_the_account_says(esp: Esp, reader: Reader) -> Found:
    try:
        on = sorted(set(reader()))
    except (OpslagError, LookupError, TypeError, AttributeError) as error:
        yield warn(
            gettext_noop("%(service)s does not say whether it counts who opens and clicks (%(detail)s)"),
            service=esp.label,
            detail=error if isinstance(error, OpslagError) else type(error).__name__,
        )
        yield from _please_look(esp)
        return
    if on:
        yield fail(
            gettext_noop(
                "%(service)s counts who opens and clicks, or changes mails (%(where)s). Switch that off in its console."
            ),
            service=esp.label,
            where=", ".join(on),
        )
    else:
        yield ok(_OFF, service=esp.label)


def _body(path: str) -> Any:
    reply = ask(path)
    if reply.status != 200:
        raise AccountError(gettext_noop("HTTP %(code)s"), reason="account", code=reply.status)
    return http.json_of(reply)


def _is_on(row: Mapping[str, Any], flag: str) -> bool:
    """What the account says of one thing. Raises KeyError or TypeError if it does not: silence is no “off”."""
    said = row[flag]
    if not isinstance(said, bool):
        raise TypeError(flag)
    return said


def _rows(body: Any) -> list[Any]:
    """The domains of the account. Raises LookupError for none: then mail does not go through it."""
    rows = body["data"]
    if not isinstance(rows, list) or not rows:
        raise LookupError("data")
    return rows


def _resend() -> Iterable[str]:
    found = [_body(f"domains/{row['id']}") for row in _rows(_body("domains"))]
    return [
        f"{row['name']}: {flag}" for row in found for flag in ("open_tracking", "click_tracking") if _is_on(row, flag)
    ]


def _mailersend() -> Iterable[str]:
    rows, flags = _rows(_body("domains?limit=100")), ("track_opens", "track_clicks")
    return [f"{row['name']}: {flag}" for row in rows for flag in flags if _is_on(row["domain_settings"], flag)]


def _mailgun() -> Iterable[str]:
    # Opens and clicks are switched off in each mail; a footer for unsubscribing at Mailgun is not.
    tracking = _body("domains/{0}/tracking")["tracking"]
    return ["unsubscribe"] if _is_on(tracking["unsubscribe"], "active") else []


def _postmark() -> Iterable[str]:
    # What each mail says of links is heeded, what it says of opens is not.
    return ["TrackOpens"] if _is_on(_body("server"), "TrackOpens") else []


_READERS: dict[str, Reader] = {
    "mailersend": _mailersend,
    "mailgun": _mailgun,
    "postmark": _postmark,
    "resend": _resend,
}
