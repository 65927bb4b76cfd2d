"""The registry of e-mail transports: to add one, write its module and add one line here."""

from django.conf import settings

from publisher.transports.capture import CaptureTransport
from publisher.transports.contract import Transport
from publisher.transports.esp import EspTransport
from publisher.transports.esps import Headers
from publisher.transports.smtp import SmtpTransport

_ALL = (SmtpTransport, EspTransport, CaptureTransport)
TRANSPORTS: dict[str, type[Transport]] = {transport.kind: transport for transport in _ALL}


def configured_transport() -> Transport:
    """The transport that OPSLAG_TRANSPORT names."""
    return TRANSPORTS[settings.OPSLAG_TRANSPORT]()


def message_headers(*, bulk: bool) -> Headers:
    """Header lines that each mail carries for the configured way out; see `Transport.message_headers`."""
    transport = TRANSPORTS.get(settings.OPSLAG_TRANSPORT)
    return transport.message_headers(bulk=bulk) if transport else ()
