"""Ask the web server on this machine whether it is well."""

from __future__ import annotations

import http.client

TIMEOUT_S = 2.0


def web_answers(host: str, port: int) -> bool:
    """Whether GET /healthz answers 200 within two seconds."""
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
