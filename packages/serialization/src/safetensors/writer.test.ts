import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { blobFile, blobFiles } from '../files/blob-files.js'
import { memoryFolder } from '../files/output-folder.js'
import { folderOutput } from '../node/folder-output.js'
import { byteLengthOf, type SafetensorsDType } from './dtype.js'
import { openSafetensors } from './reader.js'
import { type TensorToWrite, writeSafetensors } from './writer.js'

const folder = mkdtempSync(join(tmpdir(), 'espalier-writer-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** A tensor of bytes that count up. */
function counting(name: string, dtype: SafetensorsDType, shape: number[]): TensorToWrite {
  const bytes = Uint8Array.from({ length: byteLengthOf(dtype, shape)! }, (_, i) => (dtype === 'BOOL' ? i % 2 : i % 60))
  return { name, dtype, shape, bytes: () => bytes }
}

const tensors = [
  counting('b.weight', 'F32', [2, 3]),
  counting('a.weight', 'F32', [3]),
  counting('half', 'F16', [5]),
  counting('brain', 'BF16', [3, 1]),
  counting('flags', 'BOOL', [3]),
  counting('ids', 'I64', [2]),
  counting('short', 'I16', [1]),
  counting('byte', 'U8', [7]),
  counting('signed', 'I8', [2]),
  counting('word', 'I32', [1]),
  counting('double', 'F64', []),
  counting('e4', 'F8_E4M3', [3]),
  counting('e5', 'F8_E5M2', [2]),
  counting('u16', 'U16', [1]),
  counting('u32', 'U32', [1]),
  counting('u64', 'U64', [1]),
  counting('none', 'F32', [0, 4]),
  counting('\u{1F600}.x', 'F32', [1]),
  counting('\uFF5E "quoted"\n', 'F32', [1]),
]

describe('writeSafetensors', () => {
  it('writes what the reader reads, for every dtype, with a header of a multiple of 8 bytes', async () => {
    const memory = memoryFolder()
    await writeSafetensors(memory, 'x.safetensors', tensors)
    const blob = memory.toFiles().get('x.safetensors')!
    const file = await openSafetensors(blobFile('x', blob))
    for (const tensor of tensors) {
      expect(file.tensors.get(tensor.name)).toMatchObject({ dtype: tensor.dtype, shape: tensor.shape })
      expect(await file.read(tensor.name)).toEqual(await tensor.bytes())
    }
    expect(new DataView(await blob.arrayBuffer()).getUint32(0, true) % 8).toBe(0)
    expect([...file.metadata]).toEqual([['format', 'pt']])
    for (const { dtype, offset } of file.tensors.values()) if (dtype === 'F32') expect(offset % 4).toBe(0)
  })

  it('takes bytes in parts', async () => {
    const memory = memoryFolder()
    await writeSafetensors(memory, 'x', [
      {
        name: 'w',
        dtype: 'U8',
        shape: [4],
        bytes: () => [Uint8Array.of(1), Uint8Array.of(2, 3), new Uint8Array(0), Uint8Array.of(4)],
      },
    ])
    const file = await openSafetensors(await blobFiles(memory.toFiles()).open('x'))
    expect([...(await file.readRange('w', 1, 3))]).toEqual([2, 3])
  })

  it('refuses two tensors of one name, wrong byte counts and impossible shapes', async () => {
    const write = (...list: TensorToWrite[]) => writeSafetensors(memoryFolder(), 'x', list)
    const w = counting('w', 'U8', [2])
    await expect(write(w, w)).rejects.toMatchObject({ code: 'safetensors.tensor' })
    await expect(write({ ...w, name: '__metadata__' })).rejects.toMatchObject({ code: 'safetensors.tensor' })
    await expect(write({ ...w, shape: [3] })).rejects.toMatchObject({ code: 'safetensors.shape' })
    await expect(write({ ...w, shape: [1] })).rejects.toMatchObject({ code: 'safetensors.shape' })
    await expect(write({ ...w, shape: [-2] })).rejects.toMatchObject({ code: 'safetensors.shape' })
  })

  const python = process.env.ESPALIER_PYTHON
  if (python === undefined)
    console.log('ESPALIER_PYTHON is not set: files were not compared with what Python safetensors writes')
  it.runIf(python !== undefined)('writes byte for byte what Python writes (needs ESPALIER_PYTHON)', async () => {
    await writeSafetensors(folderOutput(folder), 'ours.safetensors', tensors)
    const script = `
import json, sys, torch
from safetensors.torch import save_file
names = {"F32":"float32","F16":"float16","BF16":"bfloat16","BOOL":"bool","I64":"int64","I16":"int16","U8":"uint8","I8":"int8","I32":"int32","F64":"float64","F8_E4M3":"float8_e4m3fn","F8_E5M2":"float8_e5m2","U16":"uint16","U32":"uint32","U64":"uint64"}
def tensor(t):
    dtype = getattr(torch, names[t["dtype"]])
    return (torch.frombuffer(bytearray(t["data"]), dtype=dtype) if t["data"] else torch.empty(0, dtype=dtype)).reshape(t["shape"])
save_file({t["name"]: tensor(t) for t in json.load(sys.stdin)}, sys.argv[1], {"format": "pt"})`
    const input = JSON.stringify(
      tensors.map(({ name, dtype, shape, bytes }) => ({ name, dtype, shape, data: [...(bytes() as Uint8Array)] })),
    )
    execFileSync(python!, ['-c', script, join(folder, 'theirs.safetensors')], { input })
    expect(
      readFileSync(join(folder, 'ours.safetensors')).equals(readFileSync(join(folder, 'theirs.safetensors'))),
    ).toBe(true)
  })
})
