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

  it('gives several prompts and several texts of each, in order', async () => {
    const words = ['generate', '--model', model.path, '--raw', '--max-new-tokens', '3']
    const alone = await Promise.all(['say', 'once upon a time'].map((prompt) => runCli([...words, '--prompt', prompt])))
    const both = await runCli([...words, '--prompt', 'say', '--prompt', 'once upon a time'])
    expect(both.stdout).toBe(alone.map(({ stdout }) => stdout).join(''))

    const search = [
      '--num-beams',
      '3',
      '--num-return-sequences',
      '2',
      '--length-penalty',
      '0',
      '--early-stopping',
      'never',
    ]
    const { stdout } = await runCli([...words, '--prompt', 'say', '--prompt', 'once', ...search, '--json'])
    const texts = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { prompt: number; score: number })
    expect(texts.map(({ prompt }) => prompt)).toEqual([0, 0, 1, 1])
    expect(texts[0]?.score).toBeGreaterThanOrEqual(texts[1]?.score as number)
    const split = await runCli([...words, '--prompt', 'say', 'it'])
    expect(split.code).toBe(2)
  })
})
