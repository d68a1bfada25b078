export type {
  Files,
  Platform,
  ProcessReading,
  StartThread,
  Thread,
  ThreadListener,
  ThreadPort,
  ThreadRole,
} from './platform.ts';
