/** Gives an account another role. */
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";
import { type User, useChangeUser } from "@/features/users/api/users";
import { RoleField } from "@/features/users/components/role-field";

export function RoleDialog({ user, onClosed }: { user: User; onClosed: () => void }) {
  const { t } = useTranslation();
  const change = useChangeUser(user);
  const [role, setRole] = useState(user.role);
  return (
    <ConfirmDialog
      open
      onOpenChange={(now) => !now && onClosed()}
      title={t("users.roleTitle", { name: user.name })}
      text={t("users.roleText")}
      confirm={t("users.changeRole")}
      task={change}
      onConfirm={() => change.mutate({ role }, { onSuccess: onClosed })}
    >
      <RoleField value={role} onChange={setRole} />
    </ConfirmDialog>
  );
}
