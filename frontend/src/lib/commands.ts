/** What the palette can do. Features contribute commands; the shell lists them. */
import type { LucideIcon } from "lucide-react";

export interface Command {
  id: string;
  group: "go" | "do" | "theme";
  label: string;
  icon: LucideIcon;
  /** Shown beside the label, and bound: "g o". */
  keys?: string;
  run: () => void;
}
