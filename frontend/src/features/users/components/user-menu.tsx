/** What an administrator can do with an account. */
import { Ban, DoorOpen, Ellipsis, KeyRound, LogOut, MonitorSmartphone, UserCog } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { buttonClass } from "@/components/ui/button";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";
import { Menu, MenuItem, MenuSeparator } from "@/components/ui/menu";
import { type User, useChangeUser, useSignOutUser } from "@/features/users/api/users";
import { ResetDialog } from "@/features/users/components/reset-dialog";
import { RoleDialog } from "@/features/users/components/role-dialog";
import { SessionsDialog } from "@/features/users/components/sessions-dialog";
import { useSession } from "@/lib/access";

type Shown = "role" | "reset" | "sessions" | "signOut" | "disable" | "enable";

export function UserMenu({ user }: { user: User }) {
  const { t } = useTranslation();
  const [shown, setShown] = useState<Shown>();
  const close = () => setShown(undefined);
  const own = useSession().user.id === user.id;
  return (
    <>
      <Menu
        label={t("users.menu", { name: user.name })}
        trigger={<Ellipsis aria-hidden className="size-4" />}
        triggerClass={buttonClass({ look: "ghost", size: "icon" })}
      >
        {!own && (
          <MenuItem icon={UserCog} onSelect={() => setShown("role")}>
            {t("users.changeRole")}
          </MenuItem>
        )}
        <MenuItem icon={KeyRound} onSelect={() => setShown("reset")}>
          {t("users.reset")}
        </MenuItem>
        <MenuItem icon={MonitorSmartphone} onSelect={() => setShown("sessions")}>
          {t("users.sessions")}
        </MenuItem>
        <MenuItem icon={LogOut} onSelect={() => setShown("signOut")}>
          {t("users.signOut")}
        </MenuItem>
        {!own && <MenuSeparator />}
        {!own && !user.disabled && (
          <MenuItem icon={Ban} onSelect={() => setShown("disable")}>
            {t("users.disable")}
          </MenuItem>
        )}
        {!own && user.disabled && (
          <MenuItem icon={DoorOpen} onSelect={() => setShown("enable")}>
            {t("users.enable")}
          </MenuItem>
        )}
      </Menu>
      {shown === "role" && <RoleDialog user={user} onClosed={close} />}
      {shown === "reset" && <ResetDialog user={user} onClosed={close} />}
      {shown === "sessions" && (
        <SessionsDialog user={user} onClosed={close} onSignOut={() => setShown("signOut")} />
      )}
      {shown === "signOut" && <SignOut user={user} onClosed={close} />}
      {(shown === "disable" || shown === "enable") && (
        <Door user={user} disabled={shown === "disable"} onClosed={close} />
      )}
    </>
  );
}

interface ActionProps {
  user: User;
  onClosed: () => void;
}

function SignOut({ user, onClosed }: ActionProps) {
  const { t } = useTranslation();
  const signOut = useSignOutUser(user);
  return (
    <ConfirmDialog
      open
      onOpenChange={(now) => !now && onClosed()}
      title={t("users.signOutTitle", { name: user.name })}
      text={t("users.signOutText")}
      confirm={t("users.signOut")}
      task={signOut}
      onConfirm={() => signOut.mutate(undefined, { onSuccess: onClosed })}
    />
  );
}

function Door({ user, disabled, onClosed }: ActionProps & { disabled: boolean }) {
  const { t } = useTranslation();
  const change = useChangeUser(user);
  return (
    <ConfirmDialog
      open
      onOpenChange={(now) => !now && onClosed()}
      title={t(disabled ? "users.disableTitle" : "users.enableTitle", { name: user.name })}
      text={t(disabled ? "users.disableText" : "users.enableText")}
      confirm={t(disabled ? "users.disable" : "users.enable")}
      task={change}
      onConfirm={() => change.mutate({ disabled }, { onSuccess: onClosed })}
    />
  );
}
