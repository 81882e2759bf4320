/** `npm run bench -- memory`: 200 trainings one after another in one process, and the memory that it has after each 25. */
import { HeadTrainer } from "@igm/training"
import { Console, Effect, Stream } from "effect"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import * as Case from "./Case.ts"

const JOBS = 200
const EVERY = 25

/** Collects garbage now, so that what is counted is in use. */
const collect = (): void => {
  setFlagsFromString("--expose-gc")
  ;(runInNewContext("gc") as () => void)()
}

/** Trains and counts. */
export const run = Effect.gen(function* () {
  const trainer = yield* HeadTrainer
  const { features } = Case.read("")
  for (let i = 1; i <= JOBS; i++) {
    const method = Case.methodOf(12, { tau: 0.1 + i / JOBS })
    yield* Stream.runDrain(trainer.train(method, Case.jobOf(features, i)))
    if (i % EVERY !== 0) continue
    collect()
    const { rss, heapUsed, arrayBuffers } = process.memoryUsage()
    const [all, heap, buffers] = [rss, heapUsed, arrayBuffers].map((bytes) => (bytes / 2 ** 20).toFixed(0))
    yield* Console.log(`${i} jobs: ${all} MiB resident, ${heap} MiB of heap, ${buffers} MiB of buffers`)
  }
}).pipe(Effect.provide(HeadTrainer.layer({ engine: "onnx", device: "cpu" }, { threads: 1 })))
