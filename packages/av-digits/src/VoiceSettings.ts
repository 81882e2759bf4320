/**
 * The synthetic voice settings of AV-digits: a voice of the synthesizer flite, a pitch and a rate. They are not
 * speakers. A third of them is for training encoders and occurs in no split; the others are for heads.
 */

/** One setting of the synthesizer. */
export interface VoiceSetting {
  readonly voice: "slt" | "kal" | "kal16"
  /** The mean fundamental frequency in Hz. */
  readonly pitch: number
  /** Above 1 speaks slower. */
  readonly stretch: number
}

const pitches = {
  slt: [150, 175, 200, 225, 250],
  kal: [80, 95, 110, 130, 150],
  kal16: [80, 95, 110, 130, 150]
} as const

/** All settings: three voices, five pitches and three rates. */
const all: ReadonlyArray<VoiceSetting> = (["slt", "kal", "kal16"] as const).flatMap((voice) =>
  pitches[voice].flatMap((pitch) => [0.8, 1, 1.25].map((stretch) => ({ voice, pitch, stretch })))
)

/** The settings that trained the audio encoder. */
export const forEncoders = all.filter((_, i) => i % 3 === Math.floor(i / 3) % 3)

/** The settings for heads, which are dealt to the splits. */
export const forHeads = all.filter((_, i) => i % 3 !== Math.floor(i / 3) % 3)

/** The name of a setting, as a group of samples. */
export const nameOf = ({ voice, pitch, stretch }: VoiceSetting): string => `${voice}-${pitch}Hz-x${stretch}`
