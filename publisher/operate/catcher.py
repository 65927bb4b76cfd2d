"""The mail catcher: takes all mail on this machine and keeps each message as an .eml file; nothing leaves."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

SIZE_LIMIT = 30_000_000


class Catcher:
    """Writes each message into `folder`; X-Mail-From and X-Rcpt-To on top say whom the envelope named."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 -- aiosmtpd's name
        """Keep one message; a reader never sees half of one."""
        try:
            await asyncio.get_running_loop().run_in_executor(None, self._keep, envelope)
        except OSError as error:
            return f"452 The catcher cannot write its file: {error.strerror}"
        return "250 Kept"

    def _keep(self, envelope: Envelope) -> None:
        content = envelope.original_content or b""
        names = [f"X-Mail-From: {envelope.mail_from}", *(f"X-Rcpt-To: {address}" for address in envelope.rcpt_tos)]
        finished = self.folder / f"{uuid.uuid4().hex}.eml"
        half = finished.with_suffix(".part")
        half.write_bytes("".join(f"{name}\r\n" for name in names).encode() + content)
        half.replace(finished)


async def catch(folder: Path, host: str, port: int) -> None:
    """Listen on `host`:`port` until cancelled. Raises OSError if the port is taken."""
    catcher = Catcher(folder)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(
            catcher,
            data_size_limit=SIZE_LIMIT,
            enable_SMTPUTF8=True,
            hostname="localhost",
            ident="Opslag catcher",
            loop=loop,
        ),
        host,
        port,
        backlog=512,
    )
    async with server:
        await server.serve_forever()
