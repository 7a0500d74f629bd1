# The image of a program, as `npm run image` makes it without Docker:
#
#     docker build -t perdure-proxy .
#     docker build -t shopping-cart --build-arg PROGRAM=shopping-cart .
#
# PROGRAM is proxy, webhook, shopping-cart, value-cart or action-pipeline.

FROM node:24-bookworm-slim AS build
ARG PROGRAM=proxy
WORKDIR /src
COPY . .
RUN npm run -s image -- "$PROGRAM" --root /image

# The C and C++ libraries that Node is linked to, and no shell.
FROM gcr.io/distroless/cc-debian12
COPY --from=build /image/ /
ENV NODE_COMPILE_CACHE=/app/cache
ENV NODE_COMPILE_CACHE_PORTABLE=1
ENV MALLOC_MMAP_THRESHOLD_=1048576
USER 65532:65532
WORKDIR /
ENTRYPOINT ["/usr/local/bin/node", "/app/main.mjs"]
