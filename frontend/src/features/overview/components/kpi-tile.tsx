/** One headline figure: name, value, and the small print under it. */
import { Children, type ReactNode } from "react";

interface KpiTileProps {
  metric: string;
  title: string;
  count?: number;
  lines: ReactNode[];
  children: ReactNode;
}

export function KpiTile({ metric, title, count, lines, children }: KpiTileProps) {
  return (
    <section
      aria-label={title}
      data-metric={metric}
      data-count={count}
      className="flex min-w-0 flex-col bg-surface p-4"
    >
      <h2 className="eyebrow mb-1.5">{title}</h2>
      {children}
      <ul className="num mt-auto flex flex-col gap-0.5 pt-2.5 text-ink-2 text-xs">
        {Children.map(lines, (line) => line && <li>{line}</li>)}
      </ul>
    </section>
  );
}
