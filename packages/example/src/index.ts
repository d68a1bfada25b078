export type { LabelledWindow } from './dataset.ts';
export type { Evaluation } from './evaluation.ts';
export { windowShape } from './export.ts';
export { classNames } from './signal.ts';
export { type StreamOptions, vibrationStream } from './stream.ts';
export {
  type Example,
  type ExampleVersion,
  type ExampleVersionNumber,
  exampleVersion,
  exampleVersions,
} from './versions.ts';
