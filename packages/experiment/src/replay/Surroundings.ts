/** The surroundings of a run: its program, arguments, versions and devices, and the input files that it read. */
import { FileDigest } from "@igm/io"
import type { Digest } from "@igm/tensor"
import { Effect, Path } from "effect"
import type * as Manifest from "../run/Manifest.ts"
import { placeOf } from "../run/RunFiles.ts"
import * as JsonDifference from "./JsonDifference.ts"

/** The differences of two runs' environments: program, arguments, code, versions, engine, device, processor. */
export const surroundings = (recorded: Manifest.Any, own: Manifest.Any): ReadonlyArray<JsonDifference.Difference> => {
  const of = (manifest: Manifest.Any): Digest.Json => ({
    program: manifest.program.digest,
    modules: Object.fromEntries(manifest.modules.map(({ path, digest }) => [path, digest])),
    ...rest(manifest)
  })
  const rest = ({ arguments: given, code, versions, processor, heads, encoders }: Manifest.Any) => ({
    arguments: given as { readonly [name: string]: Digest.Json },
    code: { ...code },
    versions: { ...versions },
    processor,
    heads: heads && {
      engine: heads.engine,
      device: heads.device,
      name: heads.name,
      precision: heads.precision,
      threads: heads.threads
    },
    encoders: encoders && { provider: encoders.provider, device: encoders.device }
  })
  return JsonDifference.between(of(recorded), of(own))
}

/** The input files of a run that are missing, and those whose contents have changed. */
export const inputs = Effect.fn("Replay.inputs")(function* (
  folder: string,
  { program, modules, inputs }: Manifest.Finished
) {
  const path = yield* Path.Path
  const states = yield* Effect.forEach([program, ...modules, ...inputs], (input) => {
    const file = placeOf(path, folder, input.path)
    return FileDigest.of(file).pipe(
      Effect.map((digest) => ({ file, state: digest === input.digest ? "same" : "changed" })),
      Effect.orElseSucceed(() => ({ file, state: "missing" }))
    )
  })
  const of = (wanted: string) => states.flatMap(({ file, state }) => (state === wanted ? [file] : []))
  return { count: states.length, missing: of("missing"), changed: of("changed") }
})
