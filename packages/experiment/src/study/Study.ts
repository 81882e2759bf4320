/**
 * Studies of one method: the ablation of its ingredients as a full factorial, and its sensitivity to settings. Both train
 * each variant with the same seeds on the same features, and report differences with simultaneous intervals.
 */
export { ablation } from "./Ablation.ts"
export { sensitivity } from "./Sensitivity.ts"
