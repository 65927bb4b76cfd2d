"""Hostile answers by name."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

MEGABYTES = 1_000_000
RSS = "application/rss+xml; charset=utf-8"
JSON = "application/feed+json"
_XML = '<?xml version="1.0" encoding="UTF-8"?>'
_SPACES = (
    'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:media="http://search.yahoo.com/mrss/" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"'
)


@dataclass(frozen=True)
class Answer:
    """What a server says."""

    body: bytes
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": RSS})
    status: int = 200


def rss(inside: str, *, xml: str = _XML, channel: str = "") -> str:
    """A feed around some items."""
    return f'{xml}<rss version="2.0" {_SPACES}><channel><title>Byens nyt</title>{channel}{inside}</channel></rss>'


def item(inside: str = "", title: str = "Ny bro") -> str:
    """An item with a headline and whatever else."""
    return f"<item><title>{title}</title><guid>g</guid>{inside}</item>"


def said(text: str | bytes, content_type: str = RSS, **headers: str) -> Answer:
    """An answer with this body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(text.encode() if isinstance(text, str) else text, {"Content-Type": content_type} | named)


def filled(pattern: str, megabytes: float) -> str:
    """`pattern` again and again."""
    return pattern * int(megabytes * MEGABYTES / len(pattern))


def described(markup: str) -> Answer:
    """A feed whose one description is this markup, in CDATA."""
    return said(rss(item(f"<description><![CDATA[{markup}]]></description>")))


def json_feed(items: str, **more: object) -> str:
    """A JSON Feed with these items, written as JSON."""
    head = json.dumps({"version": "https://jsonfeed.org/version/1.1", "title": "Byens nyt", **more})
    return head[:-1] + f', "items": [{items}]}}'


def _entities(*, kind: str) -> str:
    if kind == "laughs":
        lines = "".join(f'<!ENTITY l{n} "' + f"&l{n - 1};" * 10 + '">' for n in range(1, 10))
        return rss(item(title="&l9;"), xml=_XML + '<!DOCTYPE rss [<!ENTITY l0 "ha">' + lines + "]>")
    if kind == "quadratic":
        return rss(item(title="&a;" * 50_000), xml=_XML + '<!DOCTYPE rss [<!ENTITY a "' + "a" * 50_000 + '">]>')
    if kind == "late":
        return rss(item(title="&a;"), xml=_XML + "<!--" + "x" * 200_000 + '--><!DOCTYPE rss [<!ENTITY a "aaaa">]>')
    if kind == "parameter":
        return rss(item(), xml=f'{_XML}<!DOCTYPE rss [<!ENTITY % p SYSTEM "http://169.254.169.254/x.dtd"> %p;]>')
    return rss(item(title="&x;"), xml=f'{_XML}<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]>')


def _many(number: int) -> str:
    return rss("".join(f"<item><title>Nyhed {n}</title><guid>{n}</guid></item>" for n in range(number)))


def _attributes(number: int) -> str:
    attributes = " ".join(f"a{n}='{n}'" for n in range(number))
    return rss(f"<item {attributes}><title>Ny bro</title></item>")


def _dates(*dates: str) -> str:
    return rss("".join(f"<item><title>Nyhed</title><guid>{n}</guid><pubDate>{date}</pubDate></item>"
                       for n, date in enumerate(dates)))  # fmt: skip


def _nested_json(opening: str, depth: int) -> str:
    return '{"version": "https://jsonfeed.org/version/1", "items": ' + opening * depth


def _packed_zeros(megabytes: int) -> bytes:
    packer, megabyte = zlib.compressobj(9, wbits=zlib.MAX_WBITS | 16), bytes(MEGABYTES)
    return b"".join(packer.compress(megabyte) for _ in range(megabytes)) + packer.flush()


Maker = Callable[[], Answer]

