#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the program of its own name on the Node that came with the package, else on the one of the search path if that is
# new enough. It becomes that program: process id, signals and exit code are the program's own.
set -eu

MINIMUM_MAJOR=24

# fits NODE: whether it runs on this machine, and is new enough. Leaves its version in $version.
fits() {
  version=$("$1" --version 2>/dev/null) || return 1
  major=${version#v}
  [ "${major%%.*}" -ge "$MINIMUM_MAJOR" ] 2>/dev/null
}

# npm starts it through a symbolic link.
self=$0
while [ -L "$self" ]; do
  link=$(readlink "$self")
  case $link in
    /*) self=$link ;;
    *) self=$(dirname "$self")/$link ;;
  esac
done
package=$(cd "$(dirname "$self")/.." && pwd -P)
program=$package/dist/$(basename "$self").mjs

# Where Node looks for a package: in this one's folder, then in each above it.
folder=$package
while :; do
  for platform in linux-x64 linux-arm64; do
    node=$folder/node_modules/node-$platform/bin/node
    if [ -x "$node" ] && fits "$node"; then exec "$node" "$program" "$@"; fi
  done
  if [ "$folder" = / ]; then break; fi
  folder=$(dirname "$folder")
done

version=
if fits node; then exec node "$program" "$@"; fi
echo "perdure: needs Node $MINIMUM_MAJOR or newer, found ${version:-none}, and has no packaged Node for this platform" \
  "($(uname -sm)). Install Node $MINIMUM_MAJOR and try again." >&2
exit 1
