// SPDX-License-Identifier: Apache-2.0

/**
 * Loaded into every process that a test starts (`node --import`). It ends the process when the test's end of its
 * standard input is closed. That happens however the test run ends, so no process is left behind, even if the run is
 * killed.
 */
process.stdin.on("end", () => process.exit(70));
process.stdin.on("error", () => process.exit(70));
process.stdin.resume();
// A pipe is a socket, which can be unreferenced. Otherwise it would keep alive a process that has nothing left to do.
if ("unref" in process.stdin) process.stdin.unref();
