/** The published data sets by their names on the command line: their contents and their sources. */
import {
  CremaD,
  type Dataset,
  type Fault,
  type FolderDataset,
  KineticsSounds,
  NvGesture,
  Sarcasm,
  Twitter15
} from "@igm/datasets"
import { type FilmFrames, type Preprocess, TextInput } from "@igm/media"
import { FileDigest } from "@igm/io"
import { Effect, type FileSystem, type Path } from "effect"
import { ProgramError } from "./ProgramError.ts"

/** The options of a data set on the command line. */
interface Asked {
  readonly root: string
  readonly seed: number
  readonly limit: number | undefined
  readonly split: "published" | "independent"
  /** A BERT's vocab.txt or tokenizer.json, if texts are to be tokenized. */
  readonly vocabulary: string | undefined
  /** The names of the list files, if they are not the published ones. */
  readonly lists: { readonly train: string; readonly test: string } | undefined
}

/** A data set that has a name on the command line. */
export interface Entry {
  readonly title: string
  readonly where: string
  readonly licence: string
  /** The films that must be converted to images once, if there are any, and the faults of their lists. */
  readonly films?: (
    root: string
  ) => Effect.Effect<
    { readonly wanted: ReadonlyArray<FilmFrames.Wanted>; readonly faults: ReadonlyArray<Fault> },
    never,
    FileSystem.FileSystem | Path.Path
  >
  readonly make: (asked: Asked) => Effect.Effect<FolderDataset.FolderDataset<string>, ProgramError, Dataset.Environment>
}

/** Texts without tokenization, if no vocabulary is given. */
const words: Preprocess = {
  settings: { kind: "words", version: 1 },
  shape: {},
  load: () => Effect.succeed({})
}

const tokens = (of: typeof TextInput.twitter15, file: string | undefined) =>
  file === undefined
    ? Effect.succeed(words)
    : FileDigest.of(file).pipe(
        Effect.map((digest) => of({ file, digest })),
        Effect.mapError((cause) => new ProgramError({ path: file, problem: "this vocabulary cannot be read", cause }))
      )

/** Fails if list files are named for a data set whose lists have fixed names. */
const unnamed = ({ root, lists }: Asked, name: string) =>
  lists === undefined
    ? Effect.void
    : new ProgramError({ path: root, problem: `the lists of ${name} have one name each: --lists is for others` })

const whole = (asked: Asked, name: string) =>
  asked.split === "published"
    ? unnamed(asked, name)
    : new ProgramError({ path: asked.root, problem: `${name} has no groups to divide it by: use its published split` })

/** The data sets. */
export const entries: { readonly [name: string]: Entry } = {
  "crema-d": {
    title: "CREMA-D: six emotions in a voice and a face",
    where: "github.com/CheyneyComputerScience/CREMA-D, and the lists of github.com/GeWu-Lab/OGM-GE_CVPR2022",
    licence: "Open Database License; lists MIT",
    films: CremaD.films,
    make: (asked) => Effect.as(unnamed(asked, "CREMA-D"), CremaD.make(asked))
  },
  "kinetics-sounds": {
    title: "Kinetics-Sounds: 31 actions, heard and seen",
    where: "the clips of Kinetics-400 that github.com/GeWu-Lab/OGM-GE_CVPR2022 lists",
    licence: "of the videos' owners; lists MIT",
    make: (asked) => Effect.succeed(KineticsSounds.make(asked))
  },
  nvgesture: {
    title: "NVGesture: 25 gestures in depth, colour and motion",
    where: "research.nvidia.com, Online Detection and Classification of Dynamic Hand Gestures",
    licence: "for research, of NVIDIA",
    make: (asked) => Effect.succeed(NvGesture.make(asked))
  },
  twitter15: {
    title: "Twitter15: what a tweet and its picture feel about a target",
    where: "github.com/jefferyYu/TomBERT: its files, and the pictures that its README links to",
    licence: "none stated; Twitter's terms",
    make: (asked) =>
      Effect.andThen(
        whole(asked, "Twitter15"),
        Effect.map(tokens(TextInput.twitter15, asked.vocabulary), (text) => Twitter15.make({ ...asked, text }))
      )
  },
  sarcasm: {
    title: "Sarcasm: whether a tweet and its picture are meant",
    where:
      "github.com/headacheboy/data-of-multimodal-sarcasm-detection: its files, and the pictures that its README links to",
    licence: "none stated; Twitter's terms",
    make: (asked) =>
      Effect.andThen(
        whole(asked, "Sarcasm"),
        Effect.map(tokens(TextInput.sarcasm, asked.vocabulary), (text) => Sarcasm.make({ ...asked, text }))
      )
  }
}
