/** The browsers in which somebody is signed in, and the way to sign them out everywhere. */
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { SessionList } from "@/components/sessions/session-list";
import { QueryPanel } from "@/components/state/query-panel";
import { Bones } from "@/components/state/skeleton";
import { Button } from "@/components/ui/button";
import { Dialog, DialogClose } from "@/components/ui/dialog";
import { type User, userSessionsQuery } from "@/features/users/api/users";

interface SessionsDialogProps {
  user: User;
  onClosed: () => void;
  onSignOut: () => void;
}

export function SessionsDialog({ user, onClosed, onSignOut }: SessionsDialogProps) {
  const { t } = useTranslation();
  const query = useQuery(userSessionsQuery(user));
  const title = t("users.sessionsTitle", { name: user.name });
  return (
    <Dialog open onOpenChange={(now) => !now && onClosed()} label={title} className="max-w-lg">
      <div className="flex flex-col gap-3 overflow-y-auto p-5">
        <h2 className="font-semibold text-base">{title}</h2>
        <QueryPanel query={query} skeleton={<Bones rows={3} />}>
          {({ sessions }) => <SessionList sessions={sessions} />}
        </QueryPanel>
        <div className="flex flex-wrap justify-end gap-2 pt-1">
          <DialogClose render={<Button look="ghost">{t("sessions.close")}</Button>} />
          {(query.data?.sessions.length ?? 0) > 0 && (
            <Button look="primary" onClick={onSignOut}>
              {t("users.signOut")}
            </Button>
          )}
        </div>
      </div>
    </Dialog>
  );
}
