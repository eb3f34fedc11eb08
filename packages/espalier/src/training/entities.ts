/** Entities of labelled words and their scores, as seqeval counts them by default: labels are B-, I-, E-, S-kinds or O, and a part that fits nowhere begins an entity. */

/** A kind of entity and the words that it spans, last one included. */
export interface Entity {
  readonly kind: string
  readonly first: number
  readonly last: number
}

/** The entities of a row of labels. */
export function entitiesOf(labels: readonly string[]): Entity[] {
  const found: Entity[] = []
  let [openTag, openKind, first] = ['O', '', 0]
  for (const [i, label] of [...labels, 'O'].entries()) {
    const [tag, kind] = split(label)
    if (ends(openTag, tag, openKind, kind)) found.push({ kind: openKind, first, last: i - 1 })
    if (starts(openTag, tag, openKind, kind)) first = i
    ;[openTag, openKind] = [tag, kind]
  }
  return found
}

/** Precision, recall and F1 over all entities, from 0 to 1; 0 where there are none. */
export function entityScores(
  got: readonly (readonly string[])[],
  want: readonly (readonly string[])[],
): { readonly precision: number; readonly recall: number; readonly f1: number } {
  const keys = (rows: readonly (readonly string[])[]) =>
    new Set(
      rows.flatMap((labels, row) =>
        entitiesOf(labels).map(({ kind, first, last }) => `${row} ${kind} ${first} ${last}`),
      ),
    )
  const [predicted, real] = [keys(got), keys(want)]
  const right = [...predicted].filter((key) => real.has(key)).length
  const share = (of: number) => (of === 0 ? 0 : right / of)
  const all = predicted.size + real.size
  return { precision: share(predicted.size), recall: share(real.size), f1: all === 0 ? 0 : (2 * right) / all }
}

// The first letter is the tag; the kind is what stands behind a dash, or all behind the tag of a label without one.
function split(label: string): readonly [tag: string, kind: string] {
  const rest = label.slice(1)
  return [label[0] ?? 'O', rest.slice(rest.indexOf('-') + 1) || '_']
}

const ENDS = /^(?:[ES].|[BI][BSO])$/
const STARTS = /^(?:.[BS]|[ESO][EI])$/

function ends(before: string, tag: string, kindBefore: string, kind: string): boolean {
  return ENDS.test(before + tag) || (!/[O.]/.test(before) && kindBefore !== kind)
}

function starts(before: string, tag: string, kindBefore: string, kind: string): boolean {
  return STARTS.test(before + tag) || (!/[O.]/.test(tag) && kindBefore !== kind)
}
