// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { cgroupPlace, killsOfGroup, usedOfGroup } from "./cgroup-files.ts";

const FIRST =
  "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n" +
  "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct\n" +
  "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory\n";
const SECOND = "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate\n";

test("the hierarchy that bounds memory is found in both versions", (t) => {
  t.deepEqual(cgroupPlace(FIRST, "5:devices:/\n4:memory:/pod/a\n1:cpu,cpuacct:/\n"), {
    version: 1,
    mount: "/sys/fs/cgroup/memory",
    own: "/pod/a",
  });
  t.deepEqual(cgroupPlace(SECOND, "0::/user.slice/a:b\n"), {
    version: 2,
    mount: "/sys/fs/cgroup/unified",
    own: "/user.slice/a:b",
  });
});

test("where both are mounted, the first version has the memory", (t) => {
  t.is(cgroupPlace(FIRST + SECOND, "4:memory:/\n0::/\n")?.version, 1);
  t.is(cgroupPlace(FIRST + SECOND, "1:cpu:/\n0::/\n")?.version, 2);
});

test("without any there is none", (t) => {
  t.is(cgroupPlace("", ""), undefined);
  t.is(cgroupPlace(FIRST, ""), undefined);
  t.is(cgroupPlace("", "0::/\n"), undefined);
});

test("the page cache is not counted, shared memory is", (t) => {
  const first = "cache 1\nrss 700\ntotal_cache 300\ntotal_rss 700\ntotal_shmem 100\n";
  t.is(usedOfGroup(1, "1000\n", first), 800);
  t.is(usedOfGroup(2, "1000\n", "anon 700\nfile 300\nfile_mapped 50\nshmem 100\n"), 800);
  t.is(usedOfGroup(2, "1000\n", "anon 900\n"), 1_000);
});

test("kills for want of memory are counted in both versions", (t) => {
  t.is(killsOfGroup("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"), 2);
  t.is(killsOfGroup("low 0\nmax 12\noom 3\noom_kill 1\n"), 1);
  t.is(killsOfGroup(""), 0);
});
