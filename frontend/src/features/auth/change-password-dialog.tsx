/** Changes one's own password. Every other session ends. */
import "@/i18n/later";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";
import { TextField } from "@/components/ui/text-field";
import { useChangePassword } from "@/features/auth/api/choose-password";

export default function ChangePasswordDialog({ onClosed }: { onClosed: () => void }) {
  const { t } = useTranslation();
  const change = useChangePassword();
  const [present, setPresent] = useState("");
  const [password, setPassword] = useState("");
  return (
    <ConfirmDialog
      open
      onOpenChange={(now) => !now && onClosed()}
      title={t("changePassword.title")}
      text={t("changePassword.text")}
      confirm={t("changePassword.title")}
      task={change}
      onConfirm={() => change.mutate({ present, password }, { onSuccess: onClosed })}
    >
      <TextField
        label={t("changePassword.present")}
        type="password"
        autoComplete="current-password"
        required
        value={present}
        onChange={setPresent}
      />
      <TextField
        label={t("choosePassword.password")}
        hint={t("choosePassword.hint")}
        type="password"
        autoComplete="new-password"
        required
        value={password}
        onChange={setPassword}
      />
    </ConfirmDialog>
  );
}
