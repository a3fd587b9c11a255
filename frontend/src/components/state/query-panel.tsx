/**
 * One answer of the server in all its states. Old figures stay while new ones are fetched (dimmed when they belong to
 * another choice); a failed refresh says so above them and blanks nothing.
 */
import type { UseQueryResult } from "@tanstack/react-query";
import { RotateCw } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { ErrorState } from "@/components/state/error-state";
import { Loading } from "@/components/state/skeleton";
import { Button } from "@/components/ui/button";
import { cn } from "@/lib/cn";
import { clock } from "@/lib/format";

interface QueryPanelProps<T> {
  query: UseQueryResult<T>;
  skeleton: ReactNode;
  /** Inset for the states, where the content itself reaches the edges. */
  inset?: string;
  children: (data: T) => ReactNode;
}

export function QueryPanel<T>({ query, skeleton, inset, children }: QueryPanelProps<T>) {
  const retry = () => void query.refetch();
  if (query.data === undefined) {
    return (
      <div className={inset}>
        {query.isError ? <ErrorState error={query.error} onRetry={retry} /> : <Loading>{skeleton}</Loading>}
      </div>
    );
  }
  const other = query.isPlaceholderData;
  return (
    <>
      {query.isError && <StaleNotice from={query.dataUpdatedAt} onRetry={retry} />}
      <div aria-busy={other} className={cn("transition-opacity", other && "opacity-55")}>
        {children(query.data)}
      </div>
    </>
  );
}

function StaleNotice({ from, onRetry }: { from: number; onRetry: () => void }) {
  const { t } = useTranslation();
  return (
    <div
      role="status"
      className="mb-3 flex flex-wrap items-center gap-x-3 gap-y-1 rounded-lg bg-warn-soft px-3 py-1.5"
    >
      <p className="text-[0.8125rem] text-warn">
        {t("problem.stale", { time: clock(new Date(from).toISOString()) })}
      </p>
      <Button look="ghost" onClick={onRetry}>
        <RotateCw aria-hidden className="size-3.5" />
        {t("problem.retry")}
      </Button>
    </div>
  );
}
