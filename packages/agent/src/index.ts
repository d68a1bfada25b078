export { type Agent, type AgentOptions, type AgentStatus, createAgent } from './agent.ts';
export { type EnrolOptions, enrol } from './enrol/index.ts';
export { type DeviceFolder, openDeviceFolder } from './folder/index.ts';
export { type Identity, type IdentityStore, openIdentity } from './identity/index.ts';
