/**
 * The decoder of media: the processes in which FFmpeg decodes films and sounds, and the threads in which preprocessing runs.
 * They are started when they are first needed and end with the layer's scope.
 */
import { Context, Effect, Layer, RcMap, type Scope } from "effect"
import { availableParallelism } from "node:os"
import type { Place } from "./Preprocess.ts"
import * as DecodeThreads from "./process/DecodeThreads.ts"
import * as FfmpegPool from "./process/FfmpegPool.ts"
import * as Workspace from "./Workspace.ts"

/** Sizes of a decoder's pools. */
export interface Options {
  /** The maximal number of FFmpeg processes: by default one for each processor, and at least four. */
  readonly processes?: number
  /** The maximal number of threads of each preprocessing: by default one for each processor. */
  readonly threads?: number
}

/** Decodes media files in a pool of FFmpeg processes and in worker threads. */
export class MediaDecoder extends Context.Service<
  MediaDecoder,
  {
    /** Takes an FFmpeg process for a file until the scope ends; waits if all are in use. */
    readonly ffmpeg: FfmpegPool.FfmpegPool
    /**
     * Decodes in worker threads with the preprocessing at a place. All callers for one place share its threads, which
     * end when the last of their scopes closes.
     */
    readonly threads: (place: Place) => Effect.Effect<DecodeThreads.Decode, never, Scope.Scope>
    /** Tables and buffers that decoding in this thread reuses from one file to the next. */
    readonly workspace: Workspace.Workspace
  }
>()("@igm/media/MediaDecoder") {
  /** A decoder with pools of the given sizes. */
  static readonly layerWith = (options: Options) =>
    Layer.effect(
      MediaDecoder,
      Effect.gen(function* () {
        const processors = availableParallelism()
        const { processes = Math.max(4, processors), threads = processors } = options
        const pools = yield* RcMap.make({ lookup: (place: Place) => DecodeThreads.make(place, { threads }) })
        return MediaDecoder.of({
          ffmpeg: yield* FfmpegPool.make(processes),
          threads: (place) => RcMap.get(pools, place),
          workspace: Workspace.make()
        })
      })
    )

  /** A decoder for all processors of this machine. */
  static readonly layer = MediaDecoder.layerWith({})
}
