import { listProviders, nodePlatform } from '../node/index.ts';
import type { Laboratory } from '../probe/index.ts';
import { hardwareDigest } from './hardware.ts';
import { openNodeTrial } from './trial.ts';

/** Loaded, a model takes about three times its file: what was read, its weights, and these prepared for the kernels. */
const memoryPerFileByte = 3;
/** Of the memory that is free, what the candidates of a heat may take together. */
const memoryShare = 0.5;

const { cores, files, memory } = nodePlatform;

/** This machine. */
export const nodeLaboratory: Laboratory = {
  files,
  listProviders,
  hardwareDigest,
  // One leaves the cores to others; all of them, or two, may be faster.
  threadCounts: [...new Set([1, Math.min(2, cores), cores])],
  openTrial: openNodeTrial,
  hasRoom: async (path) => {
    // A file that is not there fails when it is loaded, and says why.
    const sizeBytes = await files.sizeBytes(path).catch(() => 0);
    return sizeBytes * memoryPerFileByte < memory.availableBytes() * memoryShare;
  },
};
