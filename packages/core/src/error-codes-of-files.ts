/** The part of the catalogue of error codes that is about what is read and written: files, tokenizers, data sets, the hub. */
import type { ErrorEntry } from './error-entry.js'

/** Code -> when, example, remedy. */
export const codesOfFiles = {
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
    when: 'a GGUF file of llama.cpp is where a folder of a model is read',
    example: 'the model is a GGUF file of llama.cpp (file="model-Q4_K_M.gguf").',
    remedy: 'Give its path to fromPretrained or --model, with @espalier/gguf installed.',
  },
  'gguf.header': {
    when: 'a GGUF file is not what the format demands',
    example: 'a tensor does not lie inside the file (file="model.gguf", tensor="blk.0.attn_q.weight").',
    remedy: 'The file is damaged or of another format; download it again.',
  },
  'gguf.unsupported': {
    when: 'a GGUF file holds an architecture, a type of tensors or a tokenizer that is not read',
    example: 'a tensor is of a type that is not read (file="model.gguf", tensor="output.weight", type="IQ2_XXS").',
    remedy: 'Take another file of the model, or the model that it was made from.',
  },
  'tokenizer.file': {
    when: 'a file of a tokenizer is missing, broken or contradicts itself',
    example:
      'a merge uses a token that is not in the vocabulary (file="tokenizer.json", place="model.merges[4]", token="ab").',
    remedy: 'Download the file again, or write it with save_pretrained of transformers.',
  },
  'tokenizer.unfit': {
    when: 'a row or a prompt needs a token of the tokenizer that the model does not know',
    example: 'a row holds a token that the model does not know (row=3, id=50257, token="[X]", vocabSize=49152).',
    remedy: "Use the model's own tokenizer, or leave the token out of the rows.",
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
} as const satisfies Record<string, ErrorEntry>
