/** Programs of generation, traced once per model and size: tracing a deep model takes longer than a token. */
import type { LanguageModel, Program, Seq2SeqLM } from '@espalier/core'
import { decodeProgram, encodeProgram, type ProgramSizes, prefillProgram } from './programs.js'

// Trees are immutable, so a tree's programs never change; they go when the tree goes.
const traced = new WeakMap<LanguageModel, Map<string, Program>>()

/** `prefillProgram`, the same object for the same arguments. */
export function tracedPrefill(model: LanguageModel, length: number, uneven: boolean, sizes: ProgramSizes): Program {
  const key = `prefill ${length} ${uneven} ${sizesText(sizes)}`
  return once(model, key, () => prefillProgram(model, length, uneven, sizes))
}

/** `encodeProgram`, the same object for the same arguments. */
export function tracedEncode(model: Seq2SeqLM, sizes: ProgramSizes): Program {
  return once(model, `encode ${sizesText(sizes)}`, () => encodeProgram(model, sizes))
}

/** `decodeProgram`, the same object for the same arguments. */
export function tracedDecode(model: LanguageModel, sizes: ProgramSizes): Program {
  return once(model, `decode ${sizesText(sizes)}`, () => decodeProgram(model, sizes))
}

function once(model: LanguageModel, key: string, trace: () => Program): Program {
  const programs = traced.get(model) ?? new Map<string, Program>()
  traced.set(model, programs)
  const program = programs.get(key) ?? trace()
  programs.set(key, program)
  return program
}

function sizesText({ batch, slots, encodedLength, output }: ProgramSizes): string {
  return `${batch} ${slots} ${encodedLength ?? ''} ${output}`
}
