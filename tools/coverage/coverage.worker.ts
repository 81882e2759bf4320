/** The entry point of a thread that simulates its part of the tables of each design. */
import { parentPort, workerData } from "node:worker_threads"
import * as Table from "./Table.ts"
import * as Tally from "./Tally.ts"
import type { Done, Part } from "./Threads.ts"

const { designs, ...part } = workerData as Part
const normals = Table.normals()
designs.forEach((design, place) => {
  const done: Done = { place, tally: Tally.of(design, { ...part, normals }) }
  parentPort!.postMessage(done)
})
