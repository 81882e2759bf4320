/**
 * The encoders of IGM's released code, with the names that its training leaves in `best_model.pth`. Each computes what a
 * forward pass of that code hands to its head, in evaluation mode; the heads (`cls_*`) are not part of it.
 */
import * as Bert from "./Bert.ts"
import * as I3d from "./I3d.ts"
import * as ResNet from "./ResNet.ts"

/** CREMA-D and Kinetics-Sounds: a log-spectrogram (1 × frequencies × times), its ResNet18 maps averaged; 512. */
export const audio = ResNet.make({ depth: 18, channels: 1, output: "pooled", prefix: "audio_encoder.audio_net." })

/** CREMA-D and Kinetics-Sounds: frames (3 × frames × height × width), ResNet18 maps averaged over all of them; 512. */
export const video = ResNet.make({
  depth: 18,
  channels: 3,
  output: "pooled",
  frames: true,
  prefix: "video_encoder.video_net."
})

/** Twitter15 and Sarcasm: BERT-base's [CLS] in the last layer, all tokens being of type 0; 768. */
export const text = Bert.make({ width: 768, output: "cls", prefix: "text_encoder." })

/** Twitter15 and Sarcasm: the 1000 logits of a ResNet50, which the released code takes for features. */
export const image = ResNet.make({ depth: 50, channels: 3, output: "logits", prefix: "visual_encoder." })

/**
 * NVGesture's I3D: the mean over the first 8 × 7 × 7 of the last maps; 1024. Of a test's 80 frames these are the first
 * eight of ten maps: what is in the last two does not count. 121 frames or more give the released code features of
 * another width, and are an error here; so are fewer than 57.
 */
const nvGesture = (channels: number, prefix: string, stem?: string) =>
  I3d.make({ channels, pooling: "first", prefix, ...(stem === undefined ? {} : { stem }) })

/** NVGesture: frames (3 × frames × 224 × 224), in the order and scale that the weights were trained with; 1024. */
export const rgb = nvGesture(3, "rgb_encoder.rgbmodel.")

/** NVGesture: optical flow (2 × frames × 224 × 224); 1024. */
export const flow = nvGesture(2, "of_encoder.ofmodel.")

/** NVGesture: depth (1 × frames × 224 × 224), whose first convolution has a name of its own; 1024. */
export const depth = nvGesture(1, "depth_encoder.depthmodel.", "Conv3d_1a_7x7_1")
