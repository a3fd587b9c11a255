/** Tells screen readers, politely, when a sync starts and how it ended; not every count in between. */
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { isUnderWay, type SourceStatus } from "@/features/sources/api/sync";
import { integer } from "@/lib/format";

export function SyncAnnouncer({ sources }: { sources: SourceStatus[] }) {
  const { t } = useTranslation();
  const [message, setMessage] = useState("");
  const before = useRef<Map<string, boolean> | null>(null);
  useEffect(() => {
    const seen = before.current;
    before.current = new Map(sources.map((source) => [source.name, isUnderWay(source.current)]));
    const changed = sources.find((s) => seen?.has(s.name) && seen.get(s.name) !== isUnderWay(s.current));
    if (!changed) return;
    const source = changed.title;
    const published = changed.last?.published ?? 0;
    if (isUnderWay(changed.current)) setMessage(t("sources.announceStarted", { source }));
    else if (changed.last?.state === "failed") setMessage(t("sources.announceFailed", { source }));
    else setMessage(t("sources.announceDone", { source, n: integer(published) }));
  }, [sources, t]);
  return (
    <p role="status" className="sr-only" data-testid="sync-announcer">
      {message}
    </p>
  );
}
