/** Nothing to show: says why, and gives the next action. */
import { Inbox } from "lucide-react";
import type { ReactNode } from "react";

interface EmptyStateProps {
  title: string;
  why: string;
  action?: ReactNode;
  /** It is all that the page has, so its title is the page's heading. */
  isPage?: boolean;
}

export function EmptyState({ title, why, action, isPage = false }: EmptyStateProps) {
  const Title = isPage ? "h1" : "p";
  return (
    <div className="flex flex-col items-center gap-2 px-4 py-8 text-center">
      <Inbox aria-hidden className="size-6 text-ink-3" strokeWidth={1.5} />
      <Title className="font-medium">{title}</Title>
      <p className="max-w-prose text-[0.8125rem] text-ink-2">{why}</p>
      {action && <div className="pt-1">{action}</div>}
    </div>
  );
}
