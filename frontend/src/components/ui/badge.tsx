/** A state in a word, with an icon: colour is never the only carrier. */
import { cva, type VariantProps } from "class-variance-authority";
import type { LucideIcon } from "lucide-react";
import type { ReactNode } from "react";

const badgeClass = cva(
  "inline-flex items-center gap-1 whitespace-nowrap rounded-full px-2 py-0.5 font-medium text-xs",
  {
    variants: {
      tone: {
        neutral: "bg-surface-2 text-ink-2",
        ok: "bg-ok-soft text-ok",
        warn: "bg-warn-soft text-warn",
        bad: "bg-bad-soft text-bad",
        busy: "bg-busy-soft text-busy",
      },
    },
    defaultVariants: { tone: "neutral" },
  },
);

export type Tone = NonNullable<VariantProps<typeof badgeClass>["tone"]>;

interface BadgeProps {
  tone: Tone;
  icon: LucideIcon;
  spin?: boolean;
  children: ReactNode;
}

export function Badge({ tone, icon: Icon, spin, children }: BadgeProps) {
  return (
    <span className={badgeClass({ tone })}>
      <Icon aria-hidden className={spin ? "size-3 animate-spin" : "size-3"} strokeWidth={2.25} />
      {children}
    </span>
  );
}
