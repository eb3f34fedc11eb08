/** Node's platform: Dawn, from the package `webgpu`, unless the runtime has WebGPU itself. */
import type { Gpu } from '../device/gpu.js'
import { globalGpu, type Platform } from './platform.js'

// Not written into import(): whoever bundles for Node need not have it, and its types would become everybody's globals.
const PACKAGE: string = 'webgpu'

interface Dawn {
  create(flags: readonly string[]): Gpu
}

let dawn: Promise<Gpu> | undefined // a second instance would open the drivers again

/** The platform of this build. */
export const platform: Platform = {
  async findGpu() {
    const built = globalGpu()
    if (built !== undefined) return built
    dawn ??= import(PACKAGE).then(({ create }: Dawn) => create([]))
    return dawn
  },
  remedy: {
    noGpu: 'npm install webgpu',
    noAdapter:
      'Install a Vulkan driver of your GPU; on Debian and Ubuntu `apt install mesa-vulkan-drivers libvulkan1` has those of AMD, Intel and one in software (Mesa 24 or newer).',
  },
}
