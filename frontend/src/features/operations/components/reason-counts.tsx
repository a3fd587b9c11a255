/** How many per reason under the other filters; each is a link that narrows the list to it, or widens it again. */
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api-client";
import { integer } from "@/lib/format";

interface ReasonCountsProps {
  counts: Schemas["ReasonCount"][];
  chosen: string | undefined;
}

const chip =
  "num inline-flex h-7 items-center gap-1.5 rounded-full border border-line bg-surface px-3 text-ink-2 text-xs hover:border-line-strong hover:text-ink aria-[current=true]:border-accent aria-[current=true]:bg-accent-soft aria-[current=true]:text-accent-text";

export function ReasonCounts({ counts, chosen }: ReasonCountsProps) {
  const { t } = useTranslation();
  if (counts.length === 0) return null;
  return (
    <nav aria-label={t("quarantine.reasons")}>
      <ul className="flex flex-wrap gap-2">
        {counts.map(({ reason, count }) => (
          <li key={reason}>
            {reason === "other" ? (
              <span className={chip}>
                {reason} <strong>{integer(count)}</strong>
              </span>
            ) : (
              <Link
                to="/data-lake/quarantine"
                search={({ state, source }) => ({
                  state,
                  source,
                  reason: chosen === reason ? undefined : reason,
                })}
                activeOptions={{ exact: true, includeSearch: true }}
                aria-current={chosen === reason}
                data-reason={reason}
                className={chip}
              >
                {reason} <strong>{integer(count)}</strong>
              </Link>
            )}
          </li>
        ))}
      </ul>
    </nav>
  );
}
