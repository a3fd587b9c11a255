/** The canonical entity types, in the order they are shown. */
export const ENTITY_TYPES = [
  "opportunities",
  "accounts",
  "contacts",
  "activities",
  "users",
  "teams",
] as const;
export type EntityType = (typeof ENTITY_TYPES)[number];
