"""What others cost for the same message on the same machine: smtp-source of Postfix, and smtplib with ready bytes."""

from __future__ import annotations

import os
import resource
import shutil
import smtplib
import subprocess
import time

from tests.bench.fast_sink import fast_sink

MESSAGES = 20_000


def _children_s() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def smtp_source_cpu_ms(size: int) -> float | None:
    """CPU-ms a message of `smtp-source -s 4` (no pipelining, no database); None where it is not installed.

    SMTP_SOURCE may name the program, with LD_LIBRARY_PATH for its libraries, where postfix itself is not installed.
    """
    program = os.environ.get("SMTP_SOURCE") or shutil.which("smtp-source")
    if not program:
        return None
    with fast_sink(every=0) as sink:
        before = _children_s()
        options = ["-d", "-s", "4", "-m", str(MESSAGES), "-l", str(size), f"127.0.0.1:{sink.port}"]
        subprocess.run([program, *options], check=True, timeout=300)
        return 1000 * (_children_s() - before) / MESSAGES


def smtplib_cpu_ms(size: int) -> float:
    """CPU-ms a message of plain smtplib.sendmail with bytes made beforehand."""
    content = (
        b"Subject: x\r\n\r\n"
        + b"abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0123456789\r\n" * (size // 74)
    )
    number = MESSAGES // 10
    with fast_sink(every=0) as sink:
        before = time.process_time()
        with smtplib.SMTP("127.0.0.1", sink.port) as server:
            for n in range(number):
                server.sendmail("nyt@example.org", [f"a{n}@example.org"], content)
        return 1000 * (time.process_time() - before) / number
