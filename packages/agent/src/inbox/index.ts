export { arrivingParcel, createInbox, type Inbox, parcelName } from './inbox.ts';
