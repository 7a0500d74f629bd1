// SPDX-License-Identifier: Apache-2.0

/** Cases that wait for value entities, and for forwards and effects of entities, in the proxy. Goes with the last of them. */
export function isNotYet({ group, name }: { readonly group: string; readonly name: string }): boolean {
  return (
    group === "verifying discovery protocol" ||
    group === "verifying proxy test: value entity" ||
    (group === "verifying proxy test: event sourced entity" && name === "forwards and side effects")
  );
}
