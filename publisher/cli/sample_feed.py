"""`opslag sample-feed`: the sample website with its feed."""

from __future__ import annotations

import argparse
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from publisher.errors import InputError
from publisher.operate.sample_news import SampleNews
from publisher.operate.sample_site import Site


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where to listen; or only publish one more story on the site that is being served."""
    parser.add_argument("--host", default="127.0.0.1", help=_("address to listen on"))
    parser.add_argument("--port", type=int, default=8010)
    parser.add_argument("--publish", action="store_true", help=_("publish one more story and end"))


def run(arguments: argparse.Namespace) -> int:
    """Serve until told to stop."""
    news = SampleNews(Path(settings.OPSLAG_HOME) / "sample-news.json")
    if arguments.publish:
        story = news.publish_next()
        print(_("Published: %(title)s") % {"title": story.title} if story else _("All sample stories are published."))
        return 0
    try:
        site = Site(news, arguments.host, arguments.port)
    except OSError as error:
        raise InputError(
            gettext_noop("Cannot listen on %(host)s:%(port)s: %(detail)s. Choose another port with --port."),
            host=arguments.host,
            port=arguments.port,
            detail=error.strerror,
        ) from error
    print(_("The sample feed: %(address)s") % {"address": f"{site.base}/feed.xml"}, flush=True)
    site.serve_forever()
    return 0
