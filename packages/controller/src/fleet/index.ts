export { setModelVersion } from './desired.ts';
export { deviceView, listDevices, patchTags, resetPresence } from './devices.ts';
export { desiredOf, reportOf } from './documents.ts';
export { fleetHandlers } from './handlers.ts';
export { devicesOf } from './selector.ts';
