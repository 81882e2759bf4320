/** How far this room's sound is from librosa's, file by file, over a reference that `tools/reference/audio.py` made. */
import type { Tensor } from "@igm/tensor"
import { LogStft, Resample, Stft, type Wav } from "../../src/index.ts"

/** The ratio of the energy of a signal to that of its error, in dB; infinite where there is no error. */
export const signalToError = (got: ArrayLike<number>, want: ArrayLike<number>): number => {
  let [signal, error] = [0, 0]
  for (let i = 0; i < want.length; i++) {
    signal += want[i]! ** 2
    error += (got[i]! - want[i]!) ** 2
  }
  return 10 * Math.log10(signal / error)
}

/** The largest |a − b|; infinite where the lengths differ. */
export const farthest = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let most = a.length === b.length ? 0 : Infinity
  for (let i = 0; i < Math.min(a.length, b.length); i++) most = Math.max(most, Math.abs(a[i]! - b[i]!))
  return most
}

const peak = (xs: ArrayLike<number>): number => Array.from(xs).reduce((most, x) => Math.max(most, Math.abs(x)), 0)

/** What is compared with a reference, and how far off it is; a bar is the least or most that is allowed. */
export interface Deviation {
  readonly what: string
  readonly value: number
  readonly holds: boolean
}

const grid = { window: 512, hop: 353 }

/** All comparisons of one file, whose tensors are named `name/…`. */
export const deviations = (
  name: string,
  sound: Wav.Sound,
  reference: { readonly [name: string]: Tensor.Tensor }
): ReadonlyArray<Deviation> => {
  const of = (what: string) => reference[`${name}/${what}`]?.data as Float32Array | undefined
  const mono = farthest(sound.samples, of("mono")!)
  const found: Array<Deviation> = [{ what: "mono, largest difference", value: mono, holds: mono <= 2e-7 }]
  for (const rate of [22_050, 35_400, 16_000]) {
    const want = of(`${rate}`)
    if (want === undefined) continue
    const got = Resample.resample(sound.samples, sound.rate, rate)
    const decibels = signalToError(got, want)
    const holds = got.length === want.length && decibels >= 60
    found.push({ what: `at ${rate} Hz, signal to error in dB`, value: decibels, holds })
    const stft = of(`${rate}/stft`)
    if (stft === undefined) continue
    const off = farthest(Stft.magnitudes(want, grid), stft) / peak(stft)
    found.push({ what: `at ${rate} Hz, STFT of the same samples over its peak`, value: off, holds: off <= 1e-4 })
  }
  for (const [which, settings] of [
    ["crema-d", LogStft.cremaD],
    ["kinetics-sounds", LogStft.kineticsSounds]
  ] as const) {
    const want = of(which)
    const same = of(`${settings.rate}`)
    if (want === undefined || same === undefined) continue
    const off = farthest(LogStft.ofSamples(same, settings).data, want)
    found.push({
      what: `${which}, log spectrogram of the same samples, largest difference`,
      value: off,
      holds: off <= 1e-4
    })
    const whole = LogStft.ofSamples(Resample.resample(sound.samples, sound.rate, settings.rate), settings).data
    // Of magnitudes: the logarithm of what both leave near nothing says little.
    const decibels = signalToError(whole.map(Math.exp), want.map(Math.exp))
    found.push({ what: `${which}, magnitudes, signal to error in dB`, value: decibels, holds: decibels >= 60 })
  }
  return found
}
