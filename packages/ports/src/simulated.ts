export { type BrokerHandlers, type SimulatedBroker, simulatedBroker } from './simulated/broker.ts';
export { type DiskFault, SimulatedDisk } from './simulated/disk.ts';
export { handOver, type SimulatedFetch, simulatedFetch } from './simulated/fetch.ts';
export { type MachineOptions, type SimulatedMachine, simulatedMachine } from './simulated/machine.ts';
export { type Program, type ProgramSelf, simulatedProcesses } from './simulated/processes.ts';
export { type SimulatedWorld, simulatedWorld } from './simulated/world.ts';
