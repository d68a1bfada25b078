import type { Sample } from './sample-set.ts';

/** Where samples come from: read one by one, in any order. */
export interface Source {
  /** One per sample, all different. */
  names: string[];
  labels: number[] | undefined;
  classNames: string[] | undefined;
  describe: string;
  /** Samples before which a recording, or a file, begins: what a model remembers is forgotten there. */
  starts: ReadonlySet<number>;
  read(index: number): Promise<Sample>;
}
