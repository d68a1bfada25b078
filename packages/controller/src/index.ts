export {
  type Addresses,
  type Controller,
  type ControllerOptions,
  createController,
  createDomain,
  type Domain,
  type DomainOptions,
} from './app/index.ts';
export type { Bus, MessageHandler } from './bus/index.ts';
export { openStorage, type Storage } from './storage/index.ts';
export { createTrust, type Trust } from './trust/index.ts';