_SHAPES: dict[str, Maker] = {
    "nothing": lambda: said(""),
    "white_space": lambda: said(filled(" \n", 5)),
    "truncated_in_an_item": lambda: said(rss(item())[:-40]),
    "truncated_in_a_tag": lambda: said(rss(item() + "<item><title")[:400]),
    "truncated_in_cdata": lambda: said(rss(item("<description><![CDATA[<p>Hej"))[:-30]),
    "ends_twice": lambda: said(rss(item()) + "</rss></channel></rss>"),
    "two_documents": lambda: said(rss(item()) + rss(item(title="Nummer to"))),
    "error_message_before_it": lambda: said("<br />\n<b>Warning</b>: mysql_connect() in /var/www" + rss(item())),
    "white_space_before_it": lambda: said("\n\n  " + rss(item())),
    "tags_closed_in_the_wrong_order": lambda: said(rss("<item><title>Ny <b>bro</title></b></item>")),
    "undeclared_prefix": lambda: said(rss(item("<foo:bar>x</foo:bar>"))),
    "prefix_of_nothing": lambda: said('<rss xmlns:x="" version="2.0"><channel>' + item() + "</channel></rss>"),
    "bare_ampersands": lambda: said(rss(item("<link>https://by.example.org/?a=1&b=2</link>", title="Kaffe & kage"))),
    "letters_by_name": lambda: said(rss(item(title="R&oslash;d gr&oslash;d&nbsp;med fl&oslash;de"))),
    "letters_by_wrong_number": lambda: said(rss(item(title="&#0;&#xD800;&#x110000;&#99999999999;bro"))),
    "nobody_closes_anything": lambda: said("<rss version='2.0'><channel>" + "<item><title>Ny bro" * 20_000),
    "all_in_one_element": lambda: said("<rss version='2.0'>" + filled("x", 4.9) + "</rss>"),
    "upper_case": lambda: said(rss(item()).upper().replace("<?XML", "<?xml")),
    "no_channel": lambda: said("<rss version='2.0'>" + item() + "</rss>"),
    "a_feed_in_a_feed": lambda: said(rss(item(rss(item(), xml="")))),
    "an_item_in_an_item": lambda: said(rss("<item><title>Ny bro</title>" * 3_000 + "</item>" * 3_000)),
    "nothing_but_processing_instructions": lambda: said(_XML + filled("<?x y?>", 4.9)),
    "nothing_but_comments": lambda: said(_XML + filled("<!--x-->", 4.9) + "<rss/>"),
    "a_comment_without_end": lambda: said(_XML + "<!--" + filled("-", 4.9)),
    "a_doctype_without_end": lambda: said(_XML + "<!DOCTYPE rss [" + filled("<!ELEMENT a ANY>", 2)),
    "a_declaration_without_end": lambda: said('<?xml version="1.0" ' + filled('encoding="a" ', 4.9)),
    "an_atom_feed_with_script": lambda: said(
        '<feed xmlns="http://www.w3.org/2005/Atom"><title type="html">&lt;script&gt;x&lt;/script&gt;By</title><entry>'
        '<id>javascript:alert(1)</id><title type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><script>x</script>'
        'Ny bro</div></title><link href="javascript:alert(1)"/><content type="html">&lt;img src=x onerror=alert(1)&gt;'
        "</content></entry></feed>"
    ),
}  # fmt: skip

