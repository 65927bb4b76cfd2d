"""A strict IMAP server for one mailbox, in a thread: it knows the commands we use and refuses any other.

`faults` says at which command it drops the line or answers NO, so that each step's failure can be seen. It keeps
`commands`, without passwords, and refuses what RFC 3501 does not allow (a second sign-in, sequence numbers too high).
"""

from __future__ import annotations

import contextlib
import re
import socket
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Stored:
    """A mail in the mailbox."""

    uid: int
    raw: bytes
    flags: set[str] = field(default_factory=set)


class ImapServer(socketserver.ThreadingTCPServer):
    """The server and its mailbox. `faults` maps a command to "drop" or "no"; used up once.

    `unreadable` says with which words a mail, by its UID, is never given out; `sign_in`, what it says of signing in."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, *, uidplus: bool = True) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.mails: list[Stored] = []
        self.faults: dict[str, str] = {}
        self.commands: list[str] = []
        self.unreadable: dict[int, str] = {}
        self.uidplus = uidplus
        self.sign_in = ""
        self.password = "hemmeligt"
        self.next_uid = 1

    def put(self, *raws: bytes) -> None:
        """Deliver mails."""
        for raw in raws:
            self.mails.append(Stored(self.next_uid, raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")))
            self.next_uid += 1

    @property
    def url(self) -> str:
        """For OPSLAG_INBOUND_IMAP_URL."""
        return f"imap+plain://retur:{self.password}@127.0.0.1:{self.server_address[1]}/INBOX"


class _Conversation(socketserver.StreamRequestHandler):
    server: ImapServer

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            self._say("* OK ready")
            self.state = "greeted"
            while line := self.rfile.readline(8192):
                tag, _, rest = line.decode().rstrip("\r\n").partition(" ")
                if not self._one(tag, rest):
                    return

    def _say(self, line: str | bytes) -> None:
        self.wfile.write((line.encode() if isinstance(line, str) else line) + b"\r\n")

    def _one(self, tag: str, rest: str) -> bool:
        words = rest.split(" ")
        name = " ".join(words[:2]).upper() if words[0].upper() == "UID" else words[0].upper()
        self.server.commands.append("LOGIN" if name == "LOGIN" else rest)
        fault = self.server.faults.pop(name, "")
        if fault == "drop":
            self.connection.shutdown(socket.SHUT_RDWR)
            return False
        if fault == "no":
            self._say(f"{tag} NO not now")
            return True
        known = getattr(self, "_" + name.lower().replace(" ", "_"), None)
        if known is None:
            self._say(f"{tag} BAD unknown command")
            return True
        problem = known(rest)
        self._say(f"{tag} {problem}" if problem else f"{tag} OK done")
        return name != "LOGOUT"

    def _capability(self, rest: str) -> str:
        self._say("* CAPABILITY IMAP4rev1" + (" UIDPLUS" if self.server.uidplus else "") + self.server.sign_in)
        return ""

    def _login(self, rest: str) -> str:
        if self.state != "greeted":
            return "BAD already signed in"
        if rest != f'LOGIN "retur" "{self.server.password}"':
            return "NO [AUTHENTICATIONFAILED] wrong name or password"
        self.state = "signed in"
        return ""

    def _logout(self, rest: str) -> str:
        self._say("* BYE")
        return ""

    def _select(self, rest: str) -> str:
        if self.state != "signed in" or rest != 'SELECT "INBOX"':
            return "NO no such folder"
        self.state = "selected"
        self._say(f"* {len(self.server.mails)} EXISTS")
        return ""

    def _uid_search(self, rest: str) -> str:
        found = re.fullmatch(r"UID SEARCH (\d+):(\d+) (UNFLAGGED|FLAGGED)", rest, re.IGNORECASE)
        if self.state != "selected" or found is None or int(found[2]) > len(self.server.mails):
            return "BAD search"
        wanted = found[3].upper() == "FLAGGED"
        among = self.server.mails[int(found[1]) - 1 : int(found[2])]
        uids = [m.uid for m in among if ("\\Flagged" in m.flags) == wanted]
        self._say("* SEARCH" + "".join(f" {uid}" for uid in uids))
        return ""

    def _uid_fetch(self, rest: str) -> str:
        found = re.fullmatch(r"UID FETCH (\d+) \(RFC822\.SIZE BODY\.PEEK\[\]<0\.(\d+)>\)", rest)
        if self.state != "selected" or found is None:
            return "BAD fetch"
        for number, mail in enumerate(self.server.mails, 1):
            if mail.uid == int(found[1]):
                if refusal := self.server.unreadable.get(mail.uid):
                    return f"NO {refusal}"
                part = mail.raw[: int(found[2])]
                head = f"* {number} FETCH (UID {mail.uid} RFC822.SIZE {len(mail.raw)} BODY[]<0> {{{len(part)}}}"
                self._say(head.encode() + b"\r\n" + part + b")")
        return ""

    def _uid_store(self, rest: str) -> str:
        found = re.fullmatch(r"UID STORE ([\d,]+) \+FLAGS\.SILENT \((\\Deleted|\\Flagged)\)", rest)
        if self.state != "selected" or found is None:
            return "BAD store"
        uids = {int(uid) for uid in found[1].split(",")}
        for mail in self.server.mails:
            if mail.uid in uids:
                mail.flags.add(found[2])
        return ""

    def _uid_expunge(self, rest: str) -> str:
        if not self.server.uidplus:
            return "BAD no UIDPLUS"
        uids = {int(uid) for uid in rest.split(" ")[2].split(",")}
        self.server.mails[:] = [m for m in self.server.mails if m.uid not in uids or "\\Deleted" not in m.flags]
        return ""

    def _expunge(self, rest: str) -> str:
        self.server.mails[:] = [m for m in self.server.mails if "\\Deleted" not in m.flags]
        return ""


@contextlib.contextmanager
def imap_server(*, uidplus: bool = True) -> Iterator[ImapServer]:
    """A running server."""
    with ImapServer(uidplus=uidplus) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
