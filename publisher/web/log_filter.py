"""Keeps tokens that stand in addresses out of the logs: those of the links in mails, and those of Telegram's bots.

Who reads a log must not be able to unsubscribe people, nor to tell who clicked what, nor to write in a channel.
"""

from __future__ import annotations

import logging
import re

_TOKEN = re.compile(r"(?<=/u/)[^\s/?#\"'<>]+|(?<=/l/)[^\s?#\"'<>]+|(?<=/bot)\d+(?::|%3A)[^\s/?#\"'<>]+")


class HideTokens(logging.Filter):
    """Replaces what follows /u/ and /l/ in a finished log line, and a bot's token after /bot; never drops a line."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Django names the path of every answer from 400 up, a form without its CSRF token included."""
        line = record.getMessage()
        if "/u/" in line or "/l/" in line or "/bot" in line:
            record.msg, record.args = _TOKEN.sub("…", line), None
        return True
