export type {
  Files,
  MemoryReading,
  Platform,
  ProcessReading,
  StartThread,
  Thread,
  ThreadListener,
  ThreadPort,
  ThreadRole,
} from './platform.ts';
