/** What a quantizer makes of floats: near enough, smaller, read when asked for, and refused where they are no numbers. */
import {
  byteSize,
  EspalierError,
  type HostTensor,
  hostTensor,
  hostTensorFromBytes,
  isFloat,
  memorySource,
  sizeOf,
  toFloat32,
  type Weight,
} from '@espalier/core'
import { type Check, expectThat } from '../check.js'
import { EXACT, expectClose } from '../compare.js'
import { decoded } from './decoded.js'
import { floatSite, floatsOf, PATH, type QuantizerSite } from './sites.js'
import type { QuantizerSubject } from './subject.js'

const MOST_BYTES = 2 // of a packed value: more is what 16-bit floats take

/** Checks of packing one layer. */
export function packedChecks(subject: QuantizerSubject, site: QuantizerSite): Check[] {
  const floats = floatsOf(site)
  const pack = (values: HostTensor = floats) => subject.pack(floatSite(site, values))
  return [
    {
      name: 'gives floats of the layer’s shape, within its error bound of what it packed',
      async run() {
        const weight = pack()
        expectThat(weight.shape.join() === site.shape.join(), 'a weight has another shape than its layer', {
          got: weight.shape,
          want: site.shape,
        })
        expectWithin(await decoded(weight), floats, boundOf(subject, weight, floats))
      },
    },
    {
      name: 'computes in the dtype of the model',
      async run() {
        const half = subject.pack(floatSite(site, floats, { dtype: 'f16' }))
        expectThat(half.dtype === 'f16' && half.value().dtype === 'f16', 'a weight has another dtype than its model', {
          dtype: half.dtype,
          value: half.value().dtype,
        })
      },
    },
    {
      name: 'keeps codes below the layer’s path, in fewer bytes than floats of 16 bits',
      async run() {
        const { parameters } = pack()
        const names = parameters.map(({ path }) => path)
        expectThat(new Set(names).size === names.length, 'two parameters of a weight have one path', { names })
        expectThat(
          names.every((name) => name.startsWith(`${PATH}.`)),
          'a parameter is not below its layer',
          { names },
        )
        const bytes = Math.max(...parameters.map(({ dtype, shape }) => byteSize(dtype) * sizeOf(shape)))
        expectThat(bytes < MOST_BYTES * sizeOf(site.shape), 'codes take as much memory as floats', { bytes })
        expectThat(
          parameters.some(({ dtype }) => !isFloat(dtype)),
          'no parameter holds codes',
        )
      },
    },
    {
      name: 'gives the same bytes in every order of reading, and again',
      async run() {
        const [forward, backward] = [await valuesOf(pack()), await valuesOf(pack(), true)]
        forward.forEach((tensor, i) => {
          expectClose(backward[i], tensor, EXACT, `parameter ${i} read in another order`)
        })
        const weight = pack()
        await valuesOf(weight)
        for (const [i, tensor] of (await valuesOf(weight)).entries())
          expectClose(tensor, forward[i] as HostTensor, EXACT, `parameter ${i} read again`)
      },
    },
    {
      name: 'encodes floats as it packs them, and decodes what takes its parameters’ place',
      async run() {
        const [weight, other] = [pack(), floatsOf(site, 1)]
        if (weight.encode === undefined) return
        const same = await decoded(withValues(weight, weight.encode(floats)))
        expectClose(same, await decoded(weight), EXACT, 'floats that were encoded')
        const replaced = await decoded(withValues(weight, weight.encode(other)))
        expectWithin(replaced, other, boundOf(subject, weight, other))
      },
    },
    ...[Number.NaN, Number.POSITIVE_INFINITY].map((value) => ({
      name: `refuses a weight with a value of ${value}, and names it`,
      async run() {
        const values = floats.data.map((x, i) => (i === 5 ? value : x)) as Float32Array
        await expectNamed(async () => valuesOf(pack(hostTensor('f32', site.shape, values))))
      },
    })),
  ]
}

/** The bytes of a weight's parameters, in their order. */
export async function valuesOf({ parameters }: Weight, isBackwards = false): Promise<HostTensor[]> {
  const order = [...parameters.entries()]
  const values: HostTensor[] = []
  for (const [i, { source }] of isBackwards ? order.reverse() : order) {
    values[i] = hostTensorFromBytes(source.dtype, source.shape, await source.read())
  }
  return values
}

function withValues(weight: Weight, values: readonly HostTensor[]): Weight {
  return weight.withParameters(
    weight.parameters.map((parameter, i) => parameter.withSource(memorySource(values[i] as HostTensor))),
  )
}

function boundOf({ largestError }: QuantizerSubject, weight: Weight, floats: HostTensor): Float32Array {
  if (weight.errorBound !== undefined) return weight.errorBound(floats)
  return toFloat32(floats).map(() => largestError * largestOf(floats))
}

/** Throws testkit.difference unless every value is within its bound, and the bounds say anything. */
function expectWithin(got: HostTensor, want: HostTensor, bounds: Float32Array): void {
  const [a, b] = [toFloat32(got), toFloat32(want)]
  const largest = largestOf(want)
  let off = 0
  for (let i = 0; i < b.length; i++) {
    const error = Math.abs((a[i] as number) - (b[i] as number))
    const bound = bounds[i] as number
    expectThat(error <= bound, 'a value is further from the one that was packed than its error bound', {
      index: i,
      got: a[i],
      want: b[i],
      bound,
    })
    expectThat(bound <= largest, 'an error bound is wider than the weight', { index: i, bound, largest })
    off = Math.max(off, error)
  }
  expectThat(off > 0, 'no value was rounded, so nothing was packed')
}

function largestOf(floats: HostTensor): number {
  return toFloat32(floats).reduce((most, x) => Math.max(most, Math.abs(x)), 0)
}

async function expectNamed(action: () => Promise<unknown>): Promise<void> {
  const error: unknown = await action().then(
    () => undefined,
    (reason: unknown) => reason,
  )
  const isTyped = EspalierError.isInstance(error) && JSON.stringify(error.details).includes(PATH)
  expectThat(isTyped, 'a weight that cannot be packed gave no typed error that names it', { error: String(error) })
}
