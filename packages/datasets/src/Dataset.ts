/**
 * What a data set is to the rest of the house: named modalities, each with the preprocessing that turns a media file into
 * a tensor, and samples in splits, each belonging to a group (a speaker, a voice setting, an actor) that no two splits
 * share.
 */
import type { Artifact, ArtifactStore, IoError, Progress } from "@igm/io"
import type { Digest, Keyed, Split, Tensor } from "@igm/tensor"
import type { Effect, FileSystem, Path } from "effect"
import type { DatasetError, DatasetFaults, MediaError } from "./Errors.ts"

/** What a sample has of a modality: a file, a part of one, or a text. */
export interface Source {
  /** The file or folder; of a text, the file of annotations that it stands in. */
  readonly path: string
  /** The frames of a film that belong to the sample: from the first, counted from 0, up to the second, which does not. */
  readonly frames?: readonly [from: number, to: number]
  readonly text?: string
  /** Files in the folder, where a sample is several pictures. */
  readonly files?: ReadonlyArray<string>
}

/** A source, and the SHA-256 of all that is read of it. */
export interface Media extends Source {
  readonly digest: Digest.Digest
}

/** Sizes, or the names of those that differ from sample to sample. */
export type Shape = ReadonlyArray<number | string>

/** What an encoder takes of one sample: the tensor of its only input, or one for each by its name. */
export type Tensors = Tensor.Tensor<"float32"> | { readonly [input: string]: Tensor.Tensor }

/** One labelled sample; the label is an index into the data set's classes. */
export interface Sample<M extends string> {
  readonly id: string
  readonly label: number
  readonly group: string
  readonly media: { readonly [K in M]: Media }
  /** Where it is annotated. */
  readonly at?: { readonly path: string; readonly line: number }
}

/** Where a thread finds a preprocessing: the module's address, and the name of its export, with dots where it is deeper. */
export interface Place {
  readonly module: string
  readonly name: string
}

/** How a source becomes what an encoder takes. */
export interface Preprocess<T extends Tensors = Tensors> {
  /** Where it is found; given for preprocessing that is worth threads of its own. */
  readonly place?: Place
  /** All parameters, for cache keys and manifests. */
  readonly settings: Digest.Json
  /** The shape of the tensor, or of each input's; a size that differs from sample to sample has a name. */
  readonly shape: Shape | { readonly [input: string]: Shape }
  /** The tensors of a source, in memory of their own: who asked for them may let it go. */
  readonly load: (source: Source) => Effect.Effect<T, MediaError, FileSystem.FileSystem>
}

/** Preprocessing that draws: what it loads is a function of the source and of the stream. */
export interface Augmentation<T extends Tensors = Tensors> extends Omit<Preprocess<T>, "load"> {
  readonly load: (source: Source, stream: Keyed.Stream) => Effect.Effect<T, MediaError, FileSystem.FileSystem>
}

/** What a person or a later run must know about prepared data. */
export interface Manifest {
  readonly name: string
  readonly seed: number
  readonly source: string
  /** Samples by class name, and groups, of each split. */
  readonly splits: {
    readonly [S in Split.Split]: {
      readonly samples: number
      readonly classes: { readonly [name: string]: number }
      readonly groups: ReadonlyArray<string>
    }
  }
  /** Groups that occur in more than one split; a sound data set has none. */
  readonly sharedGroups: ReadonlyArray<string>
  /** Media or texts that are equal in samples of different splits, by the samples' ids. */
  readonly duplicates?: ReadonlyArray<{ readonly modality: string; readonly ids: ReadonlyArray<string> }>
  /** Every accident of a released code that is reproduced, where it is one of a modality after that one's name. */
  readonly compat?: ReadonlyArray<string>
  /** Data that trained the encoders and is in no split. */
  readonly heldOut: ReadonlyArray<string>
  /** How the samples were made, in all parameters. */
  readonly recipe: Digest.Json
  /** The digest of all samples: ids, labels, groups and media. */
  readonly digest: Digest.Digest
}

/** Data that are ready to be read. */
export interface Prepared<M extends string> {
  readonly samples: (split: Split.Split) => ReadonlyArray<Sample<M>>
  readonly manifest: Manifest
  readonly artifacts: ReadonlyArray<Artifact>
  /** Files from outside that the samples were made from, if any. */
  readonly sources?: ReadonlyArray<Media>
}

/** What preparing data needs. */
export type Environment = ArtifactStore | Progress | FileSystem.FileSystem | Path.Path

/** A data set with the modalities `M`. */
export interface Dataset<M extends string> {
  readonly name: string
  readonly classes: ReadonlyArray<string>
  readonly modalities: { readonly [K in M]: Preprocess }
  readonly prepare: Effect.Effect<Prepared<M>, DatasetError | DatasetFaults | MediaError | IoError, Environment>
}
