import { type StartExecutor, threadExecutors } from '../executor/index.ts';
import { nodePlatform } from './platform.ts';

/** Loads a model in a thread of this process. See StartExecutor. */
export const startExecutor: StartExecutor = threadExecutors(nodePlatform);
