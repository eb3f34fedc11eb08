/** What differs between a run and the one that goes on with it, and what of that may. */
import { EspalierError } from '@espalier/core'
import type { TrainingArguments } from '../training/training-arguments.js'
import { CONTENTS, LENGTHS } from './row-facts.js'
import type { Facts, RunIdentity } from './run-identity.js'

/** Arguments that change what is still to come and not where the run is. */
const MAY_CHANGE = [
  'learningRate',
  'lrSchedulerType',
  'lrSchedulerKwargs',
  'warmupSteps',
  'warmupRatio',
  'weightDecay',
  'adamBeta1',
  'adamBeta2',
  'adamEpsilon',
  'maxGradNorm',
  'numTrainEpochs',
  'maxSteps',
  'evalStrategy',
  'evalSteps',
  'perDeviceEvalBatchSize',
  'loadBestModelAtEnd',
  'tokensPerMicroBatch',
  'gradientCheckpointing',
  'memoryBudget',
] as const satisfies readonly (keyof TrainingArguments)[]

/** What may change on purpose between a run and the one that goes on with it: arguments by name, the rows to evaluate on, the backend, and versions of packages. */
export const allowedChanges = [...MAY_CHANGE, 'evalDataset', 'backend', 'versions'] as const

/** One of them. */
export type AllowedChange = (typeof allowedChanges)[number]

/** Arguments of what is written, which change nothing of a run. */
const OF_FILES = ['outputDir', 'overwriteOutputDir', 'loggingSteps', 'saveStrategy', 'saveSteps', 'saveTotalLimit']

/** A difference. */
export interface RunChange {
  /** What allows it; null where nothing does. */
  readonly allowedBy: AllowedChange | null
  /** In words: what it was and is. */
  readonly text: string
}

/** Every difference that matters, in the order of the identity. Another version of Node changes nothing by itself, and is none. */
export function runChanges(before: RunIdentity, now: RunIdentity): readonly RunChange[] {
  const nothing = () => null
  const facts = (area: keyof RunIdentity, allowedBy: (name: string) => AllowedChange | null, as = `${area} `) =>
    differing(before[area] as Facts, now[area] as Facts).map(([name, was, is]) => ({
      allowedBy: allowedBy(name),
      text: `${as}${name}: ${shown(was)} -> ${shown(is)}`,
    }))
  const plain = (area: keyof RunIdentity, allowedBy: AllowedChange | null, text: string) =>
    before[area] === now[area] ? [] : [{ allowedBy, text }]
  return [
    ...facts('arguments', (name) => MAY_CHANGE.find((known) => known === name) ?? null, '').filter(
      ({ text }) => !OF_FILES.includes(text.slice(0, text.indexOf(':'))),
    ),
    ...facts('optimizer', nothing),
    ...facts('adapter', nothing),
    ...facts('base', nothing, 'base model '),
    ...plain('weights', null, 'the base model is held in other dtypes or quantized otherwise'),
    ...facts('tokenizer', nothing),
    ...rows(facts('data', nothing, 'training data ')),
    ...rows(facts('evaluationData', () => 'evalDataset', 'evaluation data ')),
    ...plain('backend', 'backend', `backend: ${before.backend} -> ${now.backend}`),
    ...facts('versions', () => 'versions', 'version of ').filter(({ text }) => !text.startsWith('version of node:')),
  ]
}

/** Differences of a run in what it writes and what runs it: named, and in nobody's way. */
export function harmlessChanges(before: RunIdentity, now: RunIdentity): readonly string[] {
  const written = differing(before.arguments, now.arguments).filter(([name]) => OF_FILES.includes(name))
  const node = differing({ node: before.versions.node }, { node: now.versions.node })
  return [...written.filter(([name]) => !name.endsWith('utputDir')), ...node].map(
    ([name, was, is]) => `${name}: ${shown(was)} -> ${shown(is)}`,
  )
}

/** Throws run.changed for differences that are not allowed: all of them, with what would allow each. */
export function requireUnchanged(
  changes: readonly RunChange[],
  { checkpoint, allowed }: { readonly checkpoint: string; readonly allowed: readonly AllowedChange[] },
): void {
  const refused = changes.filter(({ allowedBy }) => allowedBy === null || !allowed.includes(allowedBy))
  if (refused.length === 0) return
  const names = [...new Set(refused.flatMap(({ allowedBy }) => allowedBy ?? []))]
  const isAllowable = refused.every(({ allowedBy }) => allowedBy !== null)
  throw new EspalierError('run.changed', {
    what: 'what the run began with has changed',
    got: {
      checkpoint,
      changes: refused.map(({ text }) => text),
      ...(isAllowable ? { mayChange: names } : {}),
    },
    fix: isAllowable
      ? `Give what it began with, or go on with what has changed on purpose: allowChanges: [${names.map((name) => `'${name}'`).join(', ')}]`
      : `Give what it began with, or start a new run from the values of ${checkpoint}: load its adapter and train it in another outputDir`,
  })
}

function differing(before: Facts, now: Facts): (readonly [string, unknown, unknown])[] {
  return [...new Set([...Object.keys(before), ...Object.keys(now)])].flatMap((name) =>
    JSON.stringify(before[name]) === JSON.stringify(now[name]) ? [] : [[name, before[name], now[name]] as const],
  )
}

// Other files say why there are other lengths, and these why there is other content.
function rows(changes: readonly RunChange[]): readonly RunChange[] {
  const without = (name: string, of: readonly RunChange[]) =>
    of.length > 1 ? of.filter(({ text }) => !text.includes(`data ${name}:`)) : of
  return without(LENGTHS, without(CONTENTS, changes))
}

const LONGEST = 60 // characters: a hash is known by its first ones

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'none')
  const hashes = text.replace(/\b[0-9a-f]{64}\b/g, (hash) => hash.slice(0, 12))
  return hashes.length > LONGEST ? `${hashes.slice(0, LONGEST)}…` : hashes
}
