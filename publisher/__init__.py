"""Opslag: one news item in; a newsletter, social posts and a web page out, each delivered once and proved.

    Source ──collect──▶ Item ──Rule or a person──▶ Campaign ──compose──▶ Messages ──review──▶ approved, scheduled
    Message ──dispatch──▶ Deliveries (one message × one recipient) ──deliver──▶ sent | failed | uncertain
    outside world ──track──▶ Event ──▶ facts on the Delivery, Suppression, counters, receipt

Stages meet only in rows: each reads rows in one status and writes the next; none calls the next one.
The database is the queue and the schedule; Redis only wakes workers. A package imports only from layers below
its own (`publisher/layers.py` lists them, `tests/test_architecture.py` proves it).
"""

__version__ = "0.1.0"
