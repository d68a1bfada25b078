import type { ImagePreprocessing, Tensor } from '@covey/protocol';

/** How a user says what samples are. */
export interface SampleOptions {
  /** A file, or a folder of files of one kind; files in its subfolders are labelled with the subfolder's name. */
  path: string;
  /** At most so many samples, spread evenly. */
  count?: number;
  /** Inputs that are the same in every sample; for one that is carried, what it is at first (default: zeros). */
  constants?: Record<string, Tensor>;
  /** Class names in the model's order; without them, subfolders named by numbers are classes by number, others by alphabet. */
  classNames?: string[];
  image?: ImageOptions;
  audio?: AudioOptions;
  /** For recurrent models: which output is the next sample's input, by name of the input; `run` is the model. */
  carry?: {
    outputs: Record<string, string>;
    run: (inputs: Record<string, Tensor>) => Promise<Record<string, Tensor>>;
  };
}

/** What the model's schema does not tell. By default floats are in 0..1: mean 0, scale 255. */
export interface ImageOptions {
  mean?: ImagePreprocessing['mean'];
  scale?: ImagePreprocessing['scale'];
  channels?: 'rgb' | 'bgr';
  fit?: ImagePreprocessing['fit'];
  interpolation?: ImagePreprocessing['interpolation'];
  /** Where the schema leaves it open. */
  size?: { width: number; height: number };
}

export interface AudioOptions {
  /** 16,000 by default. */
  sampleRateHz?: number;
  /** Without the context, where the schema leaves it open. */
  windowSamples?: number;
  /** By default a window: no sound is heard twice but as context. */
  hopSamples?: number;
  /** Before each window, which the model takes together with it. */
  contextSamples?: number;
}
