/** The differences of a replay's results from the recorded ones. */
import { AtomicFile } from "@igm/io"
import { Report } from "@igm/report"
import type { Digest } from "@igm/tensor"
import { Effect, Schema } from "effect"
import type * as Manifest from "../run/Manifest.ts"
import * as RunFolder from "../run/RunFolder.ts"
import type { Executed } from "../run/Runner.ts"
import * as JsonDifference from "./JsonDifference.ts"
import type { Difference } from "./Replay.ts"

const Json = Schema.fromJsonString(Schema.Json)

/**
 * The differences of a JSON file in a run's folder from another content; empty for files of other formats and for
 * missing files.
 */
const within = Effect.fnUntraced(function* (folder: string, file: string, own: string | Uint8Array | undefined) {
  if (!file.endsWith(".json") || typeof own !== "string") return []
  const [a, b] = yield* Effect.all([
    Effect.map(AtomicFile.read(`${folder}/${file}`), (bytes) => new TextDecoder().decode(bytes)).pipe(
      Effect.flatMap(Schema.decodeEffect(Json))
    ),
    Schema.decodeEffect(Json)(own)
  ]).pipe(Effect.orElseSucceed(() => [null, null]))
  const found = JsonDifference.between(a as Digest.Json, b as Digest.Json)
  return found.map((difference) => ({ ...difference, path: [file, ...difference.path] }))
})

/**
 * The differences of a replay's results from those in a run's folder: the data of the report, and the files that the
 * program attached. `null` if there are none.
 */
export const results = Effect.fn("Replay.results")(function* (
  folder: string,
  recorded: Manifest.Finished,
  { report, attached }: Pick<Executed, "report" | "attached">
) {
  const files = RunFolder.otherFiles(recorded, attached)
  if (recorded.report === RunFolder.dataDigest(report) && files.length === 0) return null
  const before = yield* RunFolder.readReport(folder)
  const inReport = JsonDifference.between(Report.data(before) as Digest.Json, Report.data(report) as Digest.Json)
  const inFiles = yield* Effect.forEach(files, (file) => within(folder, file, attached[file]))
  const work = [...inReport, ...inFiles.flat()]
  const found: Difference = {
    stage: "results",
    name: "the report, and the files that the program left",
    work,
    files,
    divergence: null,
    deviation: null,
    note: null
  }
  return found
})
