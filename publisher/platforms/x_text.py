"""How X counts a text (twitter-text, configuration v3), and where it sees addresses in it."""

from __future__ import annotations

import unicodedata

import regex

ADDRESS_WEIGHT = 23
_EMOJI_WEIGHT = 2
# Code points that weigh 1 (as 100 of 200 in the configuration); all others weigh 2.
_LIGHT = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))
# Two letters: X knows the countries' own only, so that “f.eks” and “m.fl” are words and “e.kr” is an address.
_COUNTRIES = (
    "ac ad ae af ag ai al am an ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bl bm bn bo bq br bs bt bv bw by "
    "bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg eh er es et eu fi fj fk fm "
    "fo fr ga gb gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je "
    "jm jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mf mg mh mk ml mm mn mo mp "
    "mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa "
    "re ro rs ru rw sa sb sc sd se sg sh si sj sk sl sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to "
    "tp tr tt tv tw tz ua ug uk um us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw"
)
_OTHERS = (
    "academy agency app art arpa asia audio biz blog book cafe care cat center charity city cloud club coffee com "
    "community consulting coop cymru dance design dev digital directory earth edu education email energy events "
    "exchange family farm festival film foundation fun fund gallery games garden global gov green group guide hamburg "
    "health help history house immo info institute int international jobs kids koeln land law legal library life link "
    "live london love ltd market media mil mobi moda museum music name net network news ngo one ong online org page "
    "paris park partners photo photography photos pictures place plus post press pro pub radio report rest restaurant "
    "review rocks run sale school science services shop show singles site social software solutions space sport store "
    "stream studio style support sydney systems team tech theater tickets tips today tools top tours town toys travel "
    "university vip vote wales web website wiki wine work works world xyz yoga zone"
)
_TOP = frozenset(_COUNTRIES.split()) | frozenset(_OTHERS.split())
_LABEL = r"[\p{L}\p{N}](?:[\p{L}\p{N}_-]*[\p{L}\p{N}])?+"
# X looks no further than ASCII letters: “obcina.siø” is an address and a letter.
_TOP_LABEL = r"(?:(?:xn--[A-Za-z0-9-]+|[A-Za-z]{2,})(?![A-Za-z0-9@+-])|\p{L}{2,}(?![\p{L}\p{N}@+-]))"
# No more than X takes into an address: what it leaves outside counts there letter by letter.
_IN_PATH = r"[A-Za-z0-9À-ÖØ-öø-ÿ!*';:=+,.$/%#\[\]\-_~@|&]"
_ENDS_PATH = r"[A-Za-z0-9À-ÖØ-öø-ÿ=_#/+\-]"
_REST = (
    r"(?::\d+)?"
    rf"(?:/(?:(?:{_IN_PATH}|\({_IN_PATH}+\))*(?:{_ENDS_PATH}|\({_IN_PATH}+\)))?)?"
    r"(?:\?[A-Za-z0-9!?*'@();:&=+$/%#\[\]\-_.,~|]*[A-Za-z0-9\-_&=#/])?"
)
_ADDRESS = regex.compile(
    rf"(?<![A-Za-z0-9@＠$#＃\u202A-\u202E])"
    rf"(?:(?P<scheme>https?://)(?P<host>(?:{_LABEL}\.)+)(?P<top>{_TOP_LABEL}){_REST}"
    rf"|(?<![-_./])(?P<bare_host>(?:{_LABEL}\.)+)(?P<bare_top>{_TOP_LABEL})(?!://)(?P<rest>{_REST}))",
    regex.IGNORECASE,
)
_UP_TO_ASCII = regex.compile(r".*[^\x00-\x7F]\.?", regex.DOTALL)
_GRAPHEME = regex.compile(r"\X")
_EMOJI = regex.compile(
    r"(?:\p{Emoji_Presentation}|\p{Extended_Pictographic}\uFE0F|[0-9#*]\uFE0F?\u20E3|[\U0001F1E6-\U0001F1FF]{2})"
)


def weighted_length(text: str) -> int:
    """The length as X counts it: NFC, each address 23, each emoji 2, light letters 1 and all others 2.

    Where it cannot be known without X's list of domains, the higher count. Source: twitter-text, config v3.
    """
    composed = unicodedata.normalize("NFC", text)
    total, end = 0, 0
    for match in _ADDRESS.finditer(composed):
        weight = _address_weight(match)
        if weight is None:
            continue
        total += _plain_weight(composed[end : match.start()]) + weight
        end = match.end()
    return total + _plain_weight(composed[end:])


def _address_weight(match: regex.Match[str]) -> int | None:
    """What a thing like an address weighs; None if it is none, such as “f.eks”."""
    top = (match["top"] or match["bare_top"]).lower()
    host = (match["host"] or match["bare_host"]).lower()
    within = sum(label in _TOP for label in host.split(".")[1:])
    if top in _TOP:
        # Without a scheme, X may let the address begin after the last letter that is not ASCII: “blå|vand.dk”.
        outside = _UP_TO_ASCII.match(match["bare_host"] or "")
        return ADDRESS_WEIGHT * (1 + within) + _plain_weight(outside.group()) if outside else ADDRESS_WEIGHT
    if within:
        # “obcina.si.foo”: X may see an address in the beginning of it.
        return ADDRESS_WEIGHT * within + _plain_weight(match.group())
    # A domain that we do not know: X shortens it, or takes it for words.
    if match["scheme"] or match["rest"] or top.startswith("xn--") or host.startswith("www."):
        return max(ADDRESS_WEIGHT, _plain_weight(match.group()))
    return None


def _plain_weight(text: str) -> int:
    return sum(_grapheme_weight(match.group()) for match in _GRAPHEME.finditer(text))


def _grapheme_weight(grapheme: str) -> int:
    if len(grapheme) > 1 and _EMOJI.search(grapheme):
        return _EMOJI_WEIGHT
    return sum(1 if any(low <= ord(c) <= high for low, high in _LIGHT) else 2 for c in grapheme)
