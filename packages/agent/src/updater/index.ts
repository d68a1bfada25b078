export { createUpdater, type Updater } from './updater.ts';
