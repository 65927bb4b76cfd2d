"""The registry of e-mail transports: to add one, write its module and add one line here."""

from django.conf import settings

from publisher.transports.capture import CaptureTransport
from publisher.transports.contract import Transport
from publisher.transports.smtp import SmtpTransport

TRANSPORTS: dict[str, type[Transport]] = {transport.kind: transport for transport in (SmtpTransport, CaptureTransport)}


def configured_transport() -> Transport:
    """The transport that OPSLAG_TRANSPORT names."""
    return TRANSPORTS[settings.OPSLAG_TRANSPORT]()
