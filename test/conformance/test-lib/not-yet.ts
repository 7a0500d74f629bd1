// SPDX-License-Identifier: Apache-2.0

/** Cases that wait for forwards and effects of entities in the proxy. Goes with the last of them. */
export function isNotYet({ group, name }: { readonly group: string; readonly name: string }): boolean {
  return (
    name === "forwards and side effects" &&
    (group === "verifying proxy test: value entity" || group === "verifying proxy test: event sourced entity")
  );
}
