/** A titled region of a page. */
import { type ReactNode, useId } from "react";
import { cn } from "@/lib/cn";

interface PanelProps {
  title: string;
  hint?: string;
  actions?: ReactNode;
  className?: string;
  /** No inner padding: tables reach the edges. */
  flush?: boolean;
  children: ReactNode;
}

export function Panel({ title, hint, actions, className, flush, children }: PanelProps) {
  const id = useId();
  return (
    <section
      aria-labelledby={id}
      className={cn("flex min-w-0 flex-col rounded-card border border-line bg-surface", className)}
    >
      <header className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2 px-4 pt-3.5 pb-3">
        <div className="min-w-0">
          <h2 id={id} className="font-semibold text-sm">
            {title}
          </h2>
          {hint && <p className="text-ink-3 text-xs">{hint}</p>}
        </div>
        {actions}
      </header>
      <div className={cn("min-w-0 flex-1", !flush && "px-4 pb-4")}>{children}</div>
    </section>
  );
}
