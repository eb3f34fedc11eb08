/** From a command to its first finished step: our command line against the script that a PEFT user would write for the same. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Finding } from './finding.js'
import { median } from './peer.js'
import { bundled, commandLine, pythonEnvironment, type Setup } from './setup.js'
import { type Timing, timeCommand } from './timed-command.js'

const LENGTH = 512 // tokens of the row
const ROWS = 20 // of GSM8K, joined: more than enough tokens
const AGREEMENT = 0.1 // of two warm-up runs in a row
const MOST_WARM_UPS = 5

/** The first step at 1 x 512: medians of both sides, our very first run, and the parts of both. */
export async function startUp(setup: Setup): Promise<Finding[]> {
  const folder = await mkdtemp(join(tmpdir(), 'espalier-start-up-'))
  try {
    const data = join(folder, 'row.jsonl')
    await writeFile(data, `${JSON.stringify({ text: await longText(setup) })}\n`)
    let runs = 0
    const environment = { ESPALIER_CACHE: join(folder, 'cache') }
    const own = () =>
      timeCommand('espalier', process.execPath, ownWords(setup, data, join(folder, `run${runs++}`)), environment)
    const theirs = () => timeCommand('python', setup.python, pythonWords(setup, data), pythonEnvironment)
    setup.progress('start-up: the very first run')
    const first = await own()
    await warmUp(setup, 'espalier', own)
    await warmUp(setup, 'python', theirs)
    const times: { own: Timing; theirs: Timing }[] = []
    for (let round = 1; round <= setup.rounds; round++) {
      const pair = { own: await own(), theirs: await theirs() }
      times.push(pair)
      setup.progress(
        `start-up: round ${round} of ${setup.rounds}: espalier ${pair.own.firstStep.toFixed(2)} s, python ${pair.theirs.firstStep.toFixed(2)} s`,
      )
    }
    return [...totals(first, times), ...(await partsOf(setup, data, environment, times))]
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

// Runs that do not count, until the side's files are in the page cache: until two runs in a row agree.
async function warmUp(setup: Setup, side: string, run: () => Promise<Timing>): Promise<void> {
  let before = Number.NaN
  for (let round = 1; round <= MOST_WARM_UPS; round++) {
    const { firstStep } = await run()
    setup.progress(`start-up: warming up ${side}: ${firstStep.toFixed(2)} s`)
    if (Math.abs(firstStep - before) <= AGREEMENT * Math.min(firstStep, before)) return
    before = firstStep
  }
}

function totals(first: Timing, times: readonly { own: Timing; theirs: Timing }[]): Finding[] {
  const [own, theirs] = [
    median(times.map((pair) => pair.own.firstStep)),
    median(times.map((pair) => pair.theirs.firstStep)),
  ]
  const loss = (timing: Timing | undefined) => Number(timing?.step.loss)
  return [
    { name: 'espalier to the first step', value: own, unit: 's' },
    { name: 'python to the first step', value: theirs, unit: 's' },
    { name: 'start-up against python', value: own / theirs, unit: 'x', target: { atMost: 0.5 } },
    {
      name: 'fastest against python’s fastest',
      value:
        Math.min(...times.map((pair) => pair.own.firstStep)) / Math.min(...times.map((pair) => pair.theirs.firstStep)),
      unit: 'x',
      target: { atMost: 0.5 },
    },
    { name: 'the very first run, weights widened', value: first.firstStep, unit: 's' },
    { name: 'espalier to its end, adapter saved', value: median(times.map((pair) => pair.own.end)), unit: 's' },
    { name: 'python to its end', value: median(times.map((pair) => pair.theirs.end)), unit: 's' },
    // Both trained the same step.
    {
      name: 'difference of the losses',
      value: Math.abs(loss(times[0]?.own) - loss(times[0]?.theirs)),
      unit: '',
      target: { atMost: 1e-3 },
    },
  ]
}

/** The same steps through the library with a clock between them, and the Python script's own clock. */
async function partsOf(
  setup: Setup,
  data: string,
  environment: NodeJS.ProcessEnv,
  times: readonly { own: Timing; theirs: Timing }[],
): Promise<Finding[]> {
  const script = await bundled('start-up-parts')
  const words = [script, setup.model, data, String(LENGTH), String(setup.threads)]
  const own: Timing[] = []
  for (let round = 0; round < Math.min(setup.rounds, 3); round++)
    own.push(await timeCommand('espalier’s parts', process.execPath, words, environment))
  const ofSide = (side: string, timings: readonly Timing[]) =>
    Object.keys(partsIn(timings[0])).map((part) => ({
      name: `  ${side}: ${part}`,
      value: median(timings.map((timing) => partsIn(timing)[part] ?? Number.NaN)),
      unit: 's',
    }))
  return [
    ...ofSide('espalier', own),
    ...ofSide(
      'python',
      times.map((pair) => pair.theirs),
    ),
  ]
}

function partsIn(timing: Timing | undefined): Readonly<Record<string, number>> {
  return (timing?.step.parts ?? {}) as Record<string, number>
}

function ownWords({ model, threads }: Setup, data: string, outputDir: string): string[] {
  return [
    commandLine,
    'train',
    ...['--model', model, '--data', data, '--output-dir', outputDir],
    ...['--lora-r', '8', '--lora-target-modules', 'q_proj', 'v_proj'],
    ...['--max-length', String(LENGTH), '--per-device-train-batch-size', '1', '--max-steps', '1'],
    ...['--threads', String(threads), '--json'],
  ]
}

function pythonWords({ model, threads }: Setup, data: string): string[] {
  const script = fileURLToPath(new URL('../peers/start_up.py', import.meta.url))
  return [script, model, data, String(LENGTH), String(threads)]
}

async function longText({ data }: Setup): Promise<string> {
  const lines = (await readFile(join(data, 'gsm8k/train.jsonl'), 'utf8')).split('\n').slice(0, ROWS)
  return lines
    .map((line) => JSON.parse(line) as { question: string; answer: string })
    .map(({ question, answer }) => `${question}\n${answer}`)
    .join('\n\n')
}
