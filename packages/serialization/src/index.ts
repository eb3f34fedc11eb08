/** @module Everything that reads or writes files: safetensors, Hugging Face configurations, PEFT adapter folders and the hub. */
export { configureAdapter } from './adapter/configure-adapter.js'
export { fromFileKey, KEY_PREFIX, removeAdapterName, toFileKey } from './adapter/keys.js'
export { type CardFacts, modelCard } from './adapter/model-card.js'
export { type IsFloat, pythonFloat, pythonJson } from './adapter/python-json.js'
export { type AdapterConfigFile, type AdapterFiles, readAdapter, readAdapterConfig } from './adapter/read-adapter.js'
export { readSavedLabels, type SavedLabels } from './adapter/saved-labels.js'
export { type AdapterToWrite, writeAdapter } from './adapter/write-adapter.js'
export { blobFiles } from './files/blob-files.js'
export type { DirectoryHandle, FileHandle, WritableFile } from './files/directory-handle.js'
export { handleFiles } from './files/handle-files.js'
export { handleOutput } from './files/handle-output.js'
export { type ModelFiles, type RandomAccessFile, readBytes, readJson, readText } from './files/model-files.js'
export { openSource, openTarget, type Source, type Target } from './files/open-source.js'
export {
  type FileContent,
  type MemoryFolder,
  memoryFolder,
  type OutputFolder,
  textContent,
  type WriteOptions,
  writeError,
} from './files/output-folder.js'
export { parseJson } from './files/strict-json.js'
export { architectureFor } from './hf-config/architecture-for.js'
export { ConfigReader } from './hf-config/config-reader.js'
export {
  type HfConfig,
  type ModelConfigOptions,
  readGenerationConfig,
  readModelConfig,
} from './hf-config/model-config.js'
export { type Quantization, quantizationOf } from './hf-config/quantization.js'
export type { DownloadProgress, HubEnvironment, HubOptions } from './hub/environment.js'
export { type HubReference, hubReference, parseHubReference } from './hub/repository.js'
export type { UploadOptions, UploadProgress, UploadResult } from './hub/upload.js'
export type { FileGroup } from './hub/wanted-files.js'
export { initialWarnings } from './load/check-config.js'
export { type LoadAdapterOptions, type LoadedAdapter, loadAdapter } from './load/load-adapter.js'
export { type LoadedModel, type LoadModelOptions, loadModel } from './load/load-model.js'
export { parameterSource } from './load/parameter-sources.js'
export { type ProblemType, problemTypeOf } from './load/problem-type.js'
export { type SaveAdapterOptions, saveAdapter, tensorToWrite } from './load/save-adapter.js'
export { type SavedDType, type SaveModelOptions, saveModel } from './load/save-model.js'
export { savedTask, taskOf, taskOfClass } from './load/saved-task.js'
export { hubEnvironment } from './platform/hub-environment.js'
export type { RepositoryOptions } from './platform/platform.js'
export { syncFolder } from './platform/sync-folder.js'
export { codeSpan, yamlScalar } from './quoted-names.js'
export {
  bitsOf,
  byteLengthOf,
  coreDType,
  isSafetensorsDType,
  type SafetensorsDType,
  safetensorsDType,
} from './safetensors/dtype.js'
export type { SafetensorsHeader, TensorEntry } from './safetensors/header.js'
export { openSafetensors, type SafetensorsFile } from './safetensors/reader.js'
export { type LocatedTensor, openWeights, readIndex, type WeightFiles } from './safetensors/sharded.js'
export { toFloat32 as readFloats, toInt32 as readIntegers, widenBf16, widenF16 } from './safetensors/widen.js'
export {
  type SafetensorsOptions,
  safetensorsContent,
  type TensorToWrite,
  writeSafetensors,
} from './safetensors/writer.js'
export { type UploadFolderOptions, uploadFolder } from './upload-folder.js'
