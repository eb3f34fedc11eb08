/** What WebGPU reports as errors of Espalier. */
import { EspalierError } from '@espalier/core'

const LONGEST = 800 // of a message; Dawn quotes whole shaders

/** backend.failed: WebGPU refused a shader or a command, which is a mistake of this package. */
export function validationError(message: string, got: Readonly<Record<string, unknown>>): EspalierError {
  return new EspalierError('backend.failed', {
    what: 'WebGPU refused a shader or a command',
    got: { ...got, message: message.slice(0, LONGEST) },
    fix: 'This is a mistake of the backend or of the driver: please report it with this message. Another backend can go on.',
  })
}

/** backend.failed: the device has no room. */
export function memoryError(message: string, got: Readonly<Record<string, unknown>>): EspalierError {
  return new EspalierError('backend.failed', {
    what: 'the GPU has no memory left',
    got: { reason: 'out-of-memory', ...got, message: message.slice(0, LONGEST) },
    fix: 'Take smaller batches or shorter rows, turn on gradient checkpointing, or load the weights in 16 or 4 bits.',
  })
}

/** backend.failed: the device is gone, with everything on it. */
export function lostError(reason: string, message: string): EspalierError {
  return new EspalierError('backend.failed', {
    what: 'the GPU was taken away, and what was on it is lost',
    got: { reason: 'device-lost', lost: reason, message: message.slice(0, LONGEST) },
    fix: 'Load the model on a new webgpu() and go on from the last checkpoint. Steps that take seconds may be stopped by the system: take smaller ones.',
  })
}
