export { createAgent } from './agent.ts';
export { type EnrolOptions, enrol } from './enrol/index.ts';
export { type DeviceFolder, initDeviceFolder, openDeviceFolder } from './folder/index.ts';
export {
  askStanding,
  type Identity,
  type IdentityStore,
  openIdentity,
  rootLost,
  rootLostButLearned,
  type Standing,
  tlsOf,
} from './identity/index.ts';
export { parcelName } from './inbox/index.ts';
export { webSocketUrl } from './link/index.ts';
export type { Agent, AgentOptions, AgentStatus } from './options.ts';
export { testSoftware } from './self-test/index.ts';
export { type SlotName, type SoftwareTools, slotNames } from './software/index.ts';
export { hasLearnedRoot } from './trust/index.ts';
