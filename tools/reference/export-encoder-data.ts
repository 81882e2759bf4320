/**
 * Writes what the two encoders are trained on, as safetensors: degraded MNIST images of the encoders' pool, and degraded
 * spectrograms of the encoders' voice settings and speakers, each with a held-out part.
 *
 *     npm run encoder-data -- FSDD_RECORDINGS OUT
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Degradation, DIGITS, Mnist, Recordings, Synthesizer, VoiceSettings } from "@igm/av-digits"
import { GreyImage, MediaDecoder, Spectrogram, Wav } from "@igm/media"
import { ArtifactStore, AtomicFile, Progress } from "@igm/io"
import { Keyed, Safetensors, Tensor } from "@igm/tensor"
import { Effect, Layer } from "effect"
import { join } from "node:path"

/** Wider than the recipe of the data set, so that the encoders do not depend on its exact values. */
const RECIPE: Degradation.Recipe = {
  version: 1,
  image: { contrast: [0.3, 1], noise: [0.1, 0.7], patch: [4, 14] },
  audio: { signalToNoise: [-9, 15], colour: [0, 0.9] }
}
const DRAWS = { image: 4, synthetic: 30, recording: 6 }

interface Part {
  readonly inputs: Array<Tensor.Tensor<"float32">>
  readonly labels: Array<number>
}

const part = (): Part => ({ inputs: [], labels: [] })

const write = (file: string, train: Part, heldOut: Part) => {
  const tensors = (name: string, { inputs, labels }: Part) => ({
    [`${name}.inputs`]: Tensor.stack(inputs as [Tensor.Tensor<"float32">]),
    [`${name}.labels`]: Tensor.int32([labels.length], labels)
  })
  return AtomicFile.write(file, Safetensors.encode({ ...tensors("train", train), ...tensors("heldOut", heldOut) }))
}

const exportImages = Effect.fn(function* (file: string) {
  const [train, heldOut] = [part(), part()]
  for (const digit of DIGITS.keys()) {
    const pool = (yield* Mnist.images(digit)).slice(0, Mnist.ENCODER_IMAGES)
    for (const [i, pixels] of pool.entries()) {
      const into = i % 10 === 0 ? heldOut : train
      for (let draw = 0; draw < DRAWS.image; draw++) {
        const degraded = Degradation.image(pixels, Keyed.stream(["encoder", "image", digit, i, draw]), RECIPE.image)
        into.inputs.push(GreyImage.ofPixels(degraded.map((x) => Math.round(255 * x))))
        into.labels.push(digit)
      }
    }
  }
  yield* write(file, train, heldOut)
})

const exportSounds = Effect.fn(function* (recordings: string, file: string) {
  const [train, heldOut] = [part(), part()]
  const add = Effect.fn(function* (into: Part, path: string, digit: number, draws: number, key: Keyed.Path) {
    const sound = yield* Wav.read(path)
    for (let draw = 0; draw < draws; draw++) {
      const degraded = Degradation.speech(sound, Keyed.stream(["encoder", "audio", ...key, draw]), RECIPE.audio)
      into.inputs.push(Spectrogram.ofSamples(yield* Spectrogram.resample(degraded, Spectrogram.settings.rate)))
      into.labels.push(digit)
    }
  })
  const { wavOf } = yield* Synthesizer.speak(VoiceSettings.forEncoders)
  for (const [n, setting] of VoiceSettings.forEncoders.entries()) {
    for (const digit of DIGITS.keys()) {
      const key = [VoiceSettings.nameOf(setting), digit]
      yield* add(n % 5 === 4 ? heldOut : train, wavOf(n, digit), digit, DRAWS.synthetic, key)
    }
  }
  for (const { speaker, digit, take, path } of yield* Recordings.read(recordings)) {
    if (!Recordings.ENCODER_SPEAKERS.includes(speaker)) continue
    yield* add(take % 10 === 0 ? heldOut : train, path, digit, DRAWS.recording, [speaker, digit, take])
  }
  yield* write(file, train, heldOut)
})

const [recordings, out] = process.argv.slice(2)
if (recordings === undefined || out === undefined) throw new Error("usage: FSDD_RECORDINGS OUT")
const layers = Layer.mergeAll(ArtifactStore.layer(join(out, "store")), MediaDecoder.layer, Progress.layer).pipe(
  Layer.provideMerge(NodeServices.layer)
)
await Effect.runPromise(
  exportImages(join(out, "image.safetensors")).pipe(
    Effect.andThen(exportSounds(recordings, join(out, "audio.safetensors"))),
    Effect.provide(layers)
  )
)
