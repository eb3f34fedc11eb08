import { checkTuner } from '@espalier/testkit'
import { describe, test } from 'vitest'
import { lora } from './lora.js'

describe('the suite of tuners', () =>
  checkTuner(lora, {
    test,
    variants: {
      defaults: { config: {} },
      'scaled by rsLoRA, with patterns': {
        config: {
          r: 3,
          loraAlpha: 5,
          useRslora: true,
          rankPattern: { v_proj: 1 },
          alphaPattern: { 'layers\\.0.*': 2 },
        },
      },
      'a bias on B': { config: { r: 2, loraBias: true, targetModules: ['v_proj', 'c_fc'] } },
      'started at random': { config: { r: 2, initLoraWeights: false }, startsAsIdentity: false },
      'gaussian with dropout': { config: { r: 2, initLoraWeights: 'gaussian', loraDropout: 0.1 } },
      'the head in full, one layer': {
        config: { r: 2, modulesToSave: ['lm_head'], targetModules: ['q_proj'], layersToTransform: [1] },
      },
    },
  }))
