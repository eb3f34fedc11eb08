/** What `espalier generate` says beside the text. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder } from '../tiny-model.fake.js'
import { runCli } from './run-cli.fake.js'

let model: { readonly path: string; remove(): void }
beforeAll(async () => {
  model = await temporaryFolder({ model: true })
})
afterAll(() => model.remove())

describe('espalier generate', { timeout: 60_000 }, () => {
  it('counts tokens and says why it ended, as JSON', async () => {
    const words = ['generate', '--model', model.path, '--raw', '--prompt', 'say', '--max-new-tokens', '3']
    const { stdout, stderr } = await runCli([...words, '--json', '--temperature', '0.5', '--top-k', '3'])
    const answer = JSON.parse(stdout) as Record<string, unknown>
    expect(Object.keys(answer)).toEqual(['text', 'prompt_tokens', 'generated_tokens', 'reason'])
    expect(answer).toMatchObject({ generated_tokens: 3, reason: 'length' })
    expect(answer.prompt_tokens).toBeGreaterThan(0)
    expect(stderr).toContain('note: without --do-sample, --temperature, --top-k changes nothing')
    const streamed = await runCli([...words, '--do-sample', '--temperature', '0.001', '--seed', '1'])
    expect(streamed.stdout).toBe(`${answer.text}\n`)
    expect(streamed.stderr).not.toContain('note:')
  })
})
