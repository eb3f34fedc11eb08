/**
 * The catalogue of error codes: one line each, with an example message and what mends it. docs/errors.md is generated from it. A
 * code is never reused for another meaning.
 */
import { codesOfFiles } from './error-codes-of-files.js'
import { codesOfRuns } from './error-codes-of-runs.js'
import type { ErrorEntry } from './error-entry.js'

const codes = {
  'internal.unreachable': {
    when: 'a closed union got a member nobody handles',
    example: 'a case was not handled (value="x").',
    remedy: 'Versions of two Espalier packages differ; install the same version of all.',
  },
  'shape.mismatch': {
    when: 'shapes do not fit an operation, or an index lies outside its tensor',
    example: 'matmul needs equal inner sizes (a=[2,3], b=[4,5]).',
    remedy: 'Compare the shapes, or the index and the size, in the message with the operation.',
  },
  'dtype.mismatch': {
    when: 'a dtype does not fit an operation',
    example: 'add needs two tensors of one dtype (a="f32", b="i32").',
    remedy: 'Cast one side.',
  },
  'graph.invalid': {
    when: 'the verifier found a broken graph',
    example: 'a node names an output that its op does not have (op="topK", index=2).',
    remedy: 'A transform or plugin built a wrong graph; ESPALIER_DEBUG=2 prints it.',
  },
  'graph.slot': {
    when: 'a program slot was fed nothing, twice, or with another shape or dtype',
    example: 'a feed is missing (slot="input_ids").',
    remedy: 'Feed every slot that the program lists, with the listed dtype and shape.',
  },
  'gradient.none': {
    when: 'a gradient was asked where none can flow',
    example: 'the loss must be one float (shape=[2]).',
    remedy: 'Reduce the loss to a scalar and ask gradients of float tensors only.',
  },
  'module.path': {
    when: 'a module path does not exist or is used twice',
    example: 'no module has this path (path="model.layers.9").',
    remedy: 'Print the model to see its paths.',
  },
  'model.parameters': {
    when: 'parameters of a model are missing from its checkpoint or have other shapes',
    example: 'the checkpoint does not fit the model (faults=["model.norm.weight [576]: missing"]).',
    remedy: 'Check that config.json belongs to the weights, and that every shard is there.',
  },
  'model.quantized': {
    when: 'a checkpoint holds quantized weights that nothing here reads, or packed weights are to be trained in full',
    example:
      'the weights are quantized, and nothing here reads such weights (folder="model", method="bitsandbytes", form="nf4").',
    remedy:
      'Use a copy of the model that is not quantized, in float32, float16 or bfloat16, or pass a quantizer that reads it; train packed weights with an adapter.',
  },
  'quantization.weight': {
    when: 'a weight cannot be packed: a value is no finite number, or its shape does not fit the blocks',
    example:
      'a weight that is to be packed has a value that is not finite (tensor="lm_head.weight", index=7, value="NaN").',
    remedy: 'Check the checkpoint; leave the layer out with llmInt8SkipModules.',
  },
  'quantization.state': {
    when: 'what a checkpoint says of a packed weight does not fit it',
    example:
      'the description of a packed weight does not fit its layer (tensor="model.layers.0.mlp.up_proj.weight.quant_state.bitsandbytes__nf4", field="shape", value=[8,8], want=[16,8]).',
    remedy: 'Download the checkpoint again, or quantize the model anew.',
  },
  'model.unsupported': {
    when: 'a model asks for an architecture, head or setting that is not supported',
    example: 'no architecture has this model_type (modelType="foo", known=["llama"]).',
    remedy: 'Pass an architecture that supports it, or use another model.',
  },
  'target.none': {
    when: 'target modules match no module',
    example: 'no module matched target_modules (targetModules=["foo"], modules=["model.layers.0.self_attn.q_proj"]).',
    remedy: 'Use names from the list in the message.',
  },
  'target.unsupported': {
    when: 'a matched module cannot carry this tuner',
    example: 'the matched module cannot be adapted (path="model.norm").',
    remedy: 'Target linear, Conv1D or embedding modules.',
  },
  'memory.budget': {
    when: 'a run does not fit in the memory that it may take, whatever is made again instead of kept',
    example:
      'the run does not fit in the memory budget, whatever is made again (memoryBudget=1000000000, least=1240000000).',
    remedy: 'Give it at least what the message names, or make the micro-batches or the model smaller.',
  },
  'config.value': {
    when: 'a configuration field has a value outside its range',
    example: 'r must be a whole number above 0 (r=0).',
    remedy: 'Use a value in the range that the message names.',
  },
  'config.unknown': {
    when: 'a program gives a configuration a key that does not exist',
    example: 'lora has no setting of this name (key="loraAlfa", kind="lora").',
    remedy: 'Use the name in the message, or leave the key out.',
  },
  'config.unsupported': {
    when: 'a configuration asks for a feature that does not exist yet',
    example: 'use_dora is not supported yet (useDora=true).',
    remedy: 'Leave the option out.',
  },
  'adapter.name': {
    when: 'an adapter name is unknown, taken or not allowed',
    example: 'no adapter has this name (name="b", adapters=["default"]).',
    remedy: 'Use a name from the list, or another new name.',
  },
  'adapter.state': {
    when: 'an operation does not fit the state of the adapters (merged, active, not mergeable)',
    example: 'a merged adapter cannot be deleted (name="default").',
    remedy: 'Unmerge first, or do what the message says.',
  },
  'adapter.tensors': {
    when: 'tensors of an adapter do not fit the model',
    example: 'tensors of the adapter do not fit (mismatched=[...]).',
    remedy: 'Load it into the base model that it was trained on.',
  },
  'merge.finite': {
    when: 'a safe merge would write weights that are not finite',
    example: 'merging gives weights that are not finite numbers (adapters=["default"], weights=[...]).',
    remedy: 'Check the adapter: its training may have diverged.',
  },
  'generation.finite': {
    when: 'the logits of a model are NaN or infinite while it generates',
    example: 'the logits of the model are not finite numbers (logit="NaN").',
    remedy: 'The weights of the model or of an adapter are broken: load other ones, or train again with a lower rate.',
  },
  'prediction.finite': {
    when: 'the logits of a model are NaN or infinite while it predicts',
    example: 'the logits of the model are not finite numbers (logit="NaN").',
    remedy: 'The weights of the model or of an adapter are broken: load other ones, or train again with a lower rate.',
  },
  'backend.unsupported': {
    when: 'a backend cannot run something',
    example: 'the backend has no such dtype (dtype="f64").',
    remedy: 'Choose another backend or dtype.',
  },
  'backend.failed': {
    when: 'the runtime under a backend reported an error',
    example: 'the runtime failed to run a program (program="accumulate").',
    remedy: 'See the cause; less memory per step may help.',
  },
  'backend.missing': {
    when: 'the native library of a backend is not installed or not made for this system',
    example: 'ONNX Runtime has no library for this system (platform="linux", arch="x64", reason="ERR_DLOPEN_FAILED").',
    remedy: 'Use the WebAssembly form, or a system that the library is made for.',
  },
  'backend.closed': {
    when: 'a closed backend, executable or buffer was used',
    example: 'the backend is closed (backend="onnx").',
    remedy: 'Create a new one.',
  },
  'plugin.unknown': {
    when: 'a name in a file has no plugin',
    example: 'no tuner has this name (kind="FOO", known=["LORA"]).',
    remedy: 'Pass the plugin, or correct the name.',
  },
  'plugin.duplicate': {
    when: 'two plugins claim one name, or a plugin has another API version',
    example: 'two tuners have one name (kind="LORA").',
    remedy: 'Pass one of them.',
  },
  ...codesOfFiles,
  ...codesOfRuns,
  'adapter.config': {
    when: 'adapter_config.json is not one of PEFT',
    example: 'an adapter’s configuration has no peft_type (file="adapter_config.json", folder="out").',
    remedy: 'Save the adapter again with PEFT, or add the key.',
  },
  'adapter.key': {
    when: 'an adapter file has one tensor under two names',
    example: 'an adapter has one tensor under two names (names=["q_proj.lora_A.weight"]).',
    remedy: 'Save it again with PEFT.',
  },
  'model.code': {
    when: 'a model needs Python code from its repository, which is never run',
    example: 'the model needs code from its repository, which is never run (modelType="x", autoMap=["AutoModel"]).',
    remedy: 'Use a model of a type that is supported.',
  },
  'model.config': {
    when: 'config.json lacks a key or has a value of another kind than it must be',
    example: 'a key of a configuration is missing (file="config.json", key="hidden_size").',
    remedy: 'Correct the file, or download it again.',
  },
  'testkit.difference': {
    when: 'a conformance check found a result that differs from what is right',
    example:
      'a result is further off than allowed (name="y0 of matmul (3,5) x (5,2)", worst="12.5", index=[0,1], got="1.2", want="1").',
    remedy: 'Correct the implementation under test; the index says which element is worst.',
  },
  'testkit.options': {
    when: 'the options of a conformance suite contradict its cases',
    example: 'a skip names no case (reason="no f64", cases=["cast to f65"]).',
    remedy: 'Correct the option.',
  },
  'model.padding': {
    when: 'a model without a padding token is to classify several rows at once',
    example: 'several rows cannot be classified at once (rows=2, pad_token_id=null).',
    remedy: 'Set pad_token_id in config.json to the token that pads the rows, or give one row at a time.',
  },
} as const satisfies Record<string, ErrorEntry>

/** Every error code of Espalier, `area.reason`. */
export type ErrorCode = keyof typeof codes

/** The catalogue: code -> when, example, remedy. */
export const errorCodes: Readonly<Record<ErrorCode, ErrorEntry>> = codes
