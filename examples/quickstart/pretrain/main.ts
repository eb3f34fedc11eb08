/**
 * Makes the quickstart's base model from nothing but a Debian package: text, tokenizer, training of all parameters, model folder.
 * `npx tsx examples/quickstart/pretrain/main.ts [--output FOLDER] [--steps N] [--threads N]`
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Tokenizer } from '@espalier/data'
import { createCorpus, Words } from './corpus.js'
import { kingJamesVerses } from './debian-text.js'
import { modelCard } from './model-card.js'
import { pretrain, SIZES } from './pretrain.js'
import { trainTokenizer } from './train-tokenizer.js'

const { values } = parseArgs({
  options: { output: { type: 'string' }, steps: { type: 'string' }, threads: { type: 'string' } },
})
const output =
  values.output ?? fileURLToPath(new URL('../../../packages/espalier/assets/quickstart/base', import.meta.url))
const NAME_COUNT = 250 // rarer names count as frequent as this, so that most are one token
const began = performance.now()
const say = (text: string) => console.log(`${((performance.now() - began) / 1000).toFixed(1).padStart(7)} s  ${text}`)

const verses = await kingJamesVerses()
say(`${verses.length} verses`)
const texts = trainTokenizer(
  verses.map(({ text }) => `${text}\n`),
  {
    size: SIZES.vocab_size,
    maxLength: SIZES.max_position_embeddings,
    least: new Map(new Words(verses).names.map((name) => [` ${name}`, NAME_COUNT])),
  },
)
const tokenizer = Tokenizer.fromTexts(texts)
say(`tokenizer of ${tokenizer.vocabSize} tokens`)
await mkdir(output, { recursive: true })
for (const [name, text] of texts) await writeFile(join(output, name), text)

const corpus = createCorpus(verses, tokenizer, SIZES.seed)
const result = await pretrain({
  corpus,
  output,
  ...(values.steps === undefined ? {} : { steps: Number(values.steps) }),
  ...(values.threads === undefined ? {} : { threads: Number(values.threads) }),
  onStep: (text) => say(text),
})
await writeFile(join(output, 'README.md'), modelCard(result))
say(
  `${result.parameters} parameters, loss ${result.evalLoss.toFixed(3)} on verses it has not seen; written to ${output}`,
)
