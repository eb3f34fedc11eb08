/** Children whose places have names that are data: files call the same part `model` or `transformer`, `norm` or `ln_f`. */
import { Module, type Tensor } from '@espalier/core'

/** A part's role -> the path of its field, in the order of the fields. */
export type PartNames<Parts> = { readonly [Role in keyof Parts]: string }

/** A place on the way to a part. The module at the root runs what is below. */
class Branch extends Module {
  forward(x: Tensor): Tensor {
    return x
  }
}

type Fields = Record<string, unknown>

/** Gives a module its parts as fields, or as fields of branches where a name has dots. For constructors alone: trees do not change. */
export function setParts<Parts extends object>(module: Module, names: PartNames<Parts>, parts: Parts): void {
  for (const [role, path] of Object.entries<string>(names)) {
    const branches = path.split('.')
    const field = branches.pop() as string
    const place = branches.reduce<object>((node, name) => {
      const fields = node as Fields
      fields[name] ??= new Branch()
      return fields[name] as object
    }, module)
    Object.assign(place, { [field]: parts[role as keyof Parts] })
  }
}

/** The part at a path. */
export function partOf<Part = Module>(module: Module, path: string): Part {
  return path.split('.').reduce<unknown>((node, name) => (node as Fields)[name], module) as Part
}
