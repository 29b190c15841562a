# The app on a CPU, with its models inside; it needs no network once built.
#   docker build -t plainsight . && docker run --rm -p 7860:7860 plainsight
# It writes nothing, and runs with --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges too.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore

# Libraries first: this layer is built anew only when their list changes. The pins of CUDA packages do no harm here, since
# the CPU build of torch asks for none of them.
WORKDIR /srv/plainsight
COPY pyproject.toml requirements.txt ./
RUN pip install --no-cache-dir --constraint requirements.txt uv \
    && uv pip install --system --no-cache --compile-bytecode --torch-backend cpu \
        --constraint requirements.txt --requirement pyproject.toml

# A Docker Space runs as user 1000, who has to own a home folder for caches.
RUN useradd --create-home --uid 1000 user
ENV HOME=/home/user \
    GRADIO_SERVER_NAME=0.0.0.0 \
    GRADIO_ANALYTICS_ENABLED=False \
    HF_HUB_OFFLINE=1

COPY README.md LICENSE ./
COPY checkpoints checkpoints
COPY core core
COPY app app
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
