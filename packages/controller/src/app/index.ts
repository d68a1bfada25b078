export { type Addresses, type Controller, type ControllerOptions, createController } from './controller.ts';
export { createDomain, type Domain, type DomainOptions } from './domain.ts';
