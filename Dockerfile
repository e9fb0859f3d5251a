# Two images: `wan` for machines with GPUs, `runway` for a small server without.
#
#     docker build --target wan -t gpu-worker-pool:wan .
#     docker build --target runway -t gpu-worker-pool:runway .
#
# Keys are given at run time (docker-compose.yml shows how) and are in no layer.

# torch's wheels bring CUDA's libraries and the container toolkit the driver's, so a CUDA base image
# would only hold the same again.
FROM python:3.11-slim-bookworm AS base
ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1
# tini is PID 1: it hands signals on, and reaps what dead children leave behind.
RUN apt-get update \
    && apt-get install -y --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 pool \
    && install -d -o pool -g pool /data
WORKDIR /app
# Everything that must survive the container lies in one folder, to be mounted: no VOLUME, which some
# hosts refuse. `docker stop` kills after ten seconds, so a drain ends after eight by giving its tasks
# back.
ENV POOL_STATE_DIR=/data/state \
    TEMP_DIR=/data/temp \
    LOG_DIR=/data/logs \
    HF_HOME=/data/huggingface \
    POOL_DRAIN_TIMEOUT=8
STOPSIGNAL SIGTERM
ENTRYPOINT ["tini", "--", "bin/start-pool"]

FROM base AS wan
# Compiled kernels (`compile: true`) are built at run time, by a C compiler.
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
COPY requirements.txt requirements-fp8.txt requirements-runway.txt ./
RUN pip install -r requirements.txt
COPY bin/start-pool bin/pool-status bin/serve-api bin/
COPY configs/ configs/
COPY client/ client/
COPY inference/ inference/
COPY pool/ pool/
COPY server/ server/
USER pool
# Weights may have to be downloaded before the first slot works.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60m --retries=3 \
    CMD bin/pool-status --health || [ $? -eq 1 ]
CMD ["--config", "configs/wan22-ti2v-5b.yaml"]

# Last, so that it is what a host builds that cannot be told a target.
FROM base AS runway
COPY requirements-runway.txt ./
RUN pip install -r requirements-runway.txt
COPY bin/start-pool bin/pool-status bin/runway-smoke bin/
COPY configs/ configs/
COPY client/ client/
COPY inference/ inference/
COPY pool/ pool/
USER pool
# Exit code 1 says that some slots work and some do not: no reason to replace the container.
HEALTHCHECK --interval=30s --timeout=5s --start-period=2m --retries=3 \
    CMD bin/pool-status --health || [ $? -eq 1 ]
CMD ["--mode", "runway"]
