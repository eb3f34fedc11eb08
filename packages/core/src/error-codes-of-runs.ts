/** The part of the catalogue of error codes that is about training runs, their folders and checkpoints. */
import type { ErrorEntry } from './error-entry.js'

/** Code -> when, example, remedy. */
export const codesOfRuns = {
  'training.diverged': {
    when: 'gradients became NaN or infinite, or the values that a run starts with are',
    example:
      'gradients are not finite numbers (step=12, parameters=["model.layers.0.self_attn.q_proj.lora_A.weight"]).',
    remedy: 'Lower the learning rate, or look for broken rows near that step.',
  },
  'evaluation.finite': {
    when: 'the mean loss of an evaluation is NaN or infinite',
    example: 'the loss of the evaluation is not a finite number (loss="NaN").',
    remedy: 'The weights of the model or of an adapter are broken: load other ones, or train again with a lower rate.',
  },
  'run.locked': {
    when: 'another run writes to the same output folder',
    example:
      'another run writes to this folder (folder="out", pid=4711, host="box", started="2026-11-23T06:00:00.000Z").',
    remedy: 'Wait for it or stop it, or choose another output folder.',
  },
  'run.unsettled': {
    when: 'a result was interrupted while it took the place of another one, and who reads the folder cannot finish that',
    example: 'files of two results lie in this folder: one was interrupted while it took its place (folder="out").',
    remedy: 'Run espalier inspect on the folder as a user who may write there; if a run holds it, wait for that.',
  },
  'run.changed': {
    when: 'a run is to go on with another configuration, data, tokenizer, base model or version than it began with',
    example:
      'what the run began with has changed (checkpoint="out/checkpoint-20", changes=["learningRate: 0.0002 -> 0.0001"]).',
    remedy:
      'Give what it began with, or name what may change: allowChanges in a program, --allow-changes on the command line.',
  },
  'checkpoint.torn': {
    when: 'a checkpoint is not whole, or its files are not those that were written',
    example:
      'a checkpoint is not whole (checkpoint="out/checkpoint-20", faults=["training_state.safetensors: 4096 bytes, not 81920"]).',
    remedy: 'Go on from the one before it.',
  },
  'checkpoint.unfit': {
    when: 'a checkpoint holds no training state, or that of another model or optimizer',
    example: 'a checkpoint holds no training state of Espalier (checkpoint="out/checkpoint-20").',
    remedy: 'Start a new run from its values: load its adapter and train it in a folder of its own.',
  },
} as const satisfies Record<string, ErrorEntry>
