#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// The command line `perdure`, from its sources. Every Node since 18 can run this file, so that an old Node says what to
// do. For that it is plain JavaScript without types, and CommonJS by the package.json beside it, because an old Node
// loads no module whose name ends in `.ts`. The code that it imports needs a new Node.

void (function main() {
  const needed = 24;
  const found = process.versions.node;
  if (Number.parseInt(found, 10) < needed) {
    process.stderr.write(
      `perdure: its sources need Node ${needed} or newer, and this is Node ${found}. \`npm start\` brings one of its own, ` +
        "which is node_modules/.bin/node from then on; or install a newer one.\n",
    );
    process.exit(1);
  }
  return import("./cli/main.ts");
})();
