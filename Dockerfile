# One image for every service of docker-compose.yml; the command says which: web, worker, beat, migrate …
FROM python:3.12-slim AS build
WORKDIR /opslag
RUN pip install --no-cache-dir uv
COPY requirements.lock ./
RUN uv venv .venv && uv pip sync --no-cache --python .venv/bin/python requirements.lock
COPY publisher publisher
COPY tasks tasks
COPY templates templates
# The guides to connecting a channel, which the pages show.
COPY docs/guides docs/guides
RUN for po in publisher/locale/*/LC_MESSAGES/django.po; do \
        .venv/bin/python -m babel.messages.frontend --quiet compile --input-file "$po" --output-file "${po%.po}.mo" || exit 1; \
    done
# Nobody may write there later, and a process that compiles everything for itself needs four seconds more to start.
RUN .venv/bin/python -m compileall -q .venv/lib publisher tasks

FROM python:3.12-slim
# The journals belong to this user on every machine, so that a new image can read what the old one wrote.
RUN useradd --uid 1000 --create-home opslag \
    && mkdir -p /var/lib/opslag/media /var/lib/opslag/journals /var/lib/opslag/caught \
    && chown -R opslag:opslag /var/lib/opslag
COPY --from=build /opslag /opslag
WORKDIR /opslag
ENV PATH=/opslag/.venv/bin:$PATH OPSLAG_HOME=/var/lib/opslag PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER opslag
ENTRYPOINT ["python", "-m", "publisher"]
CMD ["web", "--host", "0.0.0.0"]