_SIZES: dict[str, Maker] = {
    "ten_thousand_entries": lambda: said(_many(10_000)),
    "hundreds_of_thousands_of_empty_entries": lambda: said(rss(filled("<item/>", 4.9))),
    "a_million_empty_elements": lambda: said(rss(item(filled("<a/>", 4.9)))),
    "elements_inside_each_other": lambda: said(rss(item("<a>" * 500_000 + "</a>" * 500_000))),
    "elements_inside_each_other_without_end": lambda: said(rss(item(filled("<a>", 4.9)))),
    "a_headline_of_four_megabytes": lambda: said(rss(item(title=filled("Bro ", 4)))),
    "a_guid_of_four_megabytes": lambda: said(rss(f"<item><title>Ny bro</title><guid>{filled('g', 4)}</guid></item>")),
    "a_link_of_four_megabytes": lambda: said(rss(item(f"<link>https://by.example.org/{filled('x', 4)}</link>"))),
    "an_attribute_flood": lambda: said(_attributes(300_000)),
    "attributes_of_one_name": lambda: said(rss("<item " + filled("a='1' ", 4) + "><title>Ny bro</title></item>")),
    "a_cdata_flood": lambda: said(rss(item(f"<description>{filled('<![CDATA[x]]>', 4)}</description>"))),
    "cdata_openings": lambda: said(rss(item(f"<description>{filled('<![CDATA[', 4)}</description>"))),
    "a_category_flood": lambda: said(rss(item("".join(f"<category>{n}</category>" for n in range(100_000))))),
    "a_picture_flood": lambda: said(rss(item(filled('<media:content url="/a.jpg" medium="image"/>', 4)))),
    "an_enclosure_flood": lambda: said(rss(item(filled('<enclosure url="/a" type="image/png"/>', 4)))),
    "a_namespace_flood": lambda: said(
        "<rss version='2.0' " + " ".join(f"xmlns:n{n}='u{n}'" for n in range(150_000)) + "/>"
    ),
    "base_addresses_inside_each_other": lambda: said(rss(item("<a xml:base='a/'>" * 20_000 + "</a>" * 20_000))),
    "ampersands": lambda: said(rss(item(title=filled("&", 4)))),
    "semicolons_missing": lambda: said(rss(item(title=filled("&aelig", 4)))),
    "smaller_than": lambda: said(rss(item()) + filled("<", 4)),
    "quotes_without_end": lambda: said(rss("<item a=" + filled("\"'", 4))),
    "tags_without_end": lambda: said("<rss version='2.0'><channel>" + filled("<item ", 4)),
    "declarations_without_end": lambda: said("<rss version='2.0'><channel>" + filled("<![", 4)),
    "fifty_megabytes": lambda: said(filled(rss(item()), 50)),
}  # fmt: skip

_MARKUP: dict[str, Maker] = {
    "script": lambda: described("<script>alert(1)</script><p onclick=alert(1)>Hej</p><iframe src=//evil.example.org>"),
    "divs_inside_each_other": lambda: described(filled("<div>", 4)),
    "formatting_inside_each_other": lambda: described(filled("<b><i>", 4)),
    "tables_inside_each_other": lambda: described(filled("<table><tr><td>", 4)),
    "links_inside_each_other": lambda: described(filled("<a href=x>", 4)),
    "relative_links": lambda: described(filled("<a href=x>y</a>", 4)),
    "half_a_tag": lambda: described(filled("<a href='", 4)),
    "comments_in_it": lambda: described(filled("<!--", 4)),
    "numbers_for_letters": lambda: described(filled("&#38;#60;", 4)),
    "an_svg_that_runs": lambda: described("<svg onload=alert(1)><script>alert(1)</script></svg><p>Hej</p>"),
    "a_data_address": lambda: described("<img src='data:text/html,<script>alert(1)</script>'><p>Hej</p>"),
    "styles": lambda: described("<p style='" + filled("a:b;", 4) + "'>Hej</p>"),
    "letters_that_combine": lambda: described("Z" + filled("\u0301", 4)),
    "directions_overridden": lambda: said(rss(item(title="\u202eorb yN\u202c \u2066x"))),
}

