/** The sides of a benchmark, taken in turn within one run. */
import type { Peer } from './peer.js'
import type { Row } from './rows.js'
import type { Setup } from './setup.js'

/** Seconds of each side's steps, taken in turn; the first round, which compiles, is not counted. `seen` gets every answer. */
export async function interleave<A extends { readonly seconds: number }>(
  { rounds, progress }: Setup,
  sides: readonly Peer[],
  rowsOf: (round: number) => readonly Row[],
  seen: (side: number, answer: A) => void = () => {},
): Promise<number[][]> {
  const seconds = sides.map(() => [] as number[])
  for (let round = 0; round <= rounds; round++) {
    const taken: string[] = []
    for (const [i, side] of sides.entries()) {
      const answer = await side.ask<A>({ do: 'step', rows: rowsOf(round) })
      taken.push(`${side.name} ${answer.seconds.toFixed(2)} s`)
      seen(i, answer)
      if (round > 0) (seconds[i] as number[]).push(answer.seconds)
    }
    progress(roundLine(round, rounds, taken))
  }
  return seconds
}

/** What a round took, as a line. */
export function roundLine(round: number, rounds: number, taken: readonly string[]): string {
  return `${round === 0 ? 'warming up' : `round ${round} of ${rounds}`}: ${taken.join(', ')}`
}
