export { type SlotName, slotNames } from './boot-record.ts';
export { openSoftware, type Software, type SoftwareTools, softwareDamaged } from './software.ts';