_ENCODINGS: dict[str, Maker] = {
    "utf_16": lambda: said(rss(item(title="Ny bro på Amager")).encode("utf-16")),
    "utf_16_without_mark": lambda: said(rss(item()).replace("UTF-8", "UTF-16").encode("utf-16-le")),
    "utf_16_cut_in_a_letter": lambda: said(rss(item()).encode("utf-16")[:-7]),
    "utf_32": lambda: said(rss(item()).encode("utf-32")),
    "ebcdic": lambda: said(rss(item()).encode("cp037"), "application/xml"),
    "latin_1_that_says_utf_8": lambda: said(rss(item(title="Rødgrød")).encode("latin-1")),
    "utf_8_that_says_latin_1": lambda: said(rss(item(title="Rødgrød")), "text/xml; charset=iso-8859-1"),
    "an_unknown_encoding": lambda: said(rss(item(), xml='<?xml version="1.0" encoding="x-nonsense"?>')),
    "punycode": lambda: said(
        filled("a-", 2).encode() + rss(item(title="ø")).encode("latin-1"), "text/xml; charset=punycode"
    ),
    "a_codec_that_unpacks": lambda: said(zlib.compress(rss(item()).encode()), "text/xml; charset=zlib"),
    "nul_between_letters": lambda: said(rss(item(title="N\0y bro")).encode()),
    "nothing_but_nul": lambda: said(bytes(4 * MEGABYTES)),
    "control_characters": lambda: said(rss(item(title="Ny \x0b\x01bro\x1f"))),
    "random_bytes": lambda: said(bytes((n * n * 31 + n // 7) % 256 for n in range(200_000))),
    "halves_of_letters": lambda: said(rss(item(title="Ny bro")).encode().replace(b"bro", b"bro \xed\xa0\x80\xc3")),
    "a_mark_in_the_middle": lambda: said(rss(item(title="Ny \ufeffbro")).encode("utf-8-sig")),
}  # fmt: skip

_BOMBS: dict[str, Maker] = {
    "a_billion_laughs": lambda: said(_entities(kind="laughs")),
    "quadratic_entities": lambda: said(_entities(kind="quadratic")),
    "entities_behind_a_long_comment": lambda: said(_entities(kind="late")),
    "entities_in_utf_16": lambda: said(_entities(kind="laughs").encode("utf-16")),
    "an_entity_from_a_file": lambda: said(_entities(kind="file")),
    "an_entity_from_inside": lambda: said(_entities(kind="parameter")),
    "a_packed_bomb": lambda: said(_packed_zeros(200), Content_Encoding="gzip"),
    "a_packed_feed_of_fifty_megabytes": lambda: said(
        gzip.compress(rss(filled(item(), 50)).encode(), 1), Content_Encoding="gzip"
    ),
    "packed_twice": lambda: said(gzip.compress(gzip.compress(rss(item()).encode())), Content_Encoding="gzip, gzip"),
    "not_packed_at_all": lambda: said(rss(item()), Content_Encoding="gzip"),
    "packed_and_cut": lambda: said(gzip.compress(rss(filled(item(), 1)).encode())[:-400], Content_Encoding="gzip"),
    "packed_in_an_unknown_way": lambda: said(b"\x8b\x03\x80", Content_Encoding="br"),
}

_JSON: dict[str, Maker] = {
    "json_lists_inside_each_other": lambda: said(_nested_json("[", 4 * MEGABYTES), JSON),
    "json_objects_inside_each_other": lambda: said(_nested_json('{"a":', MEGABYTES), JSON),
    "json_in_a_few_lists": lambda: said(_nested_json("[", 5_000) + "]" * 5_000 + "}", JSON),
    "json_cut": lambda: said(json_feed('{"id": "1", "title": "Ny bro"}')[:-9], JSON),
    "json_of_something_else": lambda: said('{"error": "Not authorised"}', JSON),
    "json_list": lambda: said('[{"id": "1"}]', JSON),
    "json_nan": lambda: said(json_feed('{"id": NaN, "title": Infinity, "date_published": -Infinity}'), JSON),
    "json_huge_number": lambda: said(json_feed('{"id": ' + "9" * 2 * MEGABYTES + ', "title": 1e999999999}'), JSON),
    "json_lone_surrogates": lambda: said(
        json_feed('{"id": "\\ud800", "title": "Ny \\udfffbro", "tags": ["\\ud83d"]}'), JSON
    ),
    "json_nul": lambda: said(json_feed('{"id": "a\\u0000b", "title": "Ny\\u0000 bro"}'), JSON),
    "json_wrong_kinds": lambda: said(
        json_feed('null, 7, "x", [], {"id": {}, "title": [], "url": 3, "tags": "x", "authors": {"name": 1}}'),
        JSON,
    ),
    "json_items_are_no_list": lambda: said('{"version": "https://jsonfeed.org/version/1.1", "items": {"a": 1}}', JSON),
    "json_empty_objects": lambda: said(json_feed(filled("{},", 4.9) + "{}"), JSON),
    "json_small_objects": lambda: said(json_feed(filled('{"":{}},', 4.9) + "{}"), JSON),
    "json_ten_thousand": lambda: said(
        json_feed(",".join(f'{{"id": "{n}", "title": "Nyhed {n}"}}' for n in range(10_000))), JSON
    ),
    "json_names_of_one_name": lambda: said(json_feed("{" + filled('"id": "1",', 4) + '"title": "Ny bro"}'), JSON),
    "json_script": lambda: said(
        json_feed('{"id": "1", "url": "javascript:alert(1)", "title": "<script>x</script>x", "content_html": "<p>"}'),
        JSON,
    ),
    "json_utf_16": lambda: said(json_feed('{"id": "1", "title": "Ny bro"}').encode("utf-16"), JSON),
}  # fmt: skip

_DATES_AND_TYPES: dict[str, Maker] = {
    "nonsense_for_dates": lambda: said(_dates("", "i går", "0000-00-00", "Mon, 99 Foo 99999 99:99:99 +9999", "NaN",
        "9" * 5_000, "-1", "1e9", "2026-02-30T25:61:61Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59",
        "Thu, 01 Jan 1970 00:00:00 GMT", "٢٠٢٦-١١-٢٦", "2026-W60-9", "--12", "12", "31/31/2026", "kl. 99.99")),
    "a_pause_of_a_million_years": lambda: said(rss(item(), channel=f"<ttl>{'9' * 9_999}</ttl>")),
    "updated_every_nothing": lambda: said(rss(item(), channel="<sy:updatePeriod>hourly</sy:updatePeriod>"
        "<sy:updateFrequency>-0</sy:updateFrequency>")),
    "a_web_page": lambda: said("<!doctype html><html><head><title>Byen</title></head><body><p>Velkommen", "text/html"),
    "a_web_page_that_says_feed": lambda: said("<!doctype html><html><body>Velkommen</body></html>"),
    "a_web_page_of_four_megabytes": lambda: said(
        "<!doctype html><html>" + filled("<link rel=alternate>", 4), "text/html"
    ),
    "a_sign_in_page": lambda: said("<html><form><input type=password></form></html>", "application/xml"),
    "a_picture": lambda: said(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)) * 200, "image/png"),
    "a_file_name": lambda: said("/etc/passwd"),
    "an_address": lambda: said("http://169.254.169.254/latest/meta-data/"),
    "an_opml_list": lambda: said(f"{_XML}<opml version='2.0'><body><outline text='x' xmlUrl='http://x'/></body></opml>"),
    "a_sitemap": lambda: said(f"{_XML}<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'><url><loc>x</loc></url></urlset>"),
    "a_feed_as_plain_text": lambda: said(rss(item()), "text/plain"),
    "a_feed_as_a_web_page": lambda: said(rss(item()), "text/html"),
    "a_feed_of_no_type": lambda: Answer(rss(item()).encode(), {}),
    "a_type_of_nonsense": lambda: said(rss(item()), ";;charset=;" + "x" * 5_000),
    "headers_of_nonsense": lambda: said(rss(item()), RSS, Cache_Control="max-age=" + "9" * 4_000, ETag="x" * 5_000),
}  # fmt: skip

ANSWERS: dict[str, Maker] = {
    **_SHAPES, **_SIZES, **_MARKUP, **_ENCODINGS, **_BOMBS, **_JSON, **_DATES_AND_TYPES,
}  # fmt: skip
