/** The browsers in which one is signed in; each but this one can be ended from here. */
import "@/i18n/later";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { SessionList } from "@/components/sessions/session-list";
import { ErrorState } from "@/components/state/error-state";
import { QueryPanel } from "@/components/state/query-panel";
import { Bones } from "@/components/state/skeleton";
import { Button } from "@/components/ui/button";
import { Dialog, DialogClose } from "@/components/ui/dialog";
import { sessionsQuery, useEndSession } from "@/features/auth/api/sessions";

export default function SessionsDialog({ onClosed }: { onClosed: () => void }) {
  const { t } = useTranslation();
  const query = useQuery(sessionsQuery);
  const end = useEndSession();
  const others = query.data?.sessions.some(({ current }) => !current);
  return (
    <Dialog open onOpenChange={(now) => !now && onClosed()} label={t("user.sessions")} className="max-w-lg">
      <div className="flex flex-col gap-3 overflow-y-auto p-5">
        <h2 className="font-semibold text-base">{t("user.sessions")}</h2>
        <p className="text-ink-2">{t("sessions.text")}</p>
        <QueryPanel query={query} skeleton={<Bones rows={3} />}>
          {({ sessions }) => <SessionList sessions={sessions} onEnd={end.mutate} busy={end.isPending} />}
        </QueryPanel>
        {end.isError && <ErrorState error={end.error} />}
        <div className="flex flex-wrap justify-end gap-2 pt-1">
          <DialogClose render={<Button look="ghost">{t("sessions.close")}</Button>} />
          {others && (
            <Button
              look="primary"
              aria-disabled={end.isPending}
              onClick={() => !end.isPending && end.mutate(undefined)}
            >
              {t("sessions.endOthers")}
            </Button>
          )}
        </div>
      </div>
    </Dialog>
  );
}
