export { createUpdater, recordStart, type Updater } from './updater.ts';
