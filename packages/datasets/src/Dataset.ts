/**
 * The interface of data sets: named modalities, each with the preprocessing that turns a media file into a tensor, and
 * samples in splits, each belonging to a group (a speaker, a voice setting, an actor) that no two splits share.
 */
import type { Artifact, ArtifactStore, IoError, Progress } from "@igm/io"
import type { MediaError, Preprocess, Source } from "@igm/media"
import type { Digest, Split } from "@igm/tensor"
import type { Effect, FileSystem, Path } from "effect"
import type { DatasetError, DatasetFaults } from "./Errors.ts"

/** A source, and the SHA-256 of all that is read of it. */
export interface Media extends Source {
  readonly digest: Digest.Digest
}

/** One labelled sample; the label is an index into the data set's classes. */
export interface Sample<M extends string> {
  readonly id: string
  readonly label: number
  readonly group: string
  readonly media: { readonly [K in M]: Media }
  /** The place of its annotation. */
  readonly at?: { readonly path: string; readonly line: number }
}

/** The description of prepared data, for people and later runs. */
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
  /** All parameters of the preparation of the samples. */
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

/** The services that preparing data needs. */
export type Environment = ArtifactStore | Progress | FileSystem.FileSystem | Path.Path

/** A data set with the modalities `M`. */
export interface Dataset<M extends string> {
  readonly name: string
  readonly classes: ReadonlyArray<string>
  readonly modalities: { readonly [K in M]: Preprocess }
  readonly prepare: Effect.Effect<Prepared<M>, DatasetError | DatasetFaults | MediaError | IoError, Environment>
}
