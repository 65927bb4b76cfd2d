"""The one Django app: label `publisher`, one migration history."""

from django.apps import AppConfig


class PublisherConfig(AppConfig):
    """Registers our models under the label `publisher`."""

    name = "publisher"
    label = "publisher"
