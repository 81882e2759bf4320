/** Preprocessing: what turns a sample's file or text into the tensors that an encoder reads. */
import type { Digest, Keyed, Tensor } from "@igm/tensor"
import type { Effect, FileSystem } from "effect"
import type { MediaError } from "./Errors.ts"
import type { MediaDecoder } from "./MediaDecoder.ts"

/** A sample in one modality: a file, a part of a file, or a text. */
export interface Source {
  /** The file or folder; for a text, the annotation file that contains it. */
  readonly path: string
  /** The range of a film's frames that belongs to the sample, counted from 0; `to` is exclusive. */
  readonly frames?: readonly [from: number, to: number]
  readonly text?: string
  /** Files in the folder, where a sample is several pictures. */
  readonly files?: ReadonlyArray<string>
}

/** The size of each axis; an axis whose size differs from sample to sample has a name instead. */
export type Shape = ReadonlyArray<number | string>

/**
 * The encoder's input for one sample: a tensor if the encoder has one input, otherwise a tensor for each input's name.
 */
export type Tensors = Tensor.Tensor<"float32"> | { readonly [input: string]: Tensor.Tensor }

/**
 * The address of an exported preprocessing, by which a worker thread imports it: the module's URL and the export's name
 * (a path with dots if it is nested).
 */
export interface Place {
  readonly module: string
  readonly name: string
}

/** A preprocessing: turns a source into the tensors that an encoder reads. */
export interface Preprocess<T extends Tensors = Tensors> {
  /** The export that holds this preprocessing; given if it is expensive enough for worker threads of its own. */
  readonly place?: Place
  /** All parameters, which enter cache keys and manifests. */
  readonly settings: Digest.Json
  /** The shape of the tensor, or of each input's tensor. */
  readonly shape: Shape | { readonly [input: string]: Shape }
  /** Loads the tensors of a source into newly allocated memory, which the caller owns. */
  readonly load: (source: Source) => Effect.Effect<T, MediaError, FileSystem.FileSystem | MediaDecoder>
}

/**
 * A preprocessing with random augmentation: its tensors are a deterministic function of the source and of a keyed
 * random stream.
 */
export interface Augmentation<T extends Tensors = Tensors> extends Omit<Preprocess<T>, "load"> {
  readonly load: (
    source: Source,
    stream: Keyed.Stream
  ) => Effect.Effect<T, MediaError, FileSystem.FileSystem | MediaDecoder>
}
