import { blobFiles } from '@espalier/serialization'
import { expect, it } from 'vitest'
import { settle } from './browser.js'

const record = new Blob(['{"removes":[]}'])

it('tells of files of two results, which it cannot move, and asks nothing of the hub', async () => {
  const files = new Map([['.publication.json', record]])
  await expect(settle(files)).rejects.toMatchObject({ code: 'run.unsettled' })
  await settle(new Map([['adapter_config.json', record]]))
  await settle('owner/name')
  await settle({ ...blobFiles(files), hub: { repository: 'owner/name', commit: 'a' } })
})
