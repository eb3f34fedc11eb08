/** What differs between Node and a browser. node.ts and browser.ts each export one; the browser's build swaps the former for the latter. */
import type { Backend } from '@espalier/core'
import type { RunIdentity, RunToIdentify } from '../checkpoint/run-identity.js'
import type { BackendSettings } from '../model/default-backend.js'
import type { RunFacts } from '../run-folder/run-files.js'
import type { RunToTell } from '../training/run-facts.js'
import type { OutputToOpen, RunOutput } from '../training/run-output.js'

/** The surroundings of models and runs. Where there is no disk, the functions of run folders throw config.unsupported. */
export interface Platform {
  /** ONNX Runtime as it runs here. Throws backend.missing. */
  onnx(settings: BackendSettings): Promise<Backend>
  /** What to tell of a backend that stands in for a faster one; undefined: nothing. */
  slownessOf(backend: Pick<Backend, 'name'>): string | undefined
  /** Memory of the machine, or what this process may take of it, in bytes; undefined where it cannot be known. */
  memoryBytes(): number | undefined
  /** Takes the folder that a run writes to, and finds the checkpoint that it goes on from. Undefined for a run that does neither. */
  openRun(request: OutputToOpen): Promise<RunOutput | undefined>
  /** What run.json tells. */
  runFacts(run: RunToTell): Promise<RunFacts>
  /** What tells whether a run has changed when it goes on. */
  runIdentity(run: RunToIdentify): Promise<RunIdentity>
}
