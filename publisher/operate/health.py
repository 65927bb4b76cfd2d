"""Ask a web server on this machine whether it is well."""

from __future__ import annotations

import http.client

TIMEOUT_S = 2.0


def web_answers(host: str, port: int, path: str = "/healthz") -> bool:
    """Whether GET of `path` (our own web server's answer to this question) is 200 within two seconds."""
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
