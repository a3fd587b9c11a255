/** Nothing to show: says why, and gives the next action. */
import { Inbox } from "lucide-react";
import type { ReactNode } from "react";

interface EmptyStateProps {
  title: string;
  why: string;
  action?: ReactNode;
}

export function EmptyState({ title, why, action }: EmptyStateProps) {
  return (
    <div className="flex flex-col items-center gap-2 px-4 py-8 text-center">
      <Inbox aria-hidden className="size-6 text-ink-3" strokeWidth={1.5} />
      <p className="font-medium">{title}</p>
      <p className="max-w-prose text-[0.8125rem] text-ink-2">{why}</p>
      {action && <div className="pt-1">{action}</div>}
    </div>
  );
}
