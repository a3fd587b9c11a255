/** The frame of one zone: name, what it holds, one headline count, and its parts. */
import { type ReactNode, useId } from "react";
import { useTranslation } from "react-i18next";
import { integer } from "@/lib/format";

interface ZoneCardProps {
  zone: string;
  title: string;
  hint: string;
  count: number;
  unit: string;
  children: ReactNode;
}

export function ZoneCard({ zone, title, hint, count, unit, children }: ZoneCardProps) {
  const id = useId();
  return (
    <section
      aria-labelledby={id}
      data-testid={`zone-${zone}`}
      className="flex min-w-0 flex-col rounded-card border border-line bg-surface"
    >
      <header className="px-4 pt-3.5 pb-3">
        <h2 id={id} className="font-semibold text-sm">
          {title}
        </h2>
        <p className="text-ink-3 text-xs">{hint}</p>
        <p className="num mt-2 flex items-baseline gap-1.5" data-metric={`${zone}_count`} data-count={count}>
          <span className="font-semibold text-2xl tracking-tight">{integer(count)}</span>
          <span className="text-ink-2">{unit}</span>
        </p>
      </header>
      <div className="num flex-1 border-line border-t px-4 py-3 text-[0.8125rem]">{children}</div>
    </section>
  );
}

/** A line of a zone: a name, and its figure on the right. */
export function ZoneLine({ name, children }: { name: ReactNode; children: ReactNode }) {
  return (
    <div className="flex items-baseline justify-between gap-3 py-0.5">
      <dt className="min-w-0 break-words text-ink-2">{name}</dt>
      <dd className="whitespace-nowrap text-end">{children}</dd>
    </div>
  );
}

/** A zone of which only readers who see every record are told how much goes through it. */
export function UntoldZone({ zone, title, hint }: Pick<ZoneCardProps, "zone" | "title" | "hint">) {
  const { t } = useTranslation();
  const id = useId();
  return (
    <section
      aria-labelledby={id}
      data-testid={`zone-${zone}`}
      className="flex min-w-0 flex-col rounded-card border border-line bg-surface px-4 py-3.5"
    >
      <h2 id={id} className="font-semibold text-sm">
        {title}
      </h2>
      <p className="text-ink-3 text-xs">{hint}</p>
      <p className="mt-2 text-ink-2 text-sm">{t("lake.untold")}</p>
    </section>
  );
}
