export type { Supervisor, SupervisorHandlers, SupervisorSettings, SupervisorStatus } from './settings.ts';
export { createSupervisor } from './supervisor.ts';
