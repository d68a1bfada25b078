export { type DeviceFolder, initDeviceFolder, openDeviceFolder } from './folder.ts';
