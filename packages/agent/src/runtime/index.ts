export {
  createSupervisor,
  type ServingTarget,
  type Supervisor,
  type SupervisorHandlers,
  type SupervisorStatus,
} from './supervisor.ts';
