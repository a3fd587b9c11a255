/** Makes an account and shows the link by which its owner chooses a password. */
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";
import { TextField } from "@/components/ui/text-field";
import { type Invitation, useInvite } from "@/features/users/api/users";
import { LinkDialog } from "@/features/users/components/link-dialog";
import { MailField, useMailsLinks } from "@/features/users/components/mail-field";
import { RoleField } from "@/features/users/components/role-field";

export function InviteDialog({ onClosed }: { onClosed: () => void }) {
  const { t } = useTranslation();
  const invite = useInvite();
  const mails = useMailsLinks();
  const [mail, setMail] = useState(true);
  const [wanted, setWanted] = useState<Invitation>({ email: "", name: "", role: "sales_user" });
  const set = (part: Partial<Invitation>) => setWanted({ ...wanted, ...part });
  if (invite.data)
    return (
      <LinkDialog
        name={invite.data.user.name}
        link={invite.data.link}
        mail={mails && mail}
        onClosed={onClosed}
      />
    );
  return (
    <ConfirmDialog
      open
      onOpenChange={(now) => !now && onClosed()}
      title={t("users.invite")}
      text={t("users.inviteText")}
      confirm={t("users.inviteConfirm")}
      task={invite}
      onConfirm={() => invite.mutate({ ...wanted, mail: mails && mail })}
    >
      <TextField
        label={t("users.email")}
        type="email"
        autoComplete="off"
        required
        value={wanted.email}
        onChange={(email) => set({ email })}
      />
      <TextField label={t("users.name")} required value={wanted.name} onChange={(name) => set({ name })} />
      <RoleField value={wanted.role} onChange={(role) => set({ role })} />
      <MailField value={mail} onChange={setMail} />
    </ConfirmDialog>
  );
}
