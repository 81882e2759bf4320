/** What tests of media run in: files, and a decoder. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Layer } from "effect"
import { MediaDecoder } from "../src/index.ts"

export const environment = Layer.merge(NodeServices.layer, MediaDecoder.layer)
