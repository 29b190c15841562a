# The app with its models inside; it needs no network once built.
#   docker build -t plainsight . && docker run --rm -p 7860:7860 plainsight
#   docker build --build-arg TORCH_BACKEND=cu130 -t plainsight . && docker run --rm --gpus all -p 7860:7860 plainsight
# It writes nothing, and runs with --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges too.
# `.ci/image.py` runs these steps one by one without Docker.

# The digest is that of the index of all platforms; docs/how-to/host.md says how to move on to a newer one.
ARG BASE=python:3.11.16-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b

FROM ${BASE} AS build
# Which build of torch, in uv's words: cpu, cu130, ...
ARG TORCH_BACKEND=cpu
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore
WORKDIR /srv/build
COPY requirements.txt ./
COPY requirements requirements
RUN pip install --no-cache-dir --constraint requirements/tools.txt uv
# All versions are pinned there, and those of CUDA packages by torch itself.
RUN uv venv /srv/venv \
    && uv pip install --python /srv/venv --no-cache --compile-bytecode --torch-backend "${TORCH_BACKEND}" \
        --requirement requirements.txt --requirement requirements/metrics.txt

FROM ${BASE}
# A Docker Space runs as user 1000, who has to own a home folder for caches.
RUN useradd --create-home --uid 1000 user
COPY --from=build /srv/venv /srv/venv
ENV HOME=/home/user \
    PATH=/srv/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    GRADIO_SERVER_NAME=0.0.0.0 \
    GRADIO_ANALYTICS_ENABLED=False \
    HF_HUB_OFFLINE=1
WORKDIR /srv/plainsight
COPY README.md LICENSE ./
COPY checkpoints checkpoints
COPY core core
COPY app app
RUN python -m compileall -q core app

USER 1000
# The generated data sets, so that no visitor need wait for them.
RUN python -m core data fetch signs && python -m core data fetch streets

EXPOSE 7860
# The app is process 1 and handles this signal itself (app/stopping.py).
STOPSIGNAL SIGTERM
# /healthz answers 503 where there is no model, which urlopen raises an error for.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:7860/healthz', timeout=4).read()"]
CMD ["python", "-m", "app", "--host", "0.0.0.0", "--port", "7860"]
