"""Short names for addresses, from Danish words."""

from __future__ import annotations

from django.utils.text import slugify

# Django drops what has no accent to remove: “Køge” would become “kge”.
_LETTERS = str.maketrans({"æ": "ae", "ø": "oe", "å": "aa", "Æ": "Ae", "Ø": "Oe", "Å": "Aa"})


def slug_of(name: str) -> str:
    """“Rødovre Kommune” → “roedovre-kommune”."""
    return slugify(name.translate(_LETTERS))
