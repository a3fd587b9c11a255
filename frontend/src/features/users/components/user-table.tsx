/** Accounts, one line each. */
import { Ban, CircleCheck, MailQuestion } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Badge } from "@/components/ui/badge";
import { ScrollRegion } from "@/components/ui/scroll-region";
import { RowHead, Table, Td, Th } from "@/components/ui/table";
import type { User } from "@/features/users/api/users";
import { UserMenu } from "@/features/users/components/user-menu";
import { dateTime } from "@/lib/format";

export function UserTable({ users }: { users: User[] }) {
  const { t } = useTranslation();
  if (users.length === 0) return <p className="px-4 py-6 text-ink-2">{t("users.nobody")}</p>;
  return (
    <ScrollRegion label={t("users.accounts")}>
      <Table
        caption={t("users.accounts")}
        head={
          <>
            <Th>{t("users.name")}</Th>
            <Th>{t("users.email")}</Th>
            <Th>{t("users.role")}</Th>
            <Th>{t("users.state")}</Th>
            <Th>{t("users.signsIn")}</Th>
            <Th>{t("users.lastSeen")}</Th>
            <Th>
              <span className="sr-only">{t("users.actions")}</span>
            </Th>
          </>
        }
      >
        {users.map((user) => (
          <tr key={user.id} data-user={user.email}>
            <RowHead className="whitespace-nowrap">{user.name}</RowHead>
            <Td className="break-all">{user.email}</Td>
            <Td className="whitespace-nowrap">{user.role_label}</Td>
            <Td>
              <State user={user} />
            </Td>
            <Td className="text-ink-2">
              {waysIn(user, t("users.password"))}
              {user.kept_by && <p className="text-xs">{t("users.keptBy", { provider: user.kept_by })}</p>}
            </Td>
            <Td className="whitespace-nowrap text-ink-2">{dateTime(user.last_seen)}</Td>
            <Td className="text-end">
              <UserMenu user={user} />
            </Td>
          </tr>
        ))}
      </Table>
    </ScrollRegion>
  );
}

function State({ user }: { user: User }) {
  const { t } = useTranslation();
  if (user.disabled) {
    return (
      <Badge tone="bad" icon={Ban}>
        {t("users.disabled")}
      </Badge>
    );
  }
  if (user.directory_disabled) {
    return (
      <Badge tone="bad" icon={Ban}>
        {t("users.directoryDisabled")}
      </Badge>
    );
  }
  if (!user.has_password && user.providers.length === 0 && !user.kept_by) {
    return (
      <Badge tone="warn" icon={MailQuestion}>
        {t("users.invited")}
      </Badge>
    );
  }
  return (
    <Badge tone="ok" icon={CircleCheck}>
      {t("users.active")}
    </Badge>
  );
}

/** By what somebody signs in: a password, providers, both. */
function waysIn({ has_password, providers }: User, password: string): string {
  return [...(has_password ? [password] : []), ...providers].join(", ");
}
