export { createAdminServer } from './admin.ts';
export { createDeviceServer } from './device-server.ts';
export { type Listener, listen } from './listen.ts';
export type { AdminServices, DeviceServices } from './services.ts';
