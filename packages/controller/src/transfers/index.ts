export { previewRollout } from './preview.ts';
export { createTransfers, type Transfers } from './transfers.ts';
