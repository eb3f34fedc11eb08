/** Children whose fields have names that are data: files call the same part `model` or `transformer`, `norm` or `ln_f`. */
import type { Module } from '@espalier/core'

/** A part's role -> the name of its field, in the order of the fields. */
export type PartNames<Parts> = { readonly [Role in keyof Parts]: string }

/** Gives a module its parts as fields. For constructors alone: trees do not change. */
export function setParts<Parts extends object>(module: Module, names: PartNames<Parts>, parts: Parts): void {
  for (const [role, name] of Object.entries(names))
    Object.assign(module, { [name as string]: parts[role as keyof Parts] })
}

/** The part in a field. */
export function partOf<Part = Module>(module: Module, name: string): Part {
  return (module as unknown as Readonly<Record<string, Part>>)[name] as Part
}
