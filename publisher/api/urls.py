"""The addresses for programs."""

from __future__ import annotations

from django.urls import re_path

from publisher.api.esp_webhook import esp_webhook
from publisher.api.items import item, items

urlpatterns = [
    re_path(r"^api/items/?$", items, name="api-items"),
    re_path(r"^api/items/(?P<external_id>.+)$", item, name="api-item"),
    # With or without a slash at the end: a service that is redirected gives up.
    re_path(r"^webhooks/esp/(?P<name>[a-z]{1,20})/?$", esp_webhook, name="esp-webhook"),
]
