"""What of a source is not read, since there is more in it than Opslag reads, in words."""

from __future__ import annotations

from django.utils.translation import ngettext

from publisher.templatetags.dates import number


def left_out_words(left_out: tuple[int, int] | None) -> str:
    """How many entries were read at most and how many were left out, as sentences; "" for None."""
    if left_out is None:
        return ""
    most, others = left_out
    return ngettext(
        "There is more than Opslag reads: it takes the %(most)s newest, %(others)s older item is left out. If the "
        "items have no dates, it takes the first and the last ones.",
        "There is more than Opslag reads: it takes the %(most)s newest, %(others)s older items are left out. If the "
        "items have no dates, it takes the first and the last ones.",
        others,
    ) % {"most": number(most), "others": number(others)}
