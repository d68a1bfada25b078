export { arrivingParcel, createInbox, type Inbox } from './inbox.ts';
