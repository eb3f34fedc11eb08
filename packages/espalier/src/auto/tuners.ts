/**
 * The tuners that the umbrella package knows, in one table: adapters are loaded by it, and the command line offers and makes what stands
 * in it. Each is imported when it is asked for; those in packages of their own may not be installed.
 */
import { EspalierError, type Tuner } from '@espalier/core'

/** Known tuners by kind: their `peft_type` in lower case, and their name for `--peft-type`. They throw plugin.unknown when not installed. */
export const tunersByKind = {
  lora: async () => (await import('@espalier/lora')).lora,
  ia3: async () => present('ia3', (await import('@espalier/tuner-ia3').catch(missing('ia3'))).ia3),
  loha: async () => present('loha', (await import('@espalier/tuner-loha').catch(missing('loha'))).loha),
  adalora: async () => present('adalora', (await import('@espalier/tuner-adalora').catch(missing('adalora'))).adalora),
  vera: async () => present('vera', (await import('@espalier/tuner-vera').catch(missing('vera'))).vera),
} satisfies Readonly<Record<string, () => Promise<Tuner>>>

/** The kind of a new adapter when none is named. */
export const DEFAULT_KIND: keyof typeof tunersByKind = 'lora'

/** All known tuners that are installed. */
export async function knownTuners(): Promise<readonly Tuner[]> {
  const found = await Promise.all(
    Object.values(tunersByKind).map(async (load): Promise<readonly Tuner[]> => {
      try {
        return [await load()]
      } catch (error) {
        if (isUnknown(error)) return []
        throw error
      }
    }),
  )
  return found.flat()
}

/** Does something with the given tuners and the known ones. Where it needs one that is known but not installed, the error says how to install it. */
export async function withKnownTuners<T>(
  given: readonly Tuner[],
  use: (tuners: readonly Tuner[]) => Promise<T>,
): Promise<T> {
  try {
    return await use([...given, ...(await knownTuners())])
  } catch (error) {
    const kind = isUnknown(error) ? String(error.details.peft_type).toLowerCase() : ''
    if (isKnown(kind)) await tunersByKind[kind]()
    throw error
  }
}

// Stands where the import is written out: a bundler does not see a name that is put together, and leaves an import that may fail alone.
function missing(kind: string): (cause: unknown) => never {
  return (cause) => {
    throw unlessInstalled(kind, cause)
  }
}

/** A tuner that its package gave; throws plugin.unknown for none: webpack can be told to put an empty module in the place of a package. */
export function present<T>(kind: string, tuner: T | undefined): T {
  if (tuner === undefined) throw notInstalled(kind)
  return tuner
}

/** What the failed import of a tuner's package means: plugin.unknown when it is not there, else the failure itself. */
export function unlessInstalled(kind: string, cause: unknown): unknown {
  const name = `@espalier/tuner-${kind}`
  const { code, message } = cause as { readonly code?: unknown; readonly message?: unknown }
  const isResolving = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND' || VITE_STUB.test(String(message))
  const isMissing = isResolving && String(message).includes(name)
  return isMissing ? notInstalled(kind, cause) : cause
}

function notInstalled(kind: string, cause?: unknown): EspalierError {
  const name = `@espalier/tuner-${kind}`
  return new EspalierError('plugin.unknown', {
    what: `${kind.toUpperCase()} comes in a package of its own, which is not installed`,
    got: { method: kind.toUpperCase(), package: name },
    fix: `Run npm install ${name}`,
    cause,
  })
}

// What Vite puts in the place of an optional package that is not there; it has no code.
const VITE_STUB = /^Could not resolve "/

function isKnown(kind: string): kind is keyof typeof tunersByKind {
  return Object.hasOwn(tunersByKind, kind)
}

function isUnknown(error: unknown): error is EspalierError {
  return EspalierError.isInstance(error) && error.code === 'plugin.unknown'
}
