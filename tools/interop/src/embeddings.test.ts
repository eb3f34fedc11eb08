/** Vectors of texts that `espalier predict` writes for MiniLM, against the last hidden states of transformers, pooled. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { runCli } from 'espalier/cli/run-cli.fake.js'
import { printed, writeRows } from 'espalier/cli/tiny-heads.fake.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const { ESPALIER_PYTHON: python, ESPALIER_MODELS: models } = process.env
const isPossible = python !== undefined && models !== undefined
if (!isPossible)
  console.log('ESPALIER_PYTHON or ESPALIER_MODELS is not set: embeddings were not compared with transformers')

const VECTORS = 1e-4 // float32 on both sides, sums in another order
const PATIENCE_MS = 10 * 60_000 // importing PyTorch on a busy machine takes long
const TEXTS = ['A cat sat on the mat.', 'Rain', 'The quick brown fox jumps over the lazy dog, and the dog sleeps on.']

describe.runIf(isPossible)('espalier predict on MiniLM (needs ESPALIER_PYTHON and ESPALIER_MODELS)', () => {
  const model = join(models ?? '', 'minilm-l6')
  let work = ''
  let theirs: Readonly<Record<string, readonly (readonly number[])[]>> = {}

  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), 'espalier-embeddings-'))
    writeRows(
      join(work, 'texts.jsonl'),
      TEXTS.map((text) => ({ text })),
    )
    await writeFile(join(work, 'plan.json'), JSON.stringify({ model, texts: TEXTS }))
    const script = fileURLToPath(new URL('./embeddings_side.py', import.meta.url))
    theirs = JSON.parse((await promisify(execFile)(python ?? '', [script, join(work, 'plan.json')])).stdout)
  }, PATIENCE_MS)

  afterAll(async () => {
    if (work !== '') await rm(work, { recursive: true, force: true })
  })

  it.each(['mean', 'cls', 'last'])(
    'gives the vectors of transformers, pooled by %s',
    async (pooling) => {
      const file = join(work, `${pooling}.jsonl`)
      const rows = ['--data', join(work, 'texts.jsonl'), '--output', file]
      const { code, stderr } = await runCli(['predict', '--model', model, ...rows, '--pooling', pooling])
      expect([code, stderr]).toEqual([0, expect.stringContaining(`predictions: ${file}`)])
      const ours = printed(await readFile(file, 'utf8')).map(({ embedding }) => embedding as number[])
      expect(ours).toHaveLength(TEXTS.length)
      for (const [i, vector] of ours.entries())
        expect(Math.max(...vector.map((x, j) => Math.abs(x - (theirs[pooling]?.[i]?.[j] ?? Number.NaN))))).toBeLessThan(
          VECTORS,
        )
    },
    PATIENCE_MS,
  )
})
