/** `espalier merge`: an ordinary model folder with the adapter merged in. */
import { namedParameters, readSource } from '@espalier/core'
import type { PeftModel } from '../model/peft-model.js'
import { loadWithAdapter } from './load.js'
import { bytes, Progress, result } from './terminal.js'
import type { Values } from './values.js'

/** Runs the command; its exit code. */
export async function merge(values: Values): Promise<number> {
  values.needed('adapter')
  const outputDir = values.needed('output-dir')
  const progress = new Progress(values.flag('quiet') === true)
  const model = (await loadWithAdapter(values, progress)) as PeftModel
  try {
    progress.update('merging')
    const merged = await model.mergeAndUnload({ safe: true })
    progress.update(`writing ${outputDir}`)
    await merged.savePretrained(outputDir)
    const { changed, largest, size } = await change(model, merged.model)
    progress.clear()
    if (largest === 0) progress.line('warning: the adapter changes nothing: its update is zero')
    result(`${changed} weights changed, by at most ${largest.toExponential(2)}; ${bytes(size)} in ${outputDir}`)
    return 0
  } finally {
    await model.close()
    progress.end()
  }
}

async function change(
  model: PeftModel,
  merged: PeftModel['model'],
): Promise<{ changed: number; largest: number; size: number }> {
  const before = namedParameters(model.base.model)
  let [changed, largest, size] = [0, 0, 0]
  for (const [path, parameter] of namedParameters(merged)) {
    size += parameter.shape.reduce((a, b) => a * b, 4)
    const old = before.get(path)
    if (old === undefined || old.source === parameter.source) continue
    changed++
    const [a, b] = [await readSource(old.source), await readSource(parameter.source)]
    for (let i = 0; i < a.data.length; i++)
      largest = Math.max(largest, Math.abs((a.data[i] as number) - (b.data[i] as number)))
  }
  return { changed, largest, size }
}
