/** What tests of media run in: files, and a decoder. */
import { NodeServices } from "@effect/platform-node"
import { Layer } from "effect"
import { MediaDecoder } from "../src/index.ts"

export const environment = Layer.merge(NodeServices.layer, MediaDecoder.layer)
