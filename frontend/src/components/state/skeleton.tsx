/** Placeholders in the final layout. They hold their place at once and show after 150 ms: a quick answer never flickers. */
import { type ReactNode, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { cn } from "@/lib/cn";

const SHOW_AFTER_MS = 150;

export function Loading({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), SHOW_AFTER_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div role="status" aria-label={t("state.loading")} className={cn(!shown && "opacity-0")}>
      {children}
    </div>
  );
}

export function Bone({ className }: { className: string }) {
  return <div className={cn("animate-pulse rounded bg-surface-3", className)} />;
}

/** Lines of text or rows of a table still to come. */
export function Bones({ rows, className = "h-5" }: { rows: number; className?: string }) {
  return (
    <div className="flex flex-col gap-3">
      {Array.from({ length: rows }, (_, row) => `bone-${row}`).map((key) => (
        <Bone key={key} className={className} />
      ))}
    </div>
  );
}
