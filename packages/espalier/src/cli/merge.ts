/** `espalier merge`: an ordinary model folder with the adapter merged in. */
import {
  byteSize,
  EspalierError,
  isFloat,
  namedParameters,
  type ParameterSource,
  packedParameters,
  readSource,
} from '@espalier/core'
import type { SavedDType } from '@espalier/serialization'
import type { PeftModel } from '../model/peft-model.js'
import { earlierRun, isRun } from '../run-folder/earlier-run.js'
import { checkOutputPlace } from '../run-folder/output-place.js'
import { abandonUnfinished, publish, startUnfinished } from '../run-folder/publication.js'
import { lockFolder } from '../run-folder/run-lock.js'
import { baseName, loadWithHead } from './load.js'
import { bytes, Progress, result } from './terminal.js'
import type { Values } from './values.js'

/** Runs the command; its exit code. */
export async function merge(values: Values): Promise<number> {
  const adapter = values.needed('adapter')
  const outputDir = values.needed('output-dir')
  await checkOutputPlace(outputDir, { adapter, replacesAdapter: false })
  await checkOutputPlace(outputDir, { base: await baseName(values) })
  const lock = await lockFolder(outputDir)
  try {
    await checkFolder(outputDir, values.flag('overwrite-output-dir') === true)
    return await mergeInto(outputDir, values)
  } finally {
    await lock.release()
  }
}

async function mergeInto(outputDir: string, values: Values): Promise<number> {
  const name = values.text('dtype')
  const progress = new Progress(values.flag('quiet') === true)
  const model = (await loadWithHead(values, progress)) as PeftModel
  try {
    const loadWarnings = [...model.warnings] // said as it was loaded
    progress.update('merging')
    const merged = await model.mergeAndUnload({ safe: true })
    await requireFinite(merged.model)
    progress.update(`writing ${outputDir}`)
    await writeResult(outputDir, (unfinished) =>
      merged.savePretrained(unfinished, name === undefined ? {} : { dtype: dtypes[name] as SavedDType }),
    )
    const { changed, largest, size } = await change(model, merged.model)
    progress.clear()
    for (const warning of model.warnings) if (!loadWarnings.includes(warning)) progress.line(`warning: ${warning}`)
    if (changed === 0 || largest === 0) progress.line('warning: the adapter changes nothing: its update is zero')
    const most = largest === undefined ? '' : `, by at most ${largest.toExponential(2)}`
    result(`${changed} weights changed${most}; ${bytes(size)} in ${outputDir}`)
    return 0
  } finally {
    await model.close()
    progress.end()
  }
}

/** Puts what is written in the place of an earlier result. Where that fails, the folder is as it was, and no half of a model takes room. */
async function writeResult(outputDir: string, write: (unfinished: string) => Promise<void>): Promise<void> {
  const { files: replaced } = await earlierRun(outputDir)
  try {
    await write(await startUnfinished(outputDir))
    await publish(outputDir, replaced)
  } catch (error) {
    await abandonUnfinished(outputDir).catch(() => {}) // the failure itself is what counts
    throw error
  }
}

const dtypes: Readonly<Record<string, SavedDType>> = { float32: 'f32', float16: 'f16', bfloat16: 'bf16' }

/** Throws config.value when the folder holds a model or a run that nobody asked to write over. */
async function checkFolder(outputDir: string, overwrite: boolean): Promise<void> {
  const earlier = await earlierRun(outputDir)
  if (overwrite || !isRun(earlier)) return
  const { results, checkpoints } = earlier
  throw new EspalierError('config.value', {
    what: 'the output folder holds a model or a run already',
    got: { output_dir: outputDir, holds: [...results, ...checkpoints] },
    fix: 'Choose another --output-dir, or give --overwrite-output-dir.',
  })
}

// What the adapter changed is checked as it is merged; a base may have been broken before.
async function requireFinite(model: PeftModel['model']): Promise<void> {
  const broken: string[] = []
  for (const [path, { source }] of namedParameters(model)) {
    if (!isFloat(source.dtype)) continue
    const { data } = await readSource(source)
    if ((data as Float32Array).some((value) => !Number.isFinite(value))) broken.push(path)
  }
  if (broken.length === 0) return
  throw new EspalierError('merge.finite', {
    what: 'the model holds weights that are not finite numbers',
    got: { weights: broken },
    fix: 'Load another base',
  })
}

/** What differs from the base; how far, of floats alone: what codes of packed weights lost is a warning of the model's. */
async function change(
  model: PeftModel,
  merged: PeftModel['model'],
): Promise<{ changed: number; largest: number | undefined; size: number }> {
  const before = namedParameters(model.base.model)
  const packed = packedParameters(merged)
  let [changed, size] = [0, 0]
  let largest: number | undefined
  for (const [path, parameter] of namedParameters(merged)) {
    size += parameter.shape.reduce((a, b) => a * b, byteSize(packed.has(parameter) ? parameter.dtype : 'f32'))
    const old = before.get(path)
    if (old === undefined || old.source === parameter.source) continue
    if (packed.has(parameter)) {
      if (path.endsWith('.weight') && (await bytesDiffer(old.source, parameter.source))) changed++
      continue
    }
    changed++
    const [a, b] = [await readSource(old.source), await readSource(parameter.source)]
    let most = largest ?? 0
    for (let i = 0; i < a.data.length; i++)
      most = Math.max(most, Math.abs((a.data[i] as number) - (b.data[i] as number)))
    largest = most
  }
  return { changed, largest, size }
}

async function bytesDiffer(before: ParameterSource, after: ParameterSource): Promise<boolean> {
  const [a, b] = [await before.read(), await after.read()]
  return a.length !== b.length || a.some((byte, i) => byte !== b[i])
}
