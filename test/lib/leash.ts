// SPDX-License-Identifier: Apache-2.0

/**
 * Loaded into every process that a test starts (`node --import`): ends it when the test's end of its standard input is
 * closed, which happens however the test run ends. So none is left behind, even by a run that is killed.
 */
process.stdin.on("end", () => process.exit(70));
process.stdin.on("error", () => process.exit(70));
process.stdin.resume();
// A pipe is a socket, which can be let go of; else it would keep a process alive that has nothing more to do.
if ("unref" in process.stdin) process.stdin.unref();
