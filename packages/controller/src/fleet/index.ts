export { type ModelChange, setModelVersion } from './desired.ts';
export { deviceView, listDevices, patchTags, resetPresence } from './devices.ts';
export { type DesiredDocument, desiredOf, reportOf, type StoredReport } from './documents.ts';
export { fleetHandlers } from './handlers.ts';
export { devicesOf } from './selector.ts';
