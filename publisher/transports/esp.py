"""The transport that hands mail to an e-mail service's API, where its SMTP endpoint cannot be used."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, cast
from urllib.parse import urljoin

from django.conf import settings
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from publisher import http
from publisher.errors import AccountError
from publisher.transports.contract import Courier, Mailbag, Transport
from publisher.transports.esps import ESPS, Esp, configured_esp
from publisher.transports.plain_courier import PlainCourier

if TYPE_CHECKING:
    from publisher.transports.esp_api import EspConnection

_CONNECTION = "publisher.transports.esp_api.EspConnection"


class EspTransport(Transport):
    """Calls the API of the service that OPSLAG_ESP names, one recipient a call."""

    kind = "esp"
    label = _("E-mail service (API)")

    def connect(self) -> EspConnection:
        """A connection that makes no call yet. Raises AccountError for settings that cannot be used."""
        esp = _esp()
        make = cast("type[EspConnection]", import_string(_CONNECTION))
        parts = dict(zip(esp.key_parts, key_parts(esp), strict=True))
        if esp.backend == "postal" and not settings.OPSLAG_ESP_URL:
            raise AccountError(gettext_noop("OPSLAG_ESP_URL must say where your Postal server is."), reason="account")
        return make(esp, parts, settings.OPSLAG_ESP_URL or esp.api_url)

    async def courier(self, mailbag: Mailbag) -> Courier:
        """One that makes call after call."""
        return PlainCourier(self.connect(), mailbag)

    def check(self) -> str:
        """Ask the service something that changes nothing; answers its name, or raises AccountError for a wrong key.

        A key that may only send is refused politely (403), and good enough.
        """
        esp, reply = _esp(), ask(_esp().probe)
        if reply.status == 401:
            raise AccountError(
                gettext_noop("%(service)s does not take the key in OPSLAG_ESP_KEY (HTTP %(code)s)."),
                reason="account",
                service=esp.label,
                code=reply.status,
            )
        return f"{esp.label} (HTTP {reply.status})"


def ask(path: str) -> http.Reply:
    """GET `path` of the configured service's API, signed in. Raises AccountError, TransientError, PermanentError."""
    esp = _esp()
    parts = key_parts(esp)
    at = urljoin(EspTransport().connect().api_url, path.format(*parts))
    return http.send("GET", at, headers={"Accept": "application/json", **_signed_in(esp, parts)})


def _signed_in(esp: Esp, parts: tuple[str, ...]) -> dict[str, str]:
    kind, _space, value = esp.auth.format(*parts).partition(" ")
    if kind == "basic":
        return {"Authorization": f"Basic {b64encode(value.encode()).decode()}"}
    return {kind.rstrip(":"): value} if kind else {}


def key_parts(esp: Esp) -> tuple[str, ...]:
    """The parts of OPSLAG_ESP_KEY, as many as the service wants. Raises AccountError, naming them."""
    parts = tuple(settings.OPSLAG_ESP_KEY.split(":", len(esp.key_parts) - 1))
    if len(parts) != len(esp.key_parts) or not all(parts):
        raise AccountError(
            gettext_noop("OPSLAG_ESP_KEY must hold what %(service)s calls %(parts)s."),
            reason="account",
            service=esp.label,
            parts=":".join(esp.key_parts),
        )
    return parts


def _esp() -> Esp:
    esp = configured_esp()
    if esp is None or not esp.backend:
        raise AccountError(
            gettext_noop(
                "OPSLAG_ESP must name an e-mail service with an API, to be used with OPSLAG_TRANSPORT=esp."
                " These are: %(names)s."
            ),
            reason="account",
            names=", ".join(name for name, each in ESPS.items() if each.backend),
        )
    return esp
