// One place to take the interface from: both databases have it.
export type { KeyListing, WritableKeyStore } from '@countersign/server/keys/redis';
