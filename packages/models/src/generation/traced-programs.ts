/** Programs of generation, traced once per model and size: tracing a deep model takes longer than a token. */
import type { CausalLM, Program } from '@espalier/core'
import { decodeProgram, type ProgramSizes, prefillProgram } from './programs.js'

// Trees are immutable, so a tree's programs never change; they go when the tree goes.
const traced = new WeakMap<CausalLM, Map<string, Program>>()

/** `prefillProgram`, the same object for the same arguments. */
export function tracedPrefill(model: CausalLM, length: number, uneven: boolean, sizes: ProgramSizes): Program {
  const key = `prefill ${length} ${uneven} ${sizesText(sizes)}`
  return once(model, key, () => prefillProgram(model, length, uneven, sizes))
}

/** `decodeProgram`, the same object for the same arguments. */
export function tracedDecode(model: CausalLM, sizes: ProgramSizes): Program {
  return once(model, `decode ${sizesText(sizes)}`, () => decodeProgram(model, sizes))
}

function once(model: CausalLM, key: string, trace: () => Program): Program {
  const programs = traced.get(model) ?? new Map<string, Program>()
  traced.set(model, programs)
  const program = programs.get(key) ?? trace()
  programs.set(key, program)
  return program
}

function sizesText({ batch, slots, output }: ProgramSizes): string {
  return `${batch} ${slots} ${output}`
}
