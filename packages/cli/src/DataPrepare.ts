/** `igm data prepare`: makes the files of a data set that experiments read and that are not published. */
import { faultText } from "@igm/datasets"
import { FilmFrames } from "@igm/media"
import { Progress } from "@igm/io"
import { Console, Effect } from "effect"
import { Command } from "effect/cli"
import { DataUnusable, asked, entryOf, firstOf, folderOf, plural } from "./DataFolder.ts"
import * as RunFlags from "./RunFlags.ts"

/** The command. */
export const prepare = Command.make(
  "prepare",
  { name: asked.name, data: asked.data, json: RunFlags.json },
  Effect.fn("igm.data.prepare")(function* ({ name, data, json }) {
    const root = yield* folderOf(data)
    const { films } = yield* entryOf(name)
    const { wanted, faults: listed } = films === undefined ? { wanted: [], faults: [] } : yield* films(root)
    const { found, made, faults } = yield* Effect.gen(function* () {
      const none = () => Effect.void
      const tell = wanted.length === 0 ? none : yield* (yield* Progress).bar("make pictures", wanted.length)
      return yield* FilmFrames.make(wanted, tell)
    }).pipe(Effect.scoped)
    const told = [...listed.map(faultText), ...faults.map(({ message }) => message)]
    const text = [
      films === undefined
        ? `${name} is read as it is published: there is nothing to prepare`
        : `pictures of ${plural(wanted.length, "film")}: ${found} were there, ${made} are made, ${faults.length} cannot be`,
      ...firstOf(told)
    ]
    yield* Console.log(json ? JSON.stringify({ folder: root, found, made, faults: told }, null, 2) : text.join("\n"))
    if (told.length > 0) return yield* new DataUnusable({ folder: root, faults: told.length })
  })
).pipe(Command.withDescription("Make once what a data set is read as; what is there already stays"))
