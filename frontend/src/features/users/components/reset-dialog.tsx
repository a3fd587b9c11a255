/** Makes a link by which the owner of an account chooses another password. */
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";
import { type User, useResetLink } from "@/features/users/api/users";
import { LinkDialog } from "@/features/users/components/link-dialog";
import { MailField, useMailsLinks } from "@/features/users/components/mail-field";

export function ResetDialog({ user, onClosed }: { user: User; onClosed: () => void }) {
  const { t } = useTranslation();
  const reset = useResetLink(user);
  const [wanted, setWanted] = useState(true);
  const mail = useMailsLinks() && wanted;
  if (reset.data) return <LinkDialog name={user.name} link={reset.data} mail={mail} onClosed={onClosed} />;
  return (
    <ConfirmDialog
      open
      onOpenChange={(now) => !now && onClosed()}
      title={t("users.resetTitle", { name: user.name })}
      text={t("users.resetText")}
      confirm={t("users.resetConfirm")}
      task={reset}
      onConfirm={() => reset.mutate(mail)}
    >
      <MailField value={wanted} onChange={setWanted} />
    </ConfirmDialog>
  );
}
