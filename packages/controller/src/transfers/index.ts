export { makeInWorker } from './maker.ts';
export { createTransfers, type TransferSize, type Transfers } from './transfers.ts';
