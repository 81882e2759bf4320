/** `igm predict`: computes class probabilities of media files with the encoders and exported heads. */
import { DigitEncoders } from "@igm/av-digits"
import { Encoder, EncoderRuntime } from "@igm/encoders"
import { Line } from "@igm/experiment"
import { AtomicFile } from "@igm/io"
import { GreyImage, Spectrogram } from "@igm/media"
import { Model } from "@igm/onnx"
import { Digest, Tensor } from "@igm/tensor"
import { Effect, Schema } from "effect"
import { ProgramError } from "./ProgramError.ts"

/** Class probabilities of one sample. */
export interface Prediction {
  readonly classes: ReadonlyArray<string>
  readonly probabilities: ReadonlyArray<number>
}

const Metadata = Schema.Struct({
  "igm.classes": Schema.fromJsonString(Schema.Array(Line)),
  "igm.encoders": Schema.fromJsonString(Schema.Record(Schema.String, Schema.String)),
  "igm.preprocessing": Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown))
})

const modalities = {
  audio: { encoder: DigitEncoders.audio, preprocess: Spectrogram.preprocess },
  image: { encoder: DigitEncoders.image, preprocess: GreyImage.preprocess }
} as const

/** Predicts class probabilities of media files. */
export const predict = Effect.fn("PredictCommand.predict")(function* (
  file: string,
  media: { readonly audio: string; readonly image: string }
) {
  const runtime = yield* EncoderRuntime
  const bytes = yield* AtomicFile.read(file)
  const unusable = (cause: unknown) =>
    new ProgramError({ path: file, problem: "this is not a file that igm export wrote", cause })
  const metadata = yield* Effect.try({ try: () => Model.metadataOf(bytes), catch: unusable }).pipe(
    Effect.flatMap((found) => Schema.decodeUnknownEffect(Metadata)(found).pipe(Effect.mapError(unusable)))
  )
  if (!Model.isWhole(bytes)) {
    const problem = "this file is damaged, or was written by an older igm: export the heads again (igm export RUN)"
    return yield* new ProgramError({ path: file, problem })
  }
  const heads = yield* runtime.open(file, bytes)
  const features: Record<string, Tensor.Tensor> = {}
  for (const modality of ["audio", "image"] as const) {
    const expected = metadata["igm.encoders"][modality]
    if (expected === undefined) continue
    const { encoder, preprocess } = modalities[modality]
    const settings = metadata["igm.preprocessing"][modality] as Digest.Json
    if (expected !== encoder.digest || Digest.ofJson(settings) !== Digest.ofJson(preprocess.settings)) {
      const problem = `its ${modality} features come from another encoder or other preprocessing than this version has`
      return yield* new ProgramError({ path: file, problem })
    }
    const opened = yield* Encoder.open(encoder)
    const sample = yield* preprocess.load({ path: media[modality] })
    features[modality] = yield* opened.encode(Tensor.stack([sample]))
  }
  const { probabilities } = yield* heads.run(features)
  if (probabilities === undefined || probabilities.data.length !== metadata["igm.classes"].length) {
    const problem = "its output is not one probability for each of its classes"
    return yield* new ProgramError({ path: file, problem })
  }
  const prediction: Prediction = {
    classes: metadata["igm.classes"],
    probabilities: Array.from(Tensor.toFloat64(probabilities).data)
  }
  return prediction
}, Effect.scoped)

/** Lists the classes from the most to the least probable. */
export const text = ({ classes, probabilities }: Prediction): string =>
  classes
    .map((name, i) => ({ name, p: probabilities[i]! }))
    .toSorted((a, b) => b.p - a.p)
    .map(({ name, p }) => `${name.padEnd(8)} ${p.toFixed(6)} ${"█".repeat(Math.round(30 * p))}`.trimEnd())
    .join("\n")
