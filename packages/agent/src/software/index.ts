export { type SlotName, slotNames } from './boot-record.ts';
export { openSoftware, type Software, type SoftwareTools } from './software.ts';
