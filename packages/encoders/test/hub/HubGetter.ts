/** A process that gets a file of the hub by its environment, for the tests of `Hub`. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Progress } from "@igm/io"
import { Effect, Layer } from "effect"
import { Hub } from "../../src/hub/Hub.ts"

const [repo, file] = process.argv.slice(2) as [string, string]
const layers = Hub.layer.pipe(Layer.provide([NodeServices.layer, Progress.layerSilent]))
await Effect.runPromise(Hub.use((hub) => hub.get({ repo, file, revision: "main" })).pipe(Effect.provide(layers)))
