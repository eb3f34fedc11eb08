/** What a file of JSON holds, whatever its name says: rows on lines of their own, or one value. datasets tells by content too. */
import { EspalierError } from '@espalier/core'
import type { DataFile } from './data-file.js'
import { readRecords } from './records.js'

const PART = 64 // bytes that are read at a time to find the first one that is not blank

/** Whether every row has a line. isNamedSo: whether the file's name says it, which counts where both could be. Throws data.file for a file of another kind. */
export async function holdsRowsOnLines(file: DataFile, isNamedSo: boolean): Promise<boolean> {
  const isList = (await firstCharacter(file)) === '['
  if (isNamedSo || isList) return !isList
  try {
    let lines = 0
    for await (const { bytes: line } of readRecords(file, false)) {
      if (lines === 0 && !isJson(line)) return false
      if (++lines > 1) return true
    }
  } catch (error) {
    // One value on a line that is too long for a row.
    if (!EspalierError.isInstance(error) || error.code !== 'data.file') throw error
  }
  return false
}

async function firstCharacter(file: DataFile): Promise<string | undefined> {
  const byteLength = await file.byteLength()
  for (let start = 0; start < byteLength; start += PART) {
    const bytes = await file.read(start, Math.min(start + PART, byteLength))
    // A byte-order mark counts as blank.
    const [first] = new TextDecoder('latin1')
      .decode(bytes)
      .replace(/^\u00ef\u00bb\u00bf/, '')
      .trimStart()
    if (first !== undefined) return first
  }
  return undefined
}

function isJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(new TextDecoder().decode(bytes))
    return true
  } catch {
    return false
  }
}
