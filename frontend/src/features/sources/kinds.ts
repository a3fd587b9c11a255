/** What each kind of source has to be told. The other settings of a source are set on the command line, and kept. */
export const KINDS = {
  odoo: { title: "Odoo", settings: ["url", "database", "login"] },
  ms365: { title: "Microsoft 365", settings: ["tenant", "client_id"] },
} as const;

export type Kind = keyof typeof KINDS;

export const KIND_OPTIONS = (Object.keys(KINDS) as Kind[]).map((value) => ({
  value,
  label: KINDS[value].title,
}));

/** The settings of a kind; none of one that this page does not know. */
export function settingsOf(kind: string): readonly (typeof KINDS)[Kind]["settings"][number][] {
  return kind in KINDS ? KINDS[kind as Kind].settings : [];
}
