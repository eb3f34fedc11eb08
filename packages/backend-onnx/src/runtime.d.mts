/** Types of runtime.mjs. */

/** An installed package with ONNX Runtime. */
export interface RuntimePackage {
  /** `onnxruntime-node`, `@espalier/onnxruntime-<platform>-<arch>` or `onnxruntime-web`. */
  readonly name: string
  /** The version of ONNX Runtime. */
  readonly version: string
  /** Where it is installed. */
  readonly folder: string
}

/** The package with the native library for a platform: `@espalier/onnxruntime-linux-x64`. Default: the platform of this process. */
export function platformPackage(platform?: string, arch?: string): string

/**
 * Which installed package has the native library that `onnx()` computes with: onnxruntime-node from 1.30 on, else the package for this
 * platform; undefined: none that works here. Loads nothing.
 */
export function findNative(require?: NodeJS.Require): RuntimePackage | undefined

/** The installed onnxruntime-web, which `onnxWeb()` computes with, 4 to 5 times slower; undefined: it is not there. Loads nothing. */
export function findWasm(require?: NodeJS.Require): RuntimePackage | undefined

/** ONNX Runtime over the native library. Throws where there is none, or where it does not load. */
export function loadNative(require?: NodeJS.Require): Promise<object>
