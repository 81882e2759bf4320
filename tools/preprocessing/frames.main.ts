/**
 * Frames of films, for `tools/reference/films.py` to compare with OpenCV's: for each line of JSON on the input
 * (`{"path", "pixels", "from", "to", "step"}`), a line of JSON on the output and the pixels of all frames.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Film } from "@igm/datasets"
import { Effect, Stream } from "effect"
import { readFileSync, writeSync } from "node:fs"

const put = (bytes: Uint8Array) => {
  for (let at = 0; at < bytes.length;) at += writeSync(1, bytes, at)
}

const say = (what: object) => put(Buffer.from(`${JSON.stringify(what)}\n`))

const asked = readFileSync(0, "utf8")
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => JSON.parse(line) as Film.Options & { readonly path: string })

const tell = ({ path, ...options }: (typeof asked)[number]) =>
  Film.frames(path, options).pipe(
    Stream.runForEach(({ data, ...about }) =>
      Effect.sync(() => {
        say(about)
        put(data)
      })
    ),
    Effect.match({
      onFailure: ({ message }) => say({ error: message }),
      onSuccess: () => say({ end: true })
    })
  )

NodeRuntime.runMain(Effect.forEach(asked, tell, { discard: true }))
