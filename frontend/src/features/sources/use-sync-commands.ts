/** "Sync … now" for the palette: one command per source, for those who may. */
import { useQuery } from "@tanstack/react-query";
import { RefreshCw } from "lucide-react";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { syncStatusQuery, useTriggerSync } from "@/features/sources/api/sync";
import { useCan } from "@/lib/access";
import type { Command } from "@/lib/commands";

export function useSyncCommands(onStarted: () => void): Command[] {
  const { t } = useTranslation();
  const canRead = useCan("sync:read");
  const canTrigger = useCan("sync:trigger");
  // Names are enough here, so this observer does not poll; the data lake page does.
  const { data } = useQuery({ ...syncStatusQuery, refetchInterval: false, enabled: canRead && canTrigger });
  const { mutate } = useTriggerSync();
  return useMemo(
    () =>
      (canTrigger ? (data?.sources ?? []) : []).map((source) => ({
        id: `sync-${source.name}`,
        group: "do",
        label: t("palette.syncNow", { source: source.title }),
        icon: RefreshCw,
        run: () => {
          mutate(source.name);
          onStarted();
        },
      })),
    [canTrigger, data, mutate, onStarted, t],
  );
}
