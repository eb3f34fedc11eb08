/** The TypeScript of a documentation page, block by block. */

/** Blocks by name: the constant that a block exports, or `example<n>`. */
export function codeBlocks(page: string): Map<string, string> {
  const blocks = new Map<string, string>()
  for (const [, text = ''] of page.matchAll(/```ts\n(.*?)```/gs))
    blocks.set(/export const (\w+)/.exec(text)?.[1] ?? `example${blocks.size}`, text)
  return blocks
}
