/** Two tasks of GLUE learnt by both sides from the same rows with the same settings: the metric that GLUE asks for, and the time it takes. */
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Finding } from './finding.js'
import { roundLine } from './interleave.js'
import { median, Peer } from './peer.js'
import { bundled, pythonEnvironment, type Setup } from './setup.js'

/** Settings of both sides. */
export interface GlueSetting {
  readonly r: number
  readonly alpha: number
  readonly dropout: number
  readonly targets: readonly string[]
  readonly learningRate: number
  readonly batch: number
  readonly length: number
}

/** One training from the pretrained model; `train` and `dev` are files of `text` and `label`. */
export interface GlueRequest {
  readonly train: string
  readonly dev: string
  readonly epochs: number
  readonly seed: number
  readonly setting: GlueSetting
}

/** What came of it: labels of the rows of `dev`, in whatever order. */
export interface GlueAnswer {
  /** From loading the model to the last prediction. */
  readonly seconds: number
  readonly trainingSeconds: number
  /** Of all threads, over the whole of it: what a busy machine distorts less than the clock. */
  readonly cpuSeconds: number
  readonly steps: number
  readonly predicted: readonly number[]
  readonly labels: readonly number[]
}

interface Task {
  readonly name: string
  readonly epochs: number
  /** Of the training rows; all where it is left out. */
  readonly rows?: number
  readonly metric: string
  /** In percent. */
  measure(answer: GlueAnswer): number
  parse(line: string): { readonly text: string; readonly label: number }
  readonly hasHeader: boolean
}

const setting: GlueSetting = {
  r: 8,
  alpha: 16,
  dropout: 0.1,
  targets: ['query', 'value'],
  learningRate: 1e-3,
  batch: 32,
  length: 128,
}

const tasks: readonly Task[] = [
  {
    name: 'SST-2',
    epochs: 1,
    rows: 8000,
    metric: 'accuracy',
    measure: accuracy,
    hasHeader: true,
    parse(line) {
      const [text = '', label] = line.split('\t')
      return { text, label: Number(label) }
    },
  },
  {
    name: 'CoLA',
    epochs: 2,
    metric: 'Matthews correlation',
    measure: matthews,
    hasHeader: false,
    parse(line) {
      const [, label, , text = ''] = line.split('\t')
      return { text, label: Number(label) }
    },
  },
]

const MOST_APART = 1 // percent, of the medians

/** A round is a seed, taken by both sides in turn, task after task. */
export async function glue(setup: Setup): Promise<Finding[]> {
  const model = join(dirname(setup.model), 'minilm-l6')
  if (!existsSync(model)) throw new Error(`not found: ${model}`)
  const folder = await mkdtemp(join(tmpdir(), 'espalier-glue-'))
  const threads = String(setup.threads)
  const sides = [
    await Peer.start('espalier', process.execPath, [await bundled('glue-peer'), model, threads]),
    await Peer.start('peft', setup.python, [pythonScript(), model, threads], pythonEnvironment),
  ]
  try {
    const findings: Finding[] = []
    for (const task of tasks) {
      const files = await writeRows(setup, task, folder)
      const answers = sides.map(() => [] as GlueAnswer[])
      for (let seed = 1; seed <= setup.rounds; seed++) {
        // Who begins changes from round to round: a machine that slows down then does not favour one side.
        for (const i of seed % 2 === 1 ? [0, 1] : [1, 0]) {
          const side = sides[i] as Peer
          const answer = await side.ask<GlueAnswer>({ do: 'run', ...files, epochs: task.epochs, seed, setting })
          answers[i]?.push(answer)
          setup.progress(roundLine(seed, setup.rounds, [task.name, lineOf(side, task, answer)]))
        }
      }
      findings.push(...findingsOf(task, answers as [GlueAnswer[], GlueAnswer[]]))
    }
    const memory = sides.map(({ peakBytes }) => peakBytes) as [number, number]
    return [
      ...findings,
      { name: 'espalier peak memory', value: memory[0] / 1e6, unit: 'MB' },
      { name: 'peft peak memory', value: memory[1] / 1e6, unit: 'MB' },
    ]
  } finally {
    await Promise.all(sides.map((side) => side.end()))
    await rm(folder, { recursive: true, force: true })
  }
}

function lineOf({ name }: Peer, { metric, measure }: Task, answer: GlueAnswer): string {
  const [whole, training, used] = [answer.seconds, answer.trainingSeconds, answer.cpuSeconds].map((x) => x.toFixed(1))
  return `${name} ${metric} ${measure(answer).toFixed(1)} in ${whole} s, training ${training} s, processors ${used} s, ${answer.steps} steps`
}

function findingsOf({ name, metric, measure }: Task, [own, theirs]: readonly [GlueAnswer[], GlueAnswer[]]): Finding[] {
  const [ownMetric, theirMetric] = [median(own.map(measure)), median(theirs.map(measure))]
  const ratio = (seconds: (answer: GlueAnswer) => number) => median(theirs.map(seconds)) / median(own.map(seconds))
  return [
    { name: `${name}: espalier ${metric}`, value: ownMetric, unit: '%' },
    { name: `${name}: peft ${metric}`, value: theirMetric, unit: '%' },
    {
      name: `${name}: how far apart`,
      value: Math.abs(ownMetric - theirMetric),
      unit: '%',
      target: { atMost: MOST_APART },
    },
    {
      name: `${name}: espalier, from load to predictions`,
      value: median(own.map(({ seconds }) => seconds)),
      unit: 's',
    },
    { name: `${name}: peft, from load to predictions`, value: median(theirs.map(({ seconds }) => seconds)), unit: 's' },
    { name: `${name}: speed against peft`, value: ratio(({ seconds }) => seconds), unit: 'x', target: { atLeast: 1 } },
    { name: `${name}: the same, in time of processors`, value: ratio(({ cpuSeconds }) => cpuSeconds), unit: 'x' },
    { name: `${name}: the same, training alone`, value: ratio((answer) => answer.trainingSeconds), unit: 'x' },
  ]
}

async function writeRows({ data }: Setup, task: Task, folder: string): Promise<{ train: string; dev: string }> {
  const files = { train: join(folder, `${task.name}-train.jsonl`), dev: join(folder, `${task.name}-dev.jsonl`) }
  for (const [split, file] of Object.entries(files)) {
    const lines = (await readFile(join(data, 'glue', task.name, `${split}.tsv`), 'utf8')).split(/\r?\n/)
    const rows = lines.slice(task.hasHeader ? 1 : 0).filter((line) => line !== '')
    const kept = split === 'train' ? rows.slice(0, task.rows) : rows
    await writeFile(file, kept.map((line) => `${JSON.stringify(task.parse(line))}\n`).join(''))
  }
  return files
}

function pythonScript(): string {
  return fileURLToPath(new URL('../peers/glue.py', import.meta.url))
}

function accuracy({ predicted, labels }: GlueAnswer): number {
  return (100 * labels.filter((label, i) => label === predicted[i]).length) / labels.length
}

/** Matthews' correlation of two labels, 0 where one side is all of one label. Source: doi:10.1016/0005-2795(75)90109-9. */
function matthews({ predicted, labels }: GlueAnswer): number {
  const count = (guess: number, truth: number) => labels.filter((x, i) => x === truth && predicted[i] === guess).length
  const [tp, tn, fp, fn] = [count(1, 1), count(0, 0), count(1, 0), count(0, 1)]
  const spread = Math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
  return spread === 0 ? 0 : (100 * (tp * tn - fp * fn)) / spread
}
