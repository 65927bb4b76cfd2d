"""Strict servers that speak a platform's API, in memory, with faults on demand.

In tests they answer beneath our HTTP client (`wire.in_process`); `python -m tests.contract NAME` serves one on
loopback for people and browsers; `registry` knows them all. They share no code with `publisher/`, so that both sides
must agree with the platform's documentation and not with each other.
"""
