export { createLinks, type Links } from './links.ts';
export { noteRefusal } from './store.ts';
