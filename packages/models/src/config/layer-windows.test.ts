import { describe, expect, it } from 'vitest'
import { ConfigKeys } from './config-keys.js'
import { layerWindows } from './layer-windows.js'

const keys = (config: object) => new ConfigKeys({ num_hidden_layers: 3, ...config })
const last = (layer: number) => layer === 2

describe('layerWindows', () => {
  it('gives a window to the layers that slide by the rule of the family', () => {
    expect(layerWindows(keys({}), 4, last)).toEqual([null, null, 4])
    expect(layerWindows(keys({}), null, last)).toEqual([null, null, null])
  })

  it('follows the types of the layers where the configuration has them', () => {
    const layer_types = ['sliding_attention', 'full_attention', 'full_attention']
    expect(layerWindows(keys({ layer_types }), 4, last)).toEqual([4, null, null])
  })

  it('refuses other types, types for other layers, and layers that slide without a window', () => {
    const read = (window: number | null, ...layer_types: string[]) => layerWindows(keys({ layer_types }), window, last)
    const fails = (code: string) => expect.objectContaining({ code })
    expect(() => read(4, 'chunked_attention', 'full_attention', 'full_attention')).toThrow(fails('model.unsupported'))
    expect(() => read(4, 'full_attention')).toThrow(fails('model.config'))
    expect(() => read(null, 'sliding_attention', 'full_attention', 'full_attention')).toThrow(fails('model.config'))
  })
})
