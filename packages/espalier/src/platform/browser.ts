/** The platform of a browser: ONNX Runtime on WebAssembly, and no folders by path. */
import { EspalierError } from '@espalier/core'
import type { Platform } from './platform.js'

/** The platform of this build. */
export const platform: Platform = {
  async onnx(settings) {
    const { onnxWeb } = await import('@espalier/backend-onnx/web')
    return onnxWeb(settings)
  },
  slownessOf: () => undefined,
  memoryBytes: () => undefined,
  async openRun({ outputDir, resume }) {
    if (resume !== false) throw noFolders({ resumeFromCheckpoint: resume })
    if (outputDir !== undefined) throw noFolders({ outputDir })
    return undefined
  },
  async runIdentity() {
    throw noFolders({})
  },
  async runFacts() {
    throw noFolders({})
  },
}

function noFolders(got: Readonly<Record<string, string | boolean>>): EspalierError {
  return new EspalierError('config.unsupported', {
    what: 'a browser has no folders by path to write a run to',
    got,
    fix: 'Leave outputDir out; after the run, save with model.toFiles(), or with saveModel to a directory handle',
  })
}
