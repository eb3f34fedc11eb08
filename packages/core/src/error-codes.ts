/**
 * The catalogue of error codes: one line each, with an example message and what mends it. docs/errors.md is generated from it. A
 * code is never reused for another meaning.
 */

/** What a code means: when it is thrown, an example and the remedy. */
export interface ErrorEntry {
  readonly when: string
  readonly example: string
  readonly remedy: string
}

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
  'generation.finite': {
    when: 'the logits of a model are NaN or infinite while it generates',
    example: 'the logits of the model are not finite numbers (logit="NaN").',
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
  'file.missing': {
    when: 'a file that is needed is not in its folder',
    example: 'a file is missing (file="config.json", folder="models/x", present=["README.md"]).',
    remedy: 'Check the folder, or download it again.',
  },
  'file.name': {
    when: 'a file name from an index, a hub listing or a call would leave its folder',
    example: 'a file name leaves its folder (name="../secret").',
    remedy: 'Use names relative to their folder, with / between parts.',
  },
  'file.read': {
    when: 'the system cannot read a file, or it ended too early',
    example: 'a file cannot be read (file="config.json", folder="models/x", reason="EACCES").',
    remedy: 'Check the permissions, the path and the disk.',
  },
  'file.write': {
    when: 'a file cannot be written; what was there before is unchanged',
    example:
      'a file cannot be written: the disk is full (file="adapter_model.safetensors", folder="out", reason="ENOSPC").',
    remedy: 'Free some space or choose another folder.',
  },
  'file.size': {
    when: 'a text or JSON file is larger than it can sensibly be',
    example: 'a file is larger than it can sensibly be (file="config.json", byteLength=3000000000, limit=209715200).',
    remedy: 'Check that it is the file its name says.',
  },
  'file.encoding': {
    when: 'a text file is not UTF-8',
    example: 'a file is not UTF-8 text (file="config.json", folder="models/x").',
    remedy: 'Save it as UTF-8, or download it again.',
  },
  'file.json': {
    when: 'a JSON file cannot be parsed, or a key occurs twice',
    example: 'a JSON file cannot be read: a comma or } is expected (file="models/x/config.json", line=7).',
    remedy: 'Correct that line, or download the file again.',
  },
  'safetensors.header': {
    when: 'the header of a safetensors file is not what the format demands',
    example: 'a safetensors header is not valid JSON: the text ends too early (file="model.safetensors", position=91).',
    remedy: 'The file is damaged or of another format; download or save it again.',
  },
  'safetensors.truncated': {
    when: 'a safetensors file ends inside its header or before its tensors do',
    example: 'a safetensors file ends before its tensors do (file="model.safetensors", byteLength=900, expected=1000).',
    remedy: 'The file was cut; download or copy it again.',
  },
  'safetensors.overlap': {
    when: 'tensors of a safetensors file overlap or leave gaps',
    example:
      'tensors of a safetensors file overlap or leave gaps (file="model.safetensors", problems=["b overlaps a"]).',
    remedy: 'The file is damaged; download or save it again.',
  },
  'safetensors.dtype': {
    when: 'a dtype is not known to the format, or cannot be read as what was asked',
    example: 'a tensor cannot be read as floats (dtype="I64").',
    remedy: 'Convert the file with the library that wrote it.',
  },
  'safetensors.shape': {
    when: 'a shape in a safetensors header is impossible or does not fit the bytes',
    example:
      'tensors in a safetensors header are described wrongly (problems=["w needs 16 bytes for F32 [2, 2] and has 12"]).',
    remedy: 'The file is damaged; download or save it again.',
  },
  'safetensors.tensor': {
    when: 'a tensor was asked for that the file does not have, or two of one name are written',
    example: 'a safetensors file has no such tensor (tensor="w", tensors=["v"]).',
    remedy: 'Use a name from the list in the message.',
  },
  'safetensors.range': {
    when: 'bytes outside a tensor were asked for, or an integer does not fit 32 bits',
    example: 'a range lies outside its tensor (tensor="w", start=0, end=20, byteLength=16).',
    remedy: 'Ask for bytes from 0 to the byteLength of the tensor.',
  },
  'safetensors.index': {
    when: 'the index of a sharded model is wrong',
    example: 'the index of a sharded model is wrong (problems=["weight_map is not an object"]).',
    remedy: 'Download the index and its shards again.',
  },
  'safetensors.shards': {
    when: 'files that the index of a sharded model names are missing',
    example: 'shards of a model are missing (missing=["model-00002-of-00002.safetensors"], of=2).',
    remedy: 'Download the missing files into that folder.',
  },
  'model.pickle': {
    when: 'weights are only there as a Python pickle, which can run code when it is opened',
    example: 'the weights are only there as a Python pickle (files=["pytorch_model.bin"]).',
    remedy: 'Save it again in Python with save_pretrained, which writes safetensors.',
  },
  'model.gguf': {
    when: 'a model is only there as a GGUF file of llama.cpp, which cannot be read yet',
    example: 'the model is a GGUF file of llama.cpp, and those cannot be read (file="model-Q4_K_M.gguf").',
    remedy: 'Use the model that it was made from: a folder or hub repository with config.json and model.safetensors.',
  },
  'tokenizer.file': {
    when: 'a file of a tokenizer is missing, broken or contradicts itself',
    example:
      'a merge uses a token that is not in the vocabulary (file="tokenizer.json", place="model.merges[4]", token="ab").',
    remedy: 'Download the file again, or write it with save_pretrained of transformers.',
  },
  'tokenizer.unfit': {
    when: 'a tokenizer has ids that the model does not know',
    example: 'the tokenizer has ids that the model does not know (largestId=50257, token="[X]", vocabSize=49152).',
    remedy: "Use the model's own tokenizer.",
  },
  'tokenizer.special': {
    when: 'a special token is needed that the tokenizer does not have',
    example: 'padding needs a pad token and the tokenizer has none.',
    remedy: 'Set the token in tokenizer_config.json.',
  },
  'tokenizer.template': {
    when: 'a chat template is missing, broken, or refuses the messages',
    example: 'the chat template refused the messages (reason="roles must alternate").',
    remedy: 'Compare the roles and their order with what the template expects, or pass another template.',
  },
  'data.file': {
    when: 'a data file cannot be read, or its kind is not known',
    example: 'the kind of a data file is not known (file="rows.xlsx", known=[".jsonl",".json",".csv",".tsv",".txt"]).',
    remedy: 'Check the path, or convert the file to JSONL.',
  },
  'data.json': {
    when: 'a line of a JSONL file, or a JSON file, is not a JSON object',
    example: 'a line is not JSON (file="train.jsonl", line=17, reason="Unexpected end of JSON input").',
    remedy: 'Correct or remove that line.',
  },
  'data.csv': {
    when: 'a CSV or TSV file is broken',
    example: 'a row has another number of fields than the header (file="train.csv", line=9, fields=3, columns=2).',
    remedy: 'Quote fields that contain the separator, a quote or a line break.',
  },
  'data.shape': {
    when: 'the columns of the data are not those of a known shape',
    example: 'the shape of the data is not recognised (columns=["q","a"]).',
    remedy: 'Name the columns: promptField and completionField, or textField.',
  },
  'data.row': {
    when: 'a row lacks a field of its shape, or has one of another kind',
    example: 'a field of a row is not text (row=3, field="completion", found="number").',
    remedy: 'Correct or remove that row.',
  },
  'data.empty': {
    when: 'the data has no rows',
    example: 'the data has no rows (source="train.jsonl").',
    remedy: 'Check the file.',
  },
  'data.unsupervised': {
    when: 'no row has a token that counts in the loss, or almost all rows are dropped because truncation leaves them none',
    example: 'nothing in the data is supervised (rows=120, dropped=120, maxLength=16, longest=310).',
    remedy: 'Raise maxLength, or check that completions are not empty.',
  },
  'source.unknown': {
    when: 'a source is neither a folder nor the name of a repository on the hub',
    example: 'there is no such folder, and it is not the name of a repository on the hub (source="./modles/x").',
    remedy: 'Check the path, or write owner/name.',
  },
  'hub.access': {
    when: 'the hub wants a token, or one with more rights',
    example: 'the repository is gated: its owner must grant access (repository="meta-llama/Llama-3.2-1B", status=401).',
    remedy: 'Ask for access on its page and set HF_TOKEN.',
  },
  'hub.repository': {
    when: 'the hub has no such repository',
    example: 'there is no such repository on the hub (repository="me/modle", status=404).',
    remedy: 'Check the name; a private repository needs HF_TOKEN.',
  },
  'hub.revision': {
    when: 'a repository has no such branch, tag or commit',
    example: 'the repository has no such branch, tag or commit (repository="me/model", revision="v9").',
    remedy: 'Use main, or look at the repository for its branches.',
  },
  'hub.file': {
    when: 'a repository has no such file',
    example: 'the repository has no such file (repository="me/model", revision="main").',
    remedy: 'Look at the repository for its files.',
  },
  'hub.offline': {
    when: 'the network may not or cannot be used and the cache does not hold what is needed',
    example:
      'the network may not be used and a repository is not in the cache (repository="me/model", revision="main").',
    remedy: 'Unset HF_HUB_OFFLINE, or give the path of a local folder.',
  },
  'hub.connection': {
    when: 'the connection to the hub failed or was cut, also after retries',
    example: 'the connection to the hub was cut (repository="me/model", endpoint="https://huggingface.co").',
    remedy: 'Check the network, HTTPS_PROXY and HF_ENDPOINT, and try again; what was downloaded is kept.',
  },
  'hub.response': {
    when: 'the hub refused a request or its answer makes no sense',
    example: 'the hub refused a request (repository="me/model", status=503).',
    remedy: 'Try again later; check HF_ENDPOINT.',
  },
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
