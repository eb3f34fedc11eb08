/** Types of platforms.mjs. */

/** `process.platform` and `process.arch`. */
export type Platform = readonly [platform: string, arch: string]

/** Platforms that onnxruntime-node has a library for. */
export const platforms: readonly Platform[]

/** The package of a platform. */
export function packageName(platform: Platform): string

/** The version of ONNX Runtime that the backend is developed on, and of these packages. */
export function runtimeVersion(): string
