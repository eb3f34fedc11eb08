/** The platform of a browser: pages and their workers have `navigator.gpu`, or nothing. */
import { globalGpu, type Platform } from './platform.js'

/** The platform of this build. */
export const platform: Platform = {
  findGpu: async () => globalGpu(),
  remedy: {
    noGpu:
      'Use a browser with WebGPU over https or on localhost, or the WebAssembly backend: onnxWeb() of @espalier/backend-onnx/web.',
    noAdapter: 'Turn on hardware acceleration in the browser, or use onnxWeb() of @espalier/backend-onnx/web.',
  },
}
