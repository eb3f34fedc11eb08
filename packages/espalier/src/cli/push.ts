/** `espalier push`: uploads an adapter or a model folder to the hub. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { EspalierError } from '@espalier/core'
import { uploadFolder } from '@espalier/serialization'
import { settle } from '../platform/settle/node.js'
import { UNFINISHED } from '../run-folder/run-names.js'
import { UsageError } from './failure.js'
import { Progress, result } from './terminal.js'
import { defined, type Values } from './values.js'

const CONFIGS = ['adapter_config.json', 'config.json']

/** Runs the command; its exit code. */
export async function push(values: Values): Promise<number> {
  const [folder, repository] = values.positional
  if (folder === undefined || repository === undefined)
    throw new UsageError('push takes a folder and a repository', 'espalier push out owner/name')
  await settle(folder)
  const found = await Promise.all(
    CONFIGS.map((name) =>
      stat(join(folder, name)).then(
        () => true,
        () => false,
      ),
    ),
  )
  if (!found.includes(true))
    throw new EspalierError('file.missing', {
      what: 'the folder holds neither an adapter nor a model',
      got: { folder, looked: CONFIGS },
      fix: 'Name the output folder of train or merge.',
    })
  const progress = new Progress(values.flag('quiet') === true)
  try {
    progress.update(`uploading ${folder}`, true)
    const { address } = await uploadFolder(folder, repository, {
      private: values.flag('public') !== true,
      // As Python does: checkpoints are the run's, not the result. Neither is what a run without one left.
      include: (path) => !/^checkpoint-\d+[/\\]/.test(path) && !path.startsWith(`${UNFINISHED}/`),
      onProgress: ({ file, fraction }) => progress.update(`uploading ${file}: ${(100 * fraction).toFixed(0)} %`),
      ...defined({ message: values.text('message') }),
    })
    progress.clear()
    result(address)
    return 0
  } finally {
    progress.end()
  }
}
