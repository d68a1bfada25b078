export { createUpdater, ledgerTime, recordStart, type Updater } from './updater.ts';
