export type { Supervisor, SupervisorHandlers, SupervisorStatus } from './settings.ts';
export { createSupervisor } from './supervisor.ts';
