export {
  createSupervisor,
  type Supervisor,
  type SupervisorHandlers,
  type SupervisorStatus,
} from './supervisor.ts';
