"""Readable failures in the shared contract."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("tests.transports.transport_contract", "tests.transports.esp_services")
