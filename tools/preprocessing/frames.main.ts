/**
 * Frames of films, and tensors of clips, for `tools/reference/films.py` to compare with OpenCV's and the released code's: for
 * each line of JSON on the input (`{"path", "pixels", "from", "to", "step"}` or `{"path", "preprocess", "frames"}`), lines of
 * JSON on the output, each followed by the numbers that it tells of.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { ClipInput, Film, MediaDecoder, type Source } from "@igm/media"
import { Effect, Stream } from "effect"
import { readFileSync } from "node:fs"

type Asked =
  (Film.Options & { readonly path: string }) | (Source & { readonly preprocess: keyof typeof ClipInput.still })

/** Writes when what was written before is on its way. */
const put = (bytes: Uint8Array) =>
  Effect.callback<void>((resume) => void process.stdout.write(bytes, () => resume(Effect.void)))

const say = (what: object) => put(Buffer.from(`${JSON.stringify(what)}\n`))

const asked = readFileSync(0, "utf8")
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => JSON.parse(line) as Asked)

const tensor = Effect.fnUntraced(function* ({
  preprocess,
  ...source
}: Extract<Asked, { readonly preprocess: unknown }>) {
  const { shape, data } = yield* ClipInput.still[preprocess].load(source)
  yield* say({ shape })
  yield* put(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
})

const frames = ({ path, ...options }: Extract<Asked, Film.Options>) =>
  Stream.runForEach(Film.frames(path, options), ({ data, ...about }) => Effect.andThen(say(about), put(data)))

const tell = (one: Asked) =>
  ("preprocess" in one ? tensor(one) : frames(one)).pipe(
    Effect.matchEffect({
      onFailure: ({ message }) => say({ error: message }),
      onSuccess: () => say({ end: true })
    })
  )

NodeRuntime.runMain(
  Effect.forEach(asked, tell, { discard: true }).pipe(Effect.provide([NodeServices.layer, MediaDecoder.layer]))
)
