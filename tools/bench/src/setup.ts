/** Where the peers are: real models, real PEFT, real data; and our own side, bundled against the built packages. */
import { existsSync } from 'node:fs'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { Peer } from './peer.js'

/** What every benchmark needs. */
export interface Setup {
  readonly model: string
  readonly python: string
  readonly data: string
  readonly threads: number
  readonly rounds: number
  /** Says what is going on, on stderr. */
  progress(text: string): void
}

const here = fileURLToPath(new URL('..', import.meta.url))

/** Reads the environment; says what is missing and how to get it. */
export function readSetup(rounds: number): Setup {
  const { ESPALIER_MODELS: models, ESPALIER_PYTHON: python, ESPALIER_DATA: data } = process.env
  if (models === undefined || python === undefined || data === undefined) {
    throw new Error(
      'benchmarks need ESPALIER_MODELS (a folder with smollm2-135m-instruct), ESPALIER_PYTHON (a python with torch, transformers and peft) and ESPALIER_DATA (a folder with gsm8k)',
    )
  }
  const model = join(models, 'smollm2-135m-instruct')
  for (const path of [model, python, join(data, 'gsm8k/train.jsonl')])
    if (!existsSync(path)) throw new Error(`not found: ${path}`)
  const progress = (text: string) => process.stderr.write(`${text}\n`)
  return { model, python, data, threads: availableParallelism(), rounds, progress }
}

/** The machine in one line. */
export function machine(): string {
  return `${cpus()[0]?.model.trim()}, ${availableParallelism()} threads, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`
}

/** The built command line. */
export const commandLine = fileURLToPath(new URL('../../../packages/espalier/dist/cli.js', import.meta.url))

/** The environment of the Python peers: no network, nothing on stderr but what went wrong. */
export const pythonEnvironment = {
  HF_HUB_OFFLINE: '1',
  HF_HUB_DISABLE_PROGRESS_BARS: '1',
  TQDM_DISABLE: '1', // transformers' "Loading weights" asks tqdm itself
  TRANSFORMERS_VERBOSITY: 'error',
  TOKENIZERS_PARALLELISM: 'false',
}

/** Our side, running the built packages as users do. */
export async function espalier({ model }: Setup, setting: object, environment: NodeJS.ProcessEnv = {}): Promise<Peer> {
  const script = await bundled('espalier-peer')
  return Peer.start('espalier', process.execPath, [script, model, JSON.stringify(setting)], environment)
}

/** A script of this folder, or of its twin in another checkout, bundled against the built packages there; its path. */
export async function bundled(name: string, folder = here): Promise<string> {
  const outfile = join(folder, 'dist', `${name}.mjs`)
  await build({
    entryPoints: [join(folder, `src/${name}.ts`)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    logLevel: 'silent',
    tsconfigRaw: {},
  })
  return outfile
}

/** PEFT on PyTorch with an attention implementation. */
export function pytorch({ model, python }: Setup, attention: 'eager' | 'sdpa', setting: object): Promise<Peer> {
  return Peer.start(
    `pytorch ${attention}`,
    python,
    [join(here, 'peers/train_peer.py'), model, attention, JSON.stringify(setting)],
    pythonEnvironment,
  )
}
