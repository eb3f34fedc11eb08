/** What the record of a checkpoint holds, and whether a value is one: a folder may come from anywhere. */
import type { RunPosition } from '@espalier/trainer'
import { isNamed } from './plain-json.js'
import type { RunIdentity } from './run-identity.js'

/** Of the layout. */
export const FORMAT = 3

/** A file of a checkpoint. */
export interface SealedFile {
  readonly bytes: number
  readonly sha256: string
}

/** What a record holds. */
export interface CheckpointRecord {
  readonly format: typeof FORMAT
  /** The run's, the same however often it goes on. */
  readonly run: string
  readonly position: RunPosition
  /** Configurations as tuners that follow steps left them. */
  readonly configurations: Readonly<Record<string, object>>
  /** What the run began with. */
  readonly identity: RunIdentity
  /** SHA-256 of what `trainer_state.json` tells, but for a folder that it names. */
  readonly history: string
  /** The checkpoint's files by name, but for the record itself and `trainer_state.json`, with / between folders. */
  readonly files: Readonly<Record<string, SealedFile>>
}

/** A record as its file holds it: JSON has no infinite numbers, and a perplexity may be one. */
export function recordJson(record: CheckpointRecord): object {
  const { position } = record
  if (position.best === null) return record
  const { metric, step } = position.best
  const best = { metric: Number.isFinite(metric) ? metric : String(metric), step }
  return { ...record, position: { ...position, best } }
}

/** The record that a file holds; undefined where that is none, or part of one. */
export function recordOf(value: unknown): CheckpointRecord | undefined {
  if (!isNamed(value) || value.format !== FORMAT) return undefined
  const { run, position, configurations, identity, history, files } = value
  if (typeof run !== 'string' || typeof history !== 'string' || !isIdentity(identity)) return undefined
  if (!isNamed(configurations) || !Object.values(configurations).every(isNamed)) return undefined
  if (!isNamed(files) || !Object.entries(files).every(([name, file]) => isInside(name) && isSealed(file)))
    return undefined
  if (!isPosition(position)) return undefined
  const best = position.best === null ? null : { ...position.best, metric: Number(position.best.metric) }
  return { ...value, position: { ...position, best } } as CheckpointRecord
}

function isPosition(value: unknown): value is RunPosition {
  if (!isNamed(value) || !isNamed(value.losses)) return false
  const { step, epoch, endsEpoch, due, losses, best } = value
  return (
    isCount(step) &&
    isPlace(epoch) &&
    typeof endsEpoch === 'boolean' &&
    DUE.includes(due) &&
    Number.isFinite(losses.sum) &&
    isCount(losses.count) &&
    losses.count <= step &&
    (best === null || (isNamed(best) && isMetric(best.metric) && isCount(best.step) && best.step <= step))
  )
}

function isMetric(value: unknown): boolean {
  return Number.isFinite(value) || value === 'Infinity' || value === '-Infinity'
}

const DUE: readonly unknown[] = ['step', 'epoch', 'nothing'] satisfies RunPosition['due'][]

const AREAS = ['arguments', 'optimizer', 'adapter', 'base', 'tokenizer', 'data', 'evaluationData', 'versions'] as const
const TEXTS = ['weights', 'backend'] as const

function isIdentity(value: unknown): value is RunIdentity {
  return (
    isNamed(value) &&
    AREAS.every((area) => isNamed(value[area])) &&
    TEXTS.every((area) => typeof value[area] === 'string')
  )
}

/** Whether a name is of a file in the folder, with / between folders. */
function isInside(name: string): boolean {
  return !/[\\\0]/.test(name) && name.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
}

function isSealed(file: unknown): boolean {
  return isNamed(file) && isCount(file.bytes) && typeof file.sha256 === 'string'
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isPlace(value: unknown): boolean {
  return Number.isFinite(value) && (value as number) >= 0
}
