export { advanceDeadMan, type DeadMan, type DeadManEvent, steady } from './deadman.ts';
