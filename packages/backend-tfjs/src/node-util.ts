/** tfjs-node 4.22 calls two functions of node:util that Node 23 removed. */

interface LegacyUtil {
  isNullOrUndefined?: (value: unknown) => boolean
  isArray?: (value: unknown) => boolean
}

/** Puts the two functions back where they are gone; without effect outside Node and on older versions. Without them every op of tfjs-node throws. */
export function mendNodeUtil(): void {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } }
  // Every Node that lacks the functions has getBuiltinModule, and CommonJS modules see the object that it gives.
  const util = process?.getBuiltinModule?.('node:util') as LegacyUtil | undefined
  if (util === undefined) return
  util.isNullOrUndefined ??= (value) => value === null || value === undefined
  util.isArray ??= Array.isArray
}
