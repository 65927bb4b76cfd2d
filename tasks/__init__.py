"""When things run. No logic here: every task's body is one call into `publisher`."""

import os

# Set before the Celery app is made: that is what makes Celery set up Django in each process.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "publisher.settings")
