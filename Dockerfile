# Images of the three programs: bundled files, no root, nothing written outside mounted volumes, no shell needed.
#
#   npm ci && npm run build
#   docker build --target agent --build-arg BASE=<image with Node 24 on PATH>@sha256:<digest> -t assay-agent .
#
# BASE has no default on purpose: pin the digest that you checked. A base without shell (distroless) is enough for all three.
ARG BASE
FROM ${BASE} AS agent
COPY dist/agent.mjs /app/agent.mjs
USER 65532:65532
WORKDIR /app
ENV NODE_ENV=production
# Started small, because it shares the node with workloads: docs/decision/0009-agent-v8-flags.md.
ENV MALLOC_MMAP_THRESHOLD_=32768
ENV MALLOC_TOP_PAD_=0
ENTRYPOINT ["node", "--single-threaded", "--max-semi-space-size=1", "--lite-mode", "--bytecode-old-age=1", "--expose-gc", "/app/agent.mjs"]
CMD ["run"]

FROM ${BASE} AS collector
COPY dist/collector.mjs /app/collector.mjs
COPY dist/collector-chunk /app/collector-chunk
COPY dist/recipes /app/recipes
USER 65532:65532
WORKDIR /app
ENV NODE_ENV=production
# A small young generation keeps packing ten thousand nodes below 256 MiB.
ENTRYPOINT ["node", "--max-semi-space-size=8", "/app/collector.mjs"]

FROM ${BASE} AS cli
COPY dist /app
USER 65532:65532
WORKDIR /data
ENV NODE_ENV=production
ENTRYPOINT ["node", "/app/cli.mjs"]
CMD ["--help"]
