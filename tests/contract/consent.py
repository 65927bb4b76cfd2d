"""The page on which a platform asks a person whether an app may act for them: a form that a browser can click."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from urllib.parse import urlencode

from tests.contract.wire import Response, page


def consent_page(platform: str, action: str, scopes: Iterable[str], fields: Mapping[str, str]) -> Response:
    """“Allow” sends `fields` to `action`, “Deny” too, with denied=yes."""
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in fields.items()
    )
    wanted = "".join(f"<li>{escape(scope)}</li>" for scope in scopes)
    return page(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(platform)}: allow access?</title>'
        f"<main><h1>{escape(platform)}</h1><p>Opslag would like to:</p><ul>{wanted}</ul>"
        f'<form method="post" action="{escape(action)}">{hidden}<button>Allow</button>'
        '<button name="denied" value="yes">Deny</button></form></main></html>'
    )


def sent_back(redirect_uri: str, values: Mapping[str, str]) -> Response:
    """The browser goes back to the app with the answer."""
    joint = "&" if "?" in redirect_uri else "?"
    return Response(302, b"", {"Location": f"{redirect_uri}{joint}{urlencode(values)}"})


def is_address(redirect_uri: str) -> bool:
    """Whether an app may be sent back to: https, or this machine in trials."""
    return redirect_uri.startswith(("https://", "http://127.0.0.1", "http://localhost"))
