export { createInbox, type Inbox, parcelName } from './inbox.ts';
