/** Why the rows of one table can no longer be trusted. The table is dropped; the stream goes on. */
export class GiveUp extends Error {}
