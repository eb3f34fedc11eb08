/** Seeded changes of a checkpoint's files, as broken disks, careless hands and strangers make them: for tests. */
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Drawing, drawing } from '../drawing.fake.js'

/** Folders that a mutation may take something from. */
export interface MutationSources {
  /** The checkpoint that changes. */
  readonly checkpoint: string
  /** Others: an older one of its run, one of another run. */
  readonly others: readonly string[]
}

/** Changes one file of a checkpoint, the same way for the same seed; how, in words. kind: bytes and names, or what a JSON file says. */
export function mutate(sources: MutationSources, seed: number, kind: 'files' | 'values'): string {
  const { checkpoint } = sources
  const draw = drawing(seed)
  const files = readdirSync(checkpoint).sort()
  return kind === 'values'
    ? mutateValues(join(checkpoint, draw.of(['checkpoint.json', 'trainer_state.json'])), draw)
    : draw.of(ofFiles)(sources, draw.of(files), draw)
}

type FileMutation = (sources: MutationSources, name: string, draw: Drawing) => string

const bytesOf = (change: (bytes: Buffer, draw: Drawing) => readonly [Uint8Array, string]): FileMutation => {
  return ({ checkpoint }, name, draw) => {
    const path = join(checkpoint, name)
    const [bytes, text] = change(readFileSync(path), draw)
    writeFileSync(path, bytes)
    return `${name}: ${text}`
  }
}

const replaced = (
  text: string,
  replace: (path: string, sources: MutationSources, draw: Drawing) => void,
): FileMutation => {
  return (sources, name, draw) => {
    const path = join(sources.checkpoint, name)
    rmSync(path)
    replace(path, sources, draw)
    return `${name}: ${text}`
  }
}

const nameOf = (path: string) => path.slice(path.lastIndexOf('/') + 1)

const ofFiles: readonly FileMutation[] = [
  bytesOf((bytes, draw) => {
    const length = draw.below(bytes.length)
    return [bytes.subarray(0, length), `cut to ${length} bytes`]
  }),
  ...Array.from({ length: 3 }, () =>
    bytesOf((bytes, draw) => {
      const [at, bit] = [draw.below(bytes.length), draw.below(8)]
      bytes[at] = (bytes[at] as number) ^ (1 << bit)
      return [bytes, `bit ${bit} of byte ${at}`]
    }),
  ),
  bytesOf((bytes, draw) => {
    const start = draw.below(bytes.length)
    const end = Math.min(bytes.length, start + 1 + draw.below(512))
    return [bytes.fill(draw.below(256), start, end), `equal bytes from ${start} to ${end}`]
  }),
  bytesOf((bytes, draw) => {
    const more = Buffer.alloc(1 + draw.below(64), draw.below(256))
    return [Buffer.concat([bytes, more]), `${more.length} bytes more`]
  }),
  bytesOf((bytes, draw) => {
    const start = draw.below(bytes.length)
    return [Buffer.concat([bytes.subarray(start), bytes.subarray(0, start)]), `turned by ${start}`]
  }),
  replaced('gone', () => {}),
  replaced('a folder', (path) => mkdirSync(path)),
  replaced('a link to nowhere', (path) => symlinkSync('nowhere', path)),
  replaced('a link to another one', (path, { others }, draw) => symlinkSync(join(draw.of(others), nameOf(path)), path)),
  replaced('that of another checkpoint', (path, { others }, draw) => cpSync(join(draw.of(others), nameOf(path)), path)),
  ({ checkpoint }, name, draw) => {
    const other = draw.of(readdirSync(checkpoint).sort())
    renameSync(join(checkpoint, name), join(checkpoint, 'aside'))
    if (other !== name) renameSync(join(checkpoint, other), join(checkpoint, name))
    renameSync(join(checkpoint, 'aside'), join(checkpoint, other))
    return `${name} and ${other} change places`
  },
  ({ checkpoint, others }, _, draw) => {
    const other = draw.of(others)
    rmSync(checkpoint, { recursive: true })
    cpSync(other, checkpoint, { recursive: true })
    return `all of ${other}`
  },
]

/** Values that JSON may hold where another one was; HUGE stands for a number that overflows. */
const HUGE = '<huge>'
const STRANGE: readonly unknown[] = [
  ...[null, true, false, '', 'x', [], {}, [null], { '': 0 }, [[]], 0, -1, 0.5, 1e308, -1e308, 2 ** 53, HUGE],
  ...['../../../etc/passwd', '/etc/passwd', '../checkpoint-1/training_state.safetensors', 'a\0b', '\\\\a\\b', 'C:\\a'],
  ...['__proto__', 'constructor', 'NaN', 'Infinity', '9'.repeat(400), '\ud800'],
]

type Values = Record<string, unknown>

/** Writes a JSON file anew with one place changed. */
function mutateValues(path: string, draw: Drawing): string {
  const root = { root: JSON.parse(readFileSync(path, 'utf8')) as unknown }
  const places = placesIn(root)
  const [holder, key, name] = draw.of(places)
  const value = holder[key]
  const change = draw.below(6)
  let text: string
  if (change === 0 && holder !== root) {
    delete holder[key]
    if (Array.isArray(holder)) holder.length = Object.keys(holder).length
    text = 'gone'
  } else if (change === 1 && !Array.isArray(holder) && holder !== root) {
    const other = String(draw.of(STRANGE))
    delete holder[key]
    Object.defineProperty(holder, other, { value, enumerable: true, configurable: true })
    text = `under the name ${other.slice(0, 20)}`
  } else if (change === 2 && typeof value === 'number') {
    holder[key] = value + draw.of([1, -1, 1e-9, 1e6])
    text = `${value} -> ${holder[key]}`
  } else if (change === 3 && typeof value === 'string' && value !== '') {
    const at = draw.below(value.length)
    holder[key] = `${value.slice(0, at)}${value[at] === '0' ? '1' : '0'}${value.slice(at + 1)}`
    text = 'a character'
  } else if (change === 4) {
    const [other, otherKey] = draw.of(places)
    holder[key] = structuredClone(other[otherKey])
    text = `what is at ${otherKey}`
  } else {
    holder[key] = draw.of(STRANGE)
    text = `${JSON.stringify(holder[key])}`.slice(0, 40)
  }
  writeFileSync(path, JSON.stringify(root.root ?? null).replaceAll(`"${HUGE}"`, '1e999'))
  return `${nameOf(path)} ${name}: ${text}`
}

/** Every place of a JSON value: its holder, the key there, and its name. */
function placesIn(root: Values): (readonly [holder: Values, key: string, name: string])[] {
  const places: (readonly [Values, string, string])[] = []
  const visit = (holder: Values, prefix: string) => {
    for (const key of Object.keys(holder)) {
      places.push([holder, key, `${prefix}${key}`])
      const value = holder[key]
      if (typeof value === 'object' && value !== null) visit(value as Values, `${prefix}${key}.`)
    }
  }
  visit(root, '')
  return places
}
