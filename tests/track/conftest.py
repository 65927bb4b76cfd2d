"""A Mastodon server in memory and the secretariat's channels on it."""

from tests.deliver.conftest import account, keyless, server

__all__ = ["account", "keyless", "server"]
