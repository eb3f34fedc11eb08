import { describe, expect, it } from 'vitest'
import { Shared, sharedIn } from './shared-work.js'

/** Something that is made when the test says so, and what happened to it. */
function gated(keep = false) {
  const log: string[] = []
  let finish: (value: string) => void = () => {}
  let fail: (reason: unknown) => void = () => {}
  const shared = new Shared<string>({
    make: (signal) => {
      signal.addEventListener('abort', () => log.push('aborted'))
      return new Promise<string>((resolve, reject) => {
        finish = resolve
        fail = reject
      })
    },
    release: (value) => log.push(`released ${value}`),
    forget: () => log.push('forgotten'),
    keep,
  })
  return { shared, log, finish: (value: string) => finish(value), fail: (reason: unknown) => fail(reason) }
}

const settled = () => new Promise((resolve) => setTimeout(resolve))

describe('Shared', () => {
  it('lets one caller abort without the others, and goes on for them', async () => {
    const { shared, log, finish } = gated()
    const abort = new AbortController()
    const [first, second] = [shared.hold(abort.signal), shared.hold()]
    abort.abort('mine only')
    await expect(first.value).rejects.toBe('mine only')
    expect(log).toEqual([])
    finish('it')
    expect(await second.value).toBe('it')
    second.release()
    expect(log).toEqual(['forgotten', 'released it'])
  })

  it('stops the work when the last one who waits leaves, and gives back what comes of it all the same', async () => {
    const { shared, log, finish } = gated(true)
    const abort = new AbortController()
    const [first, second] = [shared.hold(abort.signal), shared.hold(abort.signal)]
    abort.abort('enough')
    await Promise.allSettled([first.value, second.value])
    expect(log).toEqual(['forgotten', 'aborted'])
    finish('late')
    await settled()
    expect(log).toEqual(['forgotten', 'aborted', 'released late'])
  })

  it('gives the value back when the last user leaves; leaving twice counts once', async () => {
    const { shared, log, finish } = gated()
    const [first, second] = [shared.hold(), shared.hold()]
    finish('it')
    await first.value
    first.release()
    first.release()
    expect(log).toEqual([])
    second.release()
    second.release()
    expect(log).toEqual(['forgotten', 'released it'])
  })

  it('keeps what is to be kept until it is dropped and the last user has left', async () => {
    const { shared, log, finish } = gated(true)
    finish('it')
    expect(await shared.wait()).toBe('it')
    const user = shared.hold()
    shared.drop()
    expect(log).toEqual([])
    user.release()
    shared.drop()
    expect(log).toEqual(['forgotten', 'released it'])
  })

  it('dropped while it is made, serves those who wait and goes with them', async () => {
    const { shared, log, finish } = gated(true)
    const user = shared.hold()
    shared.drop()
    finish('it')
    expect(await user.value).toBe('it')
    expect(log).toEqual([])
    user.release()
    expect(log).toEqual(['forgotten', 'released it'])
  })

  it('is ended for those who hold it too, once', async () => {
    const { shared, log, finish } = gated(true)
    const users = [shared.hold(), shared.hold()]
    finish('it')
    expect(await users[0]?.value).toBe('it')
    expect(shared.hasEnded).toBe(false)
    shared.end()
    expect(shared.hasEnded).toBe(true)
    shared.end()
    for (const { release } of users) release()
    expect(log).toEqual(['forgotten', 'released it'])
  })

  it('ended while it is made, is given back when it comes', async () => {
    const { shared, log, finish } = gated()
    const user = shared.hold()
    shared.end()
    expect(log).toEqual(['forgotten', 'aborted'])
    finish('late')
    expect(await user.value).toBe('late')
    user.release()
    expect(log).toEqual(['forgotten', 'aborted', 'released late'])
  })

  it('a signal that is aborted after the value came changes nothing', async () => {
    const { shared, log, finish } = gated()
    const abort = new AbortController()
    const user = shared.hold(abort.signal)
    finish('it')
    await user.value
    abort.abort('late')
    await settled()
    expect(log).toEqual([])
  })

  it('tells everybody of a failure, and is forgotten', async () => {
    const { shared, log, fail } = gated(true)
    const users = [shared.hold(), shared.hold(new AbortController().signal)]
    fail(new Error('broken'))
    for (const { value } of users) await expect(value).rejects.toThrow('broken')
    for (const { release } of users) release()
    shared.drop()
    expect(log).toEqual(['forgotten'])
  })
})

describe('sharedIn', () => {
  it('makes an entry once, and again after a failure; an old entry does not take a new one out', async () => {
    const map = new Map<string, Shared<number>>()
    let tries = 0
    const get = () =>
      sharedIn(map, 'x', () => ({
        keep: true,
        make: async () => {
          if (++tries === 1) throw new Error('first')
          return tries
        },
      }))
    await expect(Promise.all([get().wait(), get().wait()])).rejects.toThrow('first')
    expect(await get().wait()).toBe(2)
    expect(await get().wait()).toBe(2)
    const old = get()
    const user = old.hold()
    map.delete('x')
    old.drop()
    expect(await get().wait()).toBe(3)
    user.release()
    expect(await get().wait()).toBe(3)
  })
})
