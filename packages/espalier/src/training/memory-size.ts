/** Amounts of memory as people write them: "4GB", "512 MiB", or bytes. */
import { EspalierError } from '@espalier/core'

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
  TIB: 2 ** 40,
}

/** Bytes of a size: whole bytes above 0, or a number with a unit, decimal (GB) or binary (GiB), in any case. Throws config.value. name: of the argument. */
export function memorySize(name: string, size: number | string): number {
  const [, digits = '', unit = ''] = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(String(size)) ?? []
  const bytes = Math.round(Number(digits) * (UNITS[unit.toUpperCase()] ?? Number.NaN))
  if (digits !== '' && Number.isSafeInteger(bytes) && bytes >= 1) return bytes
  throw new EspalierError('config.value', {
    what: `${name} is a number of bytes, or one with a unit`,
    got: { [name]: size },
    fix: 'Write it as 4GB, 512MB or 4GiB',
  })
}

/** Bytes as `memorySize` reads them, in the largest decimal unit, rounded up to a hundredth of it. */
export function writtenSize(bytes: number): string {
  const [unit, scale] =
    bytes >= 1e9 ? (['GB', 1e9] as const) : bytes >= 1e6 ? (['MB', 1e6] as const) : (['KB', 1e3] as const)
  return `${Math.ceil((100 * bytes) / scale) / 100}${unit}`
}
