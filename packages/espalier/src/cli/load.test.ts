import { expect, it } from 'vitest'
import { temporaryFolder } from '../tiny-model.fake.js'
import { loadToWrite } from './load.js'
import { Progress } from './terminal.js'
import { Values } from './values.js'

it('takes a folder as it is, whatever revision a file for the hub names', async () => {
  const folder = await temporaryFolder({ model: true })
  const given = { model: folder.path, 'model-revision': 'main' }
  try {
    const values = new Values(new Map(Object.entries(given)), [], [])
    await using model = await loadToWrite(values, new Progress(true), undefined, { computes: false })
    expect(model.loaded.files.path).toBe(folder.path)
  } finally {
    folder.remove()
  }
})
